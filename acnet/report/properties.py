"""Claims that table cells do not decide: gates, learned factors, and where which context helps."""

import dataclasses
import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np

from acnet.evaluate.bootstrap import interval
from acnet.evaluate.metrics import class_iou, mean_over_classes
from acnet.params.claims import Claim
from acnet.params.tables import Figure
from acnet.report.checks import (
    HELD,
    LEFT_OUT,
    NOT_HELD,
    NOT_MEASURED,
    NOT_RUN,
    Evidence,
    Step,
    Term,
    judge,
    noise,
)  # fmt: skip
from acnet.report.results import Results
from acnet.report.text import heading


def gate_range(claim: Claim, evidence: Evidence) -> list[Step]:
    """Whether every gate lies in (0, 1] with a maximum of exactly 1 in each image (Equations 1 and 2).

    Of local gates, which are 1 - gate (Equation 4), whether each lies in [0, 1) with a minimum of exactly 0.
    """
    local = claim.check == "local_gate_range"
    label = f"{'local' if local else 'global'} gate, smallest and largest value"
    *_, run = evidence.tables.figure(claim.figure).runs.values()
    measured = evidence.results.gates(run)
    if measured and all("smallest_maximum" in block for block in measured["blocks"]):
        blocks, among = measured["blocks"], f"{measured['images']} images"
        low, high = min(block["smallest"] for block in blocks), max(block["largest"] for block in blocks)
        top = min(block["smallest_maximum"] for block in blocks)
    else:
        gates = [gate for example in evidence.results.examples(run) for gate in example.gates]
        if not gates:
            return [Step(label, [], NOT_MEASURED, reason=f"{NOT_RUN}{run} (examples)")]
        tops, among = [float(gate.max()) for gate in gates], f"{len(gates)} maps"
        low, high, top = float(min(gate.min() for gate in gates)), max(tops), min(tops)
    verdict = HELD if low > 0 and high == top == 1 else NOT_HELD
    if local:
        low, high = 1 - high, 1 - low
    return [Step(label, [Term(f"smallest of {among}", low, run=run), Term("largest", high, run=run)], verdict)]


def learned(claim: Claim, evidence: Evidence) -> list[Step]:
    """Whether every alpha and beta began at 1 and ended elsewhere (Sections 3.2 and 3.3)."""
    label = "factors at the start and at the end of training"
    for seed in evidence.scale.seeds:
        scalars = (evidence.results.provenance(claim.run, seed) or {}).get("context_scalars") or {}
        initial, final = scalars.get("initial"), scalars.get("final")
        if initial and final:
            moved = all(initial[name] == 1.0 and final[name] != 1.0 for name in initial)
            terms = [Term(f"{name}, {when}", values[name], run=claim.run) for name in sorted(initial)
                     for when, values in (("start", initial), ("end", final))]  # fmt: skip
            return [Step(label, terms, HELD if moved else NOT_HELD)]
    return [Step(label, [], NOT_MEASURED, reason=f"{NOT_RUN}{claim.run}")]


def gate_contrasts(claim: Claim, evidence: Evidence) -> list[Step]:
    """Whether the gates are larger on large segments and far from label edges, each beyond what shuffled gates give.

    The margin is in hundredths of the gate, which lies in (0, 1]; there is no noise but the interval over images.
    """
    gates = evidence.results.gates(claim.run)
    if gates is None:
        return [Step(claim.statement, [], NOT_MEASURED, reason=f"{NOT_RUN}{claim.run} (gates)")]
    steps = []
    for number, block in enumerate(gates["blocks"], 1):
        far = f"{block['far']} px of an edge minus {block['near'].replace('to', 'within')} px"
        for name, text in (("large_minus_small", "large minus small segments"), ("far_minus_near", far)):
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


@dataclasses.dataclass(frozen=True)
class _Region:
    """Where an IoU is taken: in some `classes`, or in a `part` of the pixels as in `Counts.confusion`."""

    label: str
    classes: list[str] | None = None
    part: dict[str, Any] = dataclasses.field(default_factory=dict)

    def iou(self, metrics: Mapping[str, Any]) -> float:
        """The mean IoU, a fraction; NaN without a labelled pixel."""
        if self.classes is not None:
            return float(np.mean([metrics["class_iou"][name] for name in self.classes]))
        where = metrics
        if "size" in self.part:
            where = metrics["segments"][self.part["size"]]
        elif "band" in self.part:
            where = metrics["near_edges"][str(self.part["band"])]
        return float("nan") if where["miou"] is None else where["miou"]

    def samples(self, run: str, protocol: str, seed: int, results: Results) -> np.ndarray | None:
        """The mean IoU in each bootstrap sample."""
        areas = results.resampled(run, protocol, seed, **self.part)
        if areas is None:
            return None
        names = list(results.metrics(run, protocol, seed)["class_iou"])
        chosen = slice(None) if self.classes is None else [names.index(name) for name in self.classes]
        return mean_over_classes(class_iou(areas)[:, chosen])


def context_gains(claim: Claim, evidence: Evidence) -> list[Step]:
    """Whether local context does more than global context for small classes, small segments and edges.

    With G and L the gains in IoU of global and local context over the baseline, L - G in the first region of each pair
    minus L - G in the second, in points. The pairs: the half of the classes with the fewest labelled pixels and the
    other half; small and large segments; the pixels near a label edge and all.
    """
    figure, results = evidence.tables.figure(claim.figure), evidence.results
    first, second = list(figure.runs)[1:3]
    label = f"({second} − {first}) on small classes minus the same on large classes"
    if claim.figure not in evidence.scale.figures:
        return [Step(label, [], NOT_MEASURED, reason=f"{LEFT_OUT}{heading(claim.figure)}")]
    runs = figure.runs.values()
    seeds = [s for s in evidence.scale.seeds if all(results.metrics(run, figure.protocol, s) for run in runs)]
    if not seeds:
        lacking = [run for run in runs if not results.scores(run, figure.protocol, "miou")]
        reason = f"{NOT_RUN}{', '.join(lacking or runs)} ({figure.protocol})"
        return [Step(label, [], NOT_MEASURED, reason=reason)]
    bands = evidence.scale.measures.bands
    band = bands[len(bands) // 2]
    pairs = [
        _halves(figure, seeds, results),
        tuple(_Region(f"{size} segments", part={"size": size}) for size in ("small", "large")),
        (_Region(f"pixels within {band} of an edge", part={"band": band}), _Region("all pixels")),
    ]
    return [_gain(pair, figure, seeds, results) for pair in pairs]


def _halves(figure: Figure, seeds: list[int], results: Results) -> tuple[_Region, _Region]:
    """The smaller and the larger half of the classes that every run has an IoU of."""
    pixels = results.metrics(next(iter(figure.runs.values())), figure.protocol, seeds[0])["class_pixels"]
    every = [results.metrics(run, figure.protocol, s)["class_iou"] for run in figure.runs.values() for s in seeds]
    known = [name for name in pixels if pixels[name] and all(iou.get(name) is not None for iou in every)]
    known.sort(key=lambda name: (pixels[name], name))
    half = len(known) // 2
    return _Region("small classes", known[:half]), _Region("large classes", known[half:])


def _gain(pair: tuple[_Region, _Region], figure: Figure, seeds: list[int], results: Results) -> Step:
    (_, baseline), (first, global_run), (second, local_run) = list(figure.runs.items())[:3]
    label = f"({second} − {first}) on {pair[0].label} minus the same on {pair[1].label}"
    metrics = {run: [results.metrics(run, figure.protocol, seed) for seed in seeds] for run in figure.runs.values()}
    iou = {run: np.array([[region.iou(one) for region in pair] for one in metrics[run]])
           for run in (baseline, global_run, local_run)}  # fmt: skip
    if np.isnan([*iou.values()]).any():
        return Step(label, [], NOT_MEASURED, reason=f"no labelled pixel: {pair[0].label} or {pair[1].label}")
    margins = list(map(float, 100 * (iou[local_run] - iou[global_run]) @ (1, -1)))
    margin, allowed = statistics.fmean(margins), noise(results.scale, [margins])
    terms = [
        Term(f"{name}, {region.label}", 100 * float((iou[run] - iou[baseline])[:, i].mean()), None, None, run,
             figure.protocol)
        for name, run in ((first, global_run), (second, local_run))
        for i, region in enumerate(pair)
    ]  # fmt: skip
    drawn = [[region.samples(run, figure.protocol, seed, results) for seed in seeds]
             for region in pair for run in (local_run, global_run)]  # fmt: skip
    between = None
    if not any(one is None for by_seed in drawn for one in by_seed):
        local_first, global_first, local_second, global_second = np.array(drawn)
        difference = ((local_first - global_first) - (local_second - global_second)).mean(axis=0)
        between = interval(100 * difference, results.scale.measures.level)
    return Step(label, terms, judge(margin, allowed, between), margin, noise=allowed, interval=between)
