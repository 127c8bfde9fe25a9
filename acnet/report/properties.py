"""Claims that table cells do not decide: gates and learned factors."""

from acnet.params.claims import Claim
from acnet.params.tables import Tables
from acnet.report.checks import HELD, NOT_HELD, NOT_MEASURED, NOT_RUN, Step, Term, judge
from acnet.report.examples import read_examples
from acnet.report.results import Results


def gate_range(claim: Claim, tables: Tables, results: Results) -> Step:
    """Whether every gate lies in (0, 1] with a maximum of exactly 1 in each image (Equations 1 and 2)."""
    return _gates(claim, tables, results, "global gate, smallest and largest value", local=False)


def local_gate_range(claim: Claim, tables: Tables, results: Results) -> Step:
    """Whether 1 - gate lies in [0, 1) with a minimum of exactly 0 in each image (Equation 4)."""
    return _gates(claim, tables, results, "local gate, smallest and largest value", local=True)


def learned(claim: Claim, results: Results) -> Step:
    """Whether every alpha and beta began at 1 and ended elsewhere (Sections 3.2 and 3.3)."""
    label = "factors at the start and at the end of training"
    for seed in results.scale.seeds:
        scalars = (results.provenance(claim.run, seed) or {}).get("context_scalars") or {}
        initial, final = scalars.get("initial"), scalars.get("final")
        if initial and final:
            moved = all(initial[name] == 1.0 and final[name] != 1.0 for name in initial)
            terms = [Term(f"{name}, {when}", values[name], run=claim.run) for name in sorted(initial)
                     for when, values in (("start", initial), ("end", final))]  # fmt: skip
            return Step(label, terms, HELD if moved else NOT_HELD)
    return Step(label, [], NOT_MEASURED, reason=f"{NOT_RUN}{claim.run}")


def gate_contrasts(claim: Claim, results: Results) -> list[Step]:
    """Whether the gates are larger on large segments and far from label edges, each beyond what shuffled gates give.

    The margin is in hundredths of the gate, which lies in (0, 1]; there is no noise but the interval over images.
    """
    gates = results.gates(claim.run)
    if gates is None:
        return [Step(claim.statement, [], NOT_MEASURED, reason=f"{NOT_RUN}{claim.run} (gates)")]
    steps = []
    for number, block in enumerate(gates["blocks"], 1):
        far = f"{block['far']} px of an edge less {block['near'].replace('to', 'within')} px"
        for name, text in (("large_minus_small", "large less small segments"), ("far_minus_near", far)):
            contrast = block["contrasts"][name]
            label = f"block {number} (1/{block['stride']}), {text}"
            if None in contrast.values():
                steps.append(Step(label, [], NOT_MEASURED, reason=f"no labelled pixel: {text}"))
                continue
            values = {what: 100 * contrast[what] for what in ("gate", "shuffled")}
            margin = values["gate"] - values["shuffled"]
            between = tuple(100 * end for end in contrast["interval"])
            terms = [Term(what, value, run=claim.run) for what, value in values.items()]
            steps.append(Step(label, terms, judge(margin, 0.0, between), margin, interval=between))
    return steps


def _gates(claim: Claim, tables: Tables, results: Results, label: str, local: bool) -> Step:
    run = list(tables.figure(claim.figure).runs.values())[-1]
    measured = results.gates(run)
    if measured and all("smallest_maximum" in block for block in measured["blocks"]):
        low, high, top = (
            extreme(block[key] for block in measured["blocks"])
            for extreme, key in ((min, "smallest"), (max, "largest"), (min, "smallest_maximum"))
        )
        return _range(label, low, high, top, f"{measured['images']} images", run, local)
    path = results.examples_file(run)
    gates = [gate for example in read_examples(path) for gate in example.gates] if path else []
    if not gates:
        return Step(label, [], NOT_MEASURED, reason=f"{NOT_RUN}{run} (examples)")
    lows, tops = zip(*((float(gate.min()), float(gate.max())) for gate in gates), strict=True)
    return _range(label, min(lows), max(tops), min(tops), f"{len(gates)} maps", run, local)


def _range(label: str, low: float, high: float, top: float, among: str, run: str, local: bool) -> Step:
    """Whether values from `low` to `high`, of which each image's largest is `top` or more, are as Equation 2 says."""
    within = low > 0 and high == top == 1
    if local:
        low, high = 1 - high, 1 - low
    terms = [Term(f"smallest of {among}", low, run=run), Term("largest", high, run=run)]
    return Step(label, terms, HELD if within else NOT_HELD)
