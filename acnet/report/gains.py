"""Where global and where local context help (Figure 1 in numbers): by class, by size of segment, at label edges."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from acnet.evaluate.bootstrap import interval
from acnet.evaluate.metrics import class_iou, mean_over_classes
from acnet.params.claims import Claim
from acnet.params.tables import Figure, Tables
from acnet.report.checks import LEFT_OUT, NOT_MEASURED, NOT_RUN, Step, Term, judge
from acnet.report.results import Results, Score
from acnet.report.text import heading


@dataclasses.dataclass(frozen=True)
class _Place:
    """A place in which local context should do better than in another; both give the IoU of a run there, a fraction."""

    first: str
    second: str
    iou: Callable[[str, int], tuple[float, float]]
    samples: Callable[[str, int], tuple[np.ndarray, np.ndarray] | None]


def class_gains(claim: Claim, tables: Tables, results: Results) -> list[Step]:
    """Whether local context does more than global context for small classes, small segments and edges.

    With G and L the gains in IoU of global and local context: L - G at the first place less L - G at the second, in
    points. The places: the half of the classes with the fewest labelled pixels and the other half; the pixels of small
    and of large segments; those near a label edge and all.
    """
    figure = tables.figure(claim.figure)
    (_, baseline), (first, _), (second, _) = list(figure.runs.items())[:3]
    label = f"({second} − {first}) on small classes less the same on large classes"
    if claim.figure not in results.scale.figures:
        return [Step(label, [], NOT_MEASURED, reason=f"{LEFT_OUT}{heading(claim.figure)}")]
    runs = figure.runs.values()
    seeds = [s for s in results.scale.seeds if all(results.metrics(run, figure.protocol, s) for run in runs)]
    if not seeds:
        lacking = [run for run in runs if not results.score(run, figure.protocol, "miou")]
        reason = f"{NOT_RUN}{', '.join(lacking or runs)} ({figure.protocol})"
        return [Step(label, [], NOT_MEASURED, reason=reason)]
    places = [_classes(figure, baseline, seeds, results), _segments(figure, results), _edges(figure, results)]
    return [_step(place, figure, seeds, results) for place in places]


def _step(place: _Place, figure: Figure, seeds: list[int], results: Results) -> Step:
    (_, baseline), (first, global_run), (second, local_run) = list(figure.runs.items())[:3]
    values = {run: np.array([place.iou(run, seed) for seed in seeds]) for run in (baseline, global_run, local_run)}
    label = f"({second} − {first}) on {place.first} less the same on {place.second}"
    if np.isnan([*values.values()]).any():
        return Step(label, [], NOT_MEASURED, reason=f"no labelled pixel: {place.first} or {place.second}")
    margins = 100 * (values[local_run] - values[global_run]) @ (1, -1)
    score = Score(tuple(seeds), tuple(map(float, margins)))
    noise = max(results.scale.noise, 2 * score.variance_of_mean**0.5)
    terms = [
        Term(f"{name}, {where}", 100 * float((values[run] - values[baseline])[:, i].mean()), run=run,
             protocol=figure.protocol)
        for name, run in ((first, global_run), (second, local_run))
        for i, where in enumerate((place.first, place.second))
    ]  # fmt: skip
    drawn = [(place.samples(local_run, seed), place.samples(global_run, seed)) for seed in seeds]
    between = None
    if all(a is not None and b is not None for a, b in drawn):
        difference = np.mean([(a[0] - a[1]) - (b[0] - b[1]) for a, b in drawn], axis=0)
        between = interval(100 * difference, results.scale.measures.level)
    return Step(label, terms, judge(score.mean, noise, between), score.mean, noise=noise, interval=between)


def _classes(figure: Figure, baseline: str, seeds: list[int], results: Results) -> _Place:
    """The smaller and the larger half of the classes that every run has an IoU of."""
    pixels = results.class_pixels(baseline, figure.protocol, seeds[0])
    every = [results.metrics(run, figure.protocol, s)["class_iou"] for run in figure.runs.values() for s in seeds]
    known = [name for name in pixels if pixels[name] and all(iou.get(name) is not None for iou in every)]
    known.sort(key=lambda name: (pixels[name], name))
    halves = known[: len(known) // 2], known[len(known) // 2 :]

    def iou(run: str, seed: int) -> tuple[float, float]:
        by_class = results.metrics(run, figure.protocol, seed)["class_iou"]
        return tuple(float(np.mean([by_class[name] for name in half])) for half in halves)

    def samples(run: str, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
        areas = results.resampled(run, figure.protocol, seed)
        if areas is None:
            return None
        names = list(results.metrics(run, figure.protocol, seed)["class_iou"])
        return tuple(mean_over_classes(class_iou(areas)[:, [names.index(name) for name in half]]) for half in halves)

    return _Place("small classes", "large classes", iou, samples)


def _segments(figure: Figure, results: Results) -> _Place:
    def iou(metrics: Mapping[str, Any]) -> tuple[float, float]:
        return metrics["segments"]["small"]["miou"], metrics["segments"]["large"]["miou"]

    return _parts(figure, results, ("small segments", "large segments"), iou, ({"size": "small"}, {"size": "large"}))


def _edges(figure: Figure, results: Results) -> _Place:
    bands = results.scale.measures.bands
    band = bands[len(bands) // 2]

    def iou(metrics: Mapping[str, Any]) -> tuple[float, float]:
        return metrics["near_edges"][str(band)]["miou"], metrics["miou"]

    return _parts(figure, results, (f"pixels within {band} of an edge", "all pixels"), iou, ({"band": band}, {}))


def _parts(
    figure: Figure,
    results: Results,
    names: tuple[str, str],
    iou: Callable[[Mapping[str, Any]], tuple[float | None, float | None]],
    parts: tuple[dict, dict],
) -> _Place:
    """Two parts of the pixels; a part without a labelled pixel has the value NaN, and the step none."""

    def known(run: str, seed: int) -> tuple[float, float]:
        values = iou(results.metrics(run, figure.protocol, seed))
        return tuple(float("nan") if value is None else value for value in values)

    def samples(run: str, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
        areas = [results.resampled(run, figure.protocol, seed, **part) for part in parts]
        return None if areas[0] is None else tuple(mean_over_classes(class_iou(one)) for one in areas)

    return _Place(*names, known, samples)
