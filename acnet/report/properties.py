"""Claims that table cells do not decide: gates, learned factors, and where which context helps."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from acnet.evaluate.metrics import areas_of, class_iou, mean_over_classes
from acnet.params.claims import Claim
from acnet.report.checks import CONTRADICTED, HELD, LEFT_OUT, NOT_MEASURED, NOT_RUN, Evidence, Step, Summand, Term
from acnet.report.results import Results, absent_rule, labelled_miou, mean_iou, sampled_mean_iou
from acnet.report.text import heading


def gate_range(claim: Claim, evidence: Evidence) -> list[Step]:
    """Whether every gate lies in (0, 1] with a maximum of exactly 1 in each image (Equations 1 and 2).

    Of local gates, which are 1 - gate (Equation 4), whether each lies in [0, 1) with a minimum of exactly 0.
    """
    local = claim.check == "local_gate_range"
    label = f"{'local' if local else 'global'} gate, smallest and largest value"
    *_, run = evidence.tables.figure(claim.figure).runs.values()
    measured = next(iter(evidence.results.gates(run).values()), None)
    if measured is None:
        return [Step(label, [], NOT_MEASURED, reason=f"{NOT_RUN}{run} (gates)")]
    blocks, among = measured["blocks"], f"{measured['images']} images"
    low, high = min(block["smallest"] for block in blocks), max(block["largest"] for block in blocks)
    top = min(block["smallest_maximum"] for block in blocks)
    verdict = HELD if low > 0 and high == top == 1 else CONTRADICTED
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
            return [Step(label, terms, HELD if moved else CONTRADICTED)]
    return [Step(label, [], NOT_MEASURED, reason=f"{NOT_RUN}{claim.run}")]


def gate_contrasts(claim: Claim, evidence: Evidence) -> list[Step]:
    """Whether the gates are larger on large segments and far from label edges, each beyond what shuffled gates give.

    Every block of every gated run at hand; the margin is in hundredths of the gate, which lies in (0, 1].
    """
    found = {run: evidence.results.gates(run) for run in evidence.tables.trained(evidence.scale.shown)}
    most = max(map(len, found.values()), default=0)
    found = {run: gates for run, gates in found.items() if len(gates) >= min(most, 2) > 0}
    if not found:
        return [Step(claim.statement, [], NOT_MEASURED, reason=f"{NOT_RUN}{claim.run} (gates)")]
    steps = []
    for run, gates in found.items():
        for number, block in enumerate(next(iter(gates.values()))["blocks"]):
            far = f"{block['far']} px of an edge minus {block['near'].replace('to', 'within')} px"
            for name, text in (("large_minus_small", "large minus small segments"), ("far_minus_near", far)):
                label = f"{run}, block {block['block']} (1/{block['stride']}), {text}"
                contrasts = {seed: one["blocks"][number]["contrasts"][name] for seed, one in gates.items()}
                steps.append(_contrast(label, text, run, contrasts, evidence))
    return steps


def _contrast(label: str, text: str, run: str, contrasts: dict[int, dict[str, Any]], evidence: Evidence) -> Step:
    if any(None in contrast.values() for contrast in contrasts.values()):
        return Step(label, [], NOT_MEASURED, reason=f"no labelled pixel: {text}")
    values = {what: {seed: 100 * one[what] for seed, one in contrasts.items()} for what in ("gate", "shuffled")}
    terms = [Term(what, None, run=run) for what in values]
    (_, first), *more = contrasts.items()
    images = None if more else tuple(100 * end for end in first["interval"])
    gate, shuffled = map(Summand, values.values())
    return evidence.step(label, terms, [(1, gate), (-1, shuffled)], images=images)


@dataclasses.dataclass(frozen=True)
class _Region:
    """Where an IoU is taken: in some `classes`, or in a `part` of the pixels as in `Counts.confusion`."""

    label: str
    classes: tuple[str, ...] | None = None
    part: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def summand(self, run: str, protocol: str, results: Results) -> Summand | None:
        """The mean IoU here, of the seeds that are measured; None without a labelled pixel."""
        measured = results.measured(run, protocol)
        if self.part:
            areas = {seed: areas_of(results.counts(run, protocol, seed).confusion(**self.part)) for seed in measured}
            by_seed = {seed: float(labelled_miou(found)) for seed, found in areas.items()}
        else:
            by_seed = {seed: self._iou(metrics) for seed, metrics in measured.items()}
        if any(iou is None or np.isnan(iou) for iou in by_seed.values()):
            return None
        samples = results.sampled(run, protocol, self._resampled, **self.part)
        return Summand({seed: 100 * iou for seed, iou in by_seed.items()}, samples)

    def _iou(self, metrics: Mapping[str, Any]) -> float | None:
        return metrics["miou"] if self.classes is None else mean_iou(metrics, self.classes)

    def _resampled(self, areas: np.ndarray, metrics: Mapping[str, Any]) -> np.ndarray:
        if self.part:
            return labelled_miou(areas)
        if self.classes is None:
            return mean_over_classes(class_iou(areas), absent_rule(metrics))
        return sampled_mean_iou(areas, metrics, self.classes)


def _region(part: str, evidence: Evidence) -> _Region:
    """The pixels that claims.yaml calls `part`."""
    if part == "all":
        return _Region("all pixels")
    if part == "edges":
        bands = evidence.scale.measures.bands
        band = bands[len(bands) // 2]
        return _Region(f"pixels within {band} of an edge", part={"band": band})
    return _Region(f"{part} segments", part={"size": part})


def _margin(
    label: str, summed: Sequence[tuple[int, str, _Region]], protocol: str, evidence: Evidence, names: Mapping[str, str]
) -> Step:
    """The signed sum of IoUs of runs in regions, as a step; `names` are what the runs are called."""
    summands = [region.summand(run, protocol, evidence.results) for _, run, region in summed]
    if None in summands:
        regions = dict.fromkeys(region.label for _, _, region in summed)
        return Step(label, [], NOT_MEASURED, reason=f"no labelled pixel: {' or '.join(regions)}")
    terms = [Term(f"{names.get(run, run)}, {at.label}", None, run=run, protocol=protocol) for _, run, at in summed]
    return evidence.step(label, terms, [(sign, one) for (sign, _, _), one in zip(summed, summands, strict=True)])


def _lacking(runs: Sequence[str], protocol: str, evidence: Evidence, region: _Region | None = None) -> str | None:
    """Why `runs` cannot be compared by `protocol`, in `region`; None if they can."""
    shown = evidence.tables.trained(evidence.scale.shown)
    if absent := [run for run in runs if run not in shown]:
        return f"{LEFT_OUT}{', '.join(absent)}"
    results = evidence.results
    found = {run: results.measured(run, protocol) for run in runs}
    if missing := [f"{run} ({protocol})" for run in runs if not found[run]]:
        return f"{NOT_RUN}{', '.join(missing)}"
    if other := evidence.other_settings((run, protocol) for run in runs):
        return other
    if region is None or not region.part:
        return None
    counts = {run: [results.counts(run, protocol, seed) for seed in found[run]] for run in runs}
    if missing := [f"{run} ({protocol}.images.npz)" for run in runs if None in counts[run]]:
        return f"{NOT_RUN}{', '.join(missing)}"
    band = region.part.get("band")
    other = [run for run in runs if band and not all(band in one.bands for one in counts[run])]
    return f"measured with other bands, evaluate again: {', '.join(other)}" if other else None


def greater_in(claim: Claim, evidence: Evidence) -> list[Step]:
    """Whether the first run is above each of the others, in each part of the pixels."""
    first, *others = claim.runs
    steps = []
    for other, part in itertools.product(others, claim.parts):
        region = _region(part, evidence)
        label = f"{evidence.run_pair(first, other)}, {region.label}"
        reason = _lacking([first, other], claim.protocol, evidence, region)
        if reason:
            steps.append(Step(label, [], NOT_MEASURED, reason=reason))
            continue
        steps.append(_margin(label, [(1, first, region), (-1, other, region)], claim.protocol, evidence, {}))
    return steps


def context_gains(claim: Claim, evidence: Evidence) -> list[Step]:
    """Whether global context helps large segments and local context small ones, and each more than the other does.

    First the gain of each over the baseline. Then, with G and L the IoU with global and with local context, L - G in
    the first region of each pair minus L - G in the second: the half of the classes with the fewest labelled pixels
    and the other half; small and large segments; the pixels near a label edge and all.
    """
    figure = evidence.tables.figure(claim.figure)
    names, protocol = {run: name for name, run in figure.runs.items()}, figure.protocol
    baseline, first, second = list(figure.runs.values())[:3]
    left_out = claim.figure not in evidence.scale.figures
    small, large, edges, everywhere = (_region(part, evidence) for part in ("small", "large", "edges", "all"))
    reason = f"{LEFT_OUT}{heading(claim.figure)}" if left_out else _lacking(list(names)[:3], protocol, evidence, edges)
    if reason:
        return [Step(claim.statement, [], NOT_MEASURED, reason=reason)]
    pixels = next(iter(evidence.results.measured(baseline, protocol).values()))["class_pixels"]
    steps = [
        _margin(f"{names[run]} − {names[baseline]} on {where.label}", [(1, run, where), (-1, baseline, where)],
                protocol, evidence, names)
        for run, where in ((first, large), (second, small))
    ]  # fmt: skip
    halves = _halves(pixels, (baseline, first, second), protocol, evidence, ("small classes", "large classes"))
    for here, there in (halves, (small, large), (edges, everywhere)):
        label = f"({names[second]} − {names[first]}) on {here.label} minus the same on {there.label}"
        summed = [(1, second, here), (-1, first, here), (-1, second, there), (1, first, there)]
        steps.append(_margin(label, summed, protocol, evidence, names))
    return steps


def gated_gains(claim: Claim, evidence: Evidence) -> list[Step]:
    """Whether GCM gains more on classes with a large mean gate than on others, and LCM on those with a small one.

    The gate is that of the network's own first block, averaged over its seeds; the classes are halved at its median.
    """
    plain, gcm, lcm = claim.runs
    reason, steps = _lacking(claim.runs, claim.protocol, evidence), []
    if reason:
        return [Step(claim.statement, [], NOT_MEASURED, reason=reason)]
    for run, base, sign, size in ((gcm, plain, 1, "large"), (lcm, gcm, -1, "small")):
        label = f"{evidence.run_pair(run, base)}: classes with a {size} gate minus the others"
        gates = [found["blocks"][0]["classes"] for found in evidence.results.gates(run).values()]
        if not gates:
            steps.append(Step(label, [], NOT_MEASURED, reason=f"{NOT_RUN}{run} (gates)"))
            continue
        # A class without pixels has no mean with any seed.
        mean = {name: sum(one[name]["mean"] or 0.0 for one in gates) for name in gates[0]}
        labels = ("classes with a small gate", "classes with a large gate")
        small, large = _halves(mean, (run, base), claim.protocol, evidence, labels)
        summed = [(sign, run, large), (-sign, base, large), (-sign, run, small), (sign, base, small)]
        steps.append(_margin(label, summed, claim.protocol, evidence, {}))
    return steps


def _halves(
    by: Mapping[str, float], runs: Sequence[str], protocol: str, evidence: Evidence, labels: tuple[str, str]
) -> tuple[_Region, _Region]:
    """The half of the classes that are lower in `by` and the other half, of those that every run has an IoU of."""
    found = [evidence.results.measured(run, protocol) for run in runs]
    every = [metrics["class_iou"] for by_seed in found for metrics in by_seed.values()]
    known = [name for name in by if by[name] and all(iou.get(name) is not None for iou in every)]
    known.sort(key=lambda name: (by[name], name))
    half = len(known) // 2
    return _Region(labels[0], tuple(known[:half])), _Region(labels[1], tuple(known[half:]))
