"""Two runs side by side: their classes, how sure the differences are, and the images that differ most."""

from typing import Any, NamedTuple

import numpy as np

from acnet.errors import AcnetError
from acnet.evaluate.bootstrap import Interval, interval
from acnet.evaluate.counts import SIZES, Counts
from acnet.evaluate.metrics import class_iou, mean_over_classes, metrics_of
from acnet.report.results import Results, absent_rule, changed_settings, labelled_miou
from acnet.report.text import number, signed
from acnet.report.uncertainty import image_weights


class Line(NamedTuple):
    """A metric of both runs, in percent, and the confidence interval of its difference, the second minus the first.

    None without a value.
    """

    name: str
    first: float | None
    second: float | None
    interval: Interval | None
    difference: float | None


class Change(NamedTuple):
    """An image and the share of its labelled pixels, in percent, that each run predicts correctly."""

    index: int
    name: str
    first: float
    second: float


class Comparison(NamedTuple):
    """What `acnet compare` shows; `changes` begin with the largest."""

    runs: tuple[str, str]
    protocol: str
    overall: list[Line]
    classes: list[Line]
    changes: list[Change]


def compare(first: str, second: str, protocol: str, seed: int, results: Results) -> Comparison:
    """Compare two runs by one protocol; AcnetError if one is not evaluated, or on other images or settings."""
    counts = [_counts(run, protocol, seed, results) for run in (first, second)]
    if counts[0].names != counts[1].names or counts[0].classes != counts[1].classes:
        raise AcnetError(f"{first} and {second} are measured on different images; compare runs of one dataset")
    _check_settings(first, second, protocol, seed, results)
    if counts[0].bands != counts[1].bands:
        raise AcnetError(f"{first} and {second}: measured with other `bands` of measures.yaml; evaluate them again")
    # First the set itself, then its bootstrap samples.
    names, pattern = counts[0].names, results.scale.blocks.get(first)
    weights = np.concatenate([np.ones((1, len(names))), image_weights(names, pattern, results.scale.measures)])
    areas = [weights @ one.by_image() for one in counts]
    iou = [class_iou(one) for one in areas]
    level = results.scale.measures.level
    rules = [absent_rule(results.metrics(run, protocol, seed)) for run in (first, second)]
    every = [metrics_of(one, absent=rule) for one, rule in zip(areas, rules, strict=True)]
    boundary = [mean_over_classes(class_iou(weights @ one.contours.swapaxes(0, 1))) for one in counts]

    def part(name: str, **where) -> Line:
        return _line(name, [labelled_miou(weights @ one.by_image(**where)) for one in counts], level)

    names = list(results.metrics(first, protocol, seed)["class_iou"])
    overall = [
        _line("mIoU", [one["miou"] for one in every], level),
        _line("PixAcc", [one["pixacc"] for one in every], level),
        _line("Boundary IoU", boundary, level),
        *(part(f"mIoU within {band} px of a label edge", band=band) for band in counts[0].bands),
        *(part(f"mIoU of {size} segments", size=size) for size in SIZES),
    ]
    classes = [_line(name, [one[:, i] for one in iou], level) for i, name in enumerate(names)]
    classes = [line for line in classes if line.first is not None or line.second is not None]
    return Comparison((first, second), protocol, overall, classes, _changes(counts))


def as_text(comparison: Comparison, images: int) -> str:
    """The comparison as Markdown, with the `images` whose pixel accuracy differs most."""
    first, second = comparison.runs
    lines = [
        f"# {second} against {first}, protocol {comparison.protocol}",
        "",
        "Scores in percent; differences in points, with bootstrap confidence intervals over the images. They "
        "account for the choice of images, not of seeds.",
        "",
        f"| metric | {first} | {second} | difference | interval |",
        "| --- | ---: | ---: | ---: | --- |",
        *(_row(line) for line in [*comparison.overall, *comparison.classes]),
        "",
        f"| image (pixels right) | {first} | {second} | difference |",
        "| --- | ---: | ---: | ---: |",
    ]
    for _, name, *shares in comparison.changes[:images]:
        lines.append(f"| {name} | {number(shares[0])} | {number(shares[1])} | {signed(shares[1] - shares[0])} |")
    return "\n".join(lines) + "\n"


def as_json(comparison: Comparison, images: int) -> dict[str, Any]:
    """The comparison as plain values, with the `images` whose pixel accuracy differs most."""
    shown = comparison._replace(changes=comparison.changes[:images])._asdict()
    plain = {part: [one._asdict() for one in shown[part]] for part in ("overall", "classes", "changes")}
    return {**shown, **plain}


def _counts(run: str, protocol: str, seed: int, results: Results) -> Counts:
    found = results.counts(run, protocol, seed)
    if found is None or results.metrics(run, protocol, seed) is None:
        folder = results.seed_folder(run, seed)
        raise AcnetError(
            f"{folder}/metrics/{protocol}.images.npz: not found; "
            f"`acnet evaluate --params {folder}/params.yaml --protocol {protocol}` writes it"
        )
    return found


def _check_settings(first: str, second: str, protocol: str, seed: int, results: Results) -> None:
    """AcnetError where the protocol was another one for the second run; windows follow the runs' own crops."""
    one, other = (results.metrics(run, protocol, seed)["protocol"] for run in (first, second))
    if keys := changed_settings(one, other):
        found = ", ".join(f"{key} {one.get(key, 'usual')} and {other.get(key, 'usual')}" for key in keys)
        raise AcnetError(
            f"{first} and {second}: measured with different settings of protocol '{protocol}' ({found}); "
            "evaluate them again"
        )


def _row(line: Line) -> str:
    between = f"{signed(line.interval[0])} to {signed(line.interval[1])}" if line.interval else ""
    return f"| {line.name} | {number(line.first)} | {number(line.second)} | {signed(line.difference)} | {between} |"


def _line(name: str, values: list[np.ndarray], level: float) -> Line:
    """From fractions of the set (first) and of its bootstrap samples."""
    whole = [None if np.isnan(one[0]) else 100 * float(one[0]) for one in values]
    if None in whole:
        return Line(name, *whole, None, None)
    return Line(name, *whole, interval(100 * (values[1][1:] - values[0][1:]), level), whole[1] - whole[0])


def _changes(counts: list[Counts]) -> list[Change]:
    right, pixels = (np.array([one.by_image()[part].sum(axis=1) for one in counts]) for part in (0, 1))
    shares = [(i, 100 * (right[:, i] / pixels[:, i])) for i in np.flatnonzero(pixels[0]).tolist()]
    found = [Change(i, counts[0].names[i], *both.tolist()) for i, both in shares]
    return sorted(found, key=lambda change: (-abs(change.second - change.first), change.index))
