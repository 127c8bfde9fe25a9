"""Claims that table cells do not decide: gains by class size, gates, learned factors."""

import numpy as np

from acnet.params.claims import Claim
from acnet.params.tables import Figure, Tables
from acnet.report.checks import HELD, LEFT_OUT, NOT_HELD, NOT_MEASURED, NOT_RUN, Step, Term, judge
from acnet.report.examples import read_examples
from acnet.report.results import Results, Score
from acnet.report.text import heading


def class_gains(claim: Claim, tables: Tables, results: Results) -> Step:
    """Whether local context favours small classes more than global context does (Figure 1).

    With G and L the gains in IoU of global and local context: the mean of L - G over the half of the classes with
    the fewest labelled pixels, less its mean over the other half, in points.
    """
    figure = tables.figure(claim.figure)
    baseline, first, second = list(figure.runs.items())[:3]
    label = f"({second[0]} − {first[0]}) on small classes less the same on large classes"
    if claim.figure not in results.scale.figures:
        return Step(label, [], NOT_MEASURED, reason=f"{LEFT_OUT}{heading(claim.figure)}")
    seeds = [
        seed
        for seed in results.scale.seeds
        if all(_metrics(figure, run, seed, results) for run in figure.runs.values())
    ]
    if not seeds:
        lacking = [run for run in figure.runs.values() if not results.score(run, figure.protocol, "miou")]
        return Step(
            label, [], NOT_MEASURED, reason=f"{NOT_RUN}{', '.join(lacking or figure.runs.values())} ({figure.protocol})"
        )
    halves = np.array([_halves(figure, baseline[1], (first[1], second[1]), seed, results) for seed in seeds])
    margins = (halves[:, 1, 0] - halves[:, 0, 0]) - (halves[:, 1, 1] - halves[:, 0, 1])
    score = Score(tuple(seeds), tuple(map(float, margins)))
    noise = round(max(results.scale.noise, 2 * score.variance_of_mean**0.5), 4)
    terms = [
        Term(
            f"{name}, {size} classes", round(float(halves[:, gain, half].mean()), 4), run=run, protocol=figure.protocol
        )
        for gain, (name, run) in enumerate((first, second))
        for half, size in enumerate(("small", "large"))
    ]
    return Step(label, terms, judge(score.mean, noise), score.mean, noise=noise)


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


def _gates(claim: Claim, tables: Tables, results: Results, label: str, local: bool) -> Step:
    run = list(tables.figure(claim.figure).runs.values())[-1]
    path = results.examples_file(run)
    gates = [gate for example in read_examples(path) for gate in example.gates] if path else []
    if not gates:
        return Step(label, [], NOT_MEASURED, reason=f"{NOT_RUN}{run} (examples)")
    low, high = min(float(gate.min()) for gate in gates), max(float(gate.max()) for gate in gates)
    within = low > 0 and high == 1 and all(gate.max() == 1 for gate in gates)
    if local:
        low, high = 1 - high, 1 - low
    terms = [Term(f"smallest of {len(gates)} maps", round(low, 6), run=run), Term("largest", round(high, 6), run=run)]
    return Step(label, terms, HELD if within else NOT_HELD)


def _metrics(figure: Figure, run: str, seed: int, results: Results) -> dict | None:
    return results.metrics(run, figure.protocol, seed)


def _halves(figure: Figure, baseline: str, runs: tuple[str, str], seed: int, results: Results) -> list[list[float]]:
    """Mean gain in points of each run over the baseline, on the small and on the large half of the classes."""
    base = _metrics(figure, baseline, seed, results)
    others = [_metrics(figure, run, seed, results) for run in runs]
    pixels = dict(zip(base["class_iou"], np.sum(base["confusion"], axis=1), strict=True))
    known = [
        name for name in pixels if pixels[name] and all(m["class_iou"].get(name) is not None for m in (base, *others))
    ]
    known.sort(key=lambda name: (pixels[name], name))
    halves = known[: len(known) // 2], known[len(known) // 2 :]
    return [
        [100 * float(np.mean([m["class_iou"][name] - base["class_iou"][name] for name in half])) for half in halves]
        for m in others
    ]
