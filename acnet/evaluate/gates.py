"""Where the gates of a trained network open: by class, by size of segment, by distance to a label edge."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from acnet.data.classes import IGNORE, class_table
from acnet.data.store import Store
from acnet.errors import AcnetError
from acnet.evaluate.bootstrap import drawn, interval
from acnet.evaluate.counts import SIZES
from acnet.evaluate.edges_and_segments import edge_distances, segment_sizes
from acnet.evaluate.inference import Predictor
from acnet.evaluate.trained_network import about, load_predictor
from acnet.files import write_json
from acnet.params.measures import Measures
from acnet.params.protocols import Protocol
from acnet.params.run import Run
from acnet.progress import Progress

_STRIDES = (8, 4)  # of the second and the third block; the first has the backbone's


def measure_gates(
    run: Run, checkpoint: Path, protocol: Protocol, measures: Measures, data_root: Path, out_file: Path
) -> None:
    """Write `out_file` (JSON): the mean gate of the labelled pixels in each class, size of segment and distance.

    Gates are those of the whole image, scaled and computed as `protocol` says, and upsampled to the label as in Eq. 4.
    Beside each mean stands that of the same gate with its cells shuffled within the image: what a gate would show
    that knows only how much of the image is to be opened. `smallest_maximum` is the smallest of the images' largest
    values, which Equation 2 makes 1. A contrast is a difference of two means; its interval, of the gate's minus the
    shuffled gate's, is a bootstrap over images.

    Raises AcnetError as `evaluate_run` does, and for a network without gates.
    """
    store = Store(data_root / run.dataset, run.evaluate_split)
    predictor = load_predictor(run, checkpoint)
    strides = (run.model.output_stride, *_STRIDES)
    blocks = [
        (number, stride, block)
        for number, (stride, block) in enumerate(zip(strides, predictor.network.network.blocks, strict=False), 1)
        if block.global_context and block.global_context.gated
    ]
    if not blocks:
        raise AcnetError(f"{checkpoint}: run {run.name} has no gated module; name one with global_context: gcm")
    progress = Progress(f"gates of {run.name} on {run.dataset}", len(store), "images")
    found = []
    for index in range(len(store)):
        gates = predictor.gates(store.image(index), protocol, store.names[index])
        found.append(_image(predictor, store.label(index), gates, measures, index))
        progress.advance()
    progress.finish()
    pixels = np.array([pixels for pixels, *_ in found], np.float64)  # (N, groups)
    sums = np.array([sums for _, sums, _ in found])  # (N, blocks, 2, groups)
    ends = np.array([ends for *_, ends in found])  # (N, blocks, 2)
    names = class_table(run).names
    content = {
        **about(run),
        "protocol": protocol.identity(),
        "measures": dataclasses.asdict(measures),
        "images": len(store),
        "blocks": [
            {
                "block": number,
                "stride": stride,
                "alpha": block.global_context.alpha.item(),
                "beta": block.local_context.beta.item() if block.local_context else None,
                **_described(pixels, sums[:, i], names, measures),
                "smallest": float(ends[:, i, 0].min()),
                "largest": float(ends[:, i, 1].max()),
                "smallest_maximum": float(ends[:, i, 1].min()),
            }
            for i, (number, stride, block) in enumerate(blocks)
        ],
    }
    write_json(out_file, content)


def _image(
    predictor: Predictor, label: np.ndarray, gates: list[np.ndarray], measures: Measures, index: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of one image the labelled pixels in each group (groups,), the gates' sums there (blocks, 2, groups), and the
    smallest and largest value of each gate at its own resolution (blocks, 2).

    The groups are the classes, the sizes of segments and the distances, one behind the other.
    """
    known = label != IGNORE
    groups, count = [], 0
    for values, number in (
        (label, predictor.classes),
        (segment_sizes(label, measures.small, measures.large), len(SIZES)),
        (edge_distances(label, measures.gate_distances), len(measures.gate_distances) + 1),
    ):
        groups.append(values[known].astype(np.int64) + count)
        count += number
    pixels = sum(np.bincount(group, minlength=count) for group in groups)
    sums = []
    for i, gate in enumerate(gates):
        shuffled = np.random.default_rng([measures.seed, index, i]).permutation(gate.ravel()).reshape(gate.shape)
        maps = [_upsampled(one, label.shape, predictor.align_corners)[known] for one in (gate, shuffled)]
        sums.append([sum(np.bincount(group, weights=one, minlength=count) for group in groups) for one in maps])
    return pixels, np.array(sums), np.array([(gate.min(), gate.max()) for gate in gates])


def _upsampled(gate: np.ndarray, size: tuple[int, int], align_corners: bool) -> np.ndarray:
    tensor = torch.from_numpy(gate)[None, None]
    return F.interpolate(tensor, size, mode="bilinear", align_corners=align_corners)[0, 0].numpy()


def _described(pixels: np.ndarray, sums: np.ndarray, names: Sequence[str], measures: Measures) -> dict[str, Any]:
    """The means and contrasts of one block; `pixels` (N, groups), `sums` (N, 2, groups)."""
    classes, near = len(names), measures.gate_distances
    edges = [f"to {distance}" for distance in near] + [f"beyond {near[-1]}"]
    total = pixels.sum(axis=0)
    with np.errstate(invalid="ignore"):
        means = sums.sum(axis=0) / total
    groups = [
        {"mean": _plain(means[0, i]), "shuffled": _plain(means[1, i]), "pixels": int(total[i])}
        for i in range(len(total))
    ]
    small, large, nearest = classes, classes + 2, classes + 3
    far = list(range(nearest + len(near) // 2 + 1, len(total)))
    return {
        "mean": float(sums[:, 0, :classes].sum() / pixels[:, :classes].sum()),
        "classes": dict(zip(names, groups[:classes], strict=True)),
        "segments": dict(zip(SIZES, groups[small:nearest], strict=True)),
        "distances": dict(zip(edges, groups[nearest:], strict=True)),
        "far": f"beyond {near[len(near) // 2]}",
        "near": edges[0],
        "contrasts": {
            "large_minus_small": _contrast([large], [small], pixels, sums, measures),
            "far_minus_near": _contrast(far, [nearest], pixels, sums, measures),
        },
    }


def _contrast(
    first: list[int], second: list[int], pixels: np.ndarray, sums: np.ndarray, measures: Measures
) -> dict[str, Any]:
    """The mean of the groups `first` minus that of `second`, of the gate and of the shuffled one."""
    # The set itself stands before its resamples.
    weights = np.concatenate([np.ones((1, len(pixels))), drawn(len(pixels), measures)])  # (S, N)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [
            np.tensordot(weights, sums[:, :, group].sum(axis=-1), 1)
            / (weights @ pixels[:, group].sum(axis=-1))[:, None]
            for group in (first, second)
        ]
    difference = means[0] - means[1]  # (S, 2)
    between = interval(difference[1:, 0] - difference[1:, 1], measures.level)
    own, shuffled = difference[0]
    return {"gate": _plain(own), "shuffled": _plain(shuffled), "interval": list(between) if between else None}


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
