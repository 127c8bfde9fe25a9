"""Where the gates of a trained network open: by class, by size of segment, by distance to a label edge."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from acnet.data.classes import VOID
from acnet.errors import AcnetError
from acnet.evaluate.bootstrap import drawn, interval
from acnet.evaluate.counts import SIZES
from acnet.evaluate.regions import rings, sizes
from acnet.evaluate.trained import Trained, open_trained
from acnet.files import write_json
from acnet.params.measures import Measures
from acnet.params.protocols import Protocol
from acnet.params.run import Run
from acnet.progress import Progress

_STRIDES = (8, 4)  # of the second and the third block; the first has the backbone's


def measure_gates(
    run: Run,
    checkpoint: Path,
    protocol: Protocol,
    measures: Measures,
    data_root: Path,
    out_file: Path,
) -> None:
    """Write `out_file` (JSON): the mean gate of the labelled pixels in each class, size of segment and distance.

    Gates are those of the whole image, scaled and computed as `protocol` says, and enlarged to the label as in Eq. 4.
    Beside each mean stands that of the same gate with its cells shuffled within the image: what a gate would show
    that knows only how much of the image is to be opened. `smallest_maximum` is the smallest of the images' largest
    values, which Equation 2 makes 1. A contrast is a difference of two means; its interval, of
    the gate's less the shuffled gate's, comes from resampling the images.

    Raises AcnetError as `evaluate_run` does, and for a network without gates.
    """
    trained = open_trained(run, checkpoint, data_root)
    blocks = [block for block in trained.network.network.blocks if block.global_context and block.global_context.gated]
    if not blocks:
        raise AcnetError(f"{checkpoint}: run {run.name} has no gated module; name one with global_context: gcm")
    images = len(trained.store)
    progress = Progress(f"gates of {run.name} on {run.dataset}", images, "images")
    found = []
    for index in range(images):
        found.append(_image(trained, index, protocol, measures))
        progress.advance()
    progress.finish()
    pixels = np.array([pixels for pixels, *_ in found], np.float64)  # (N, groups)
    sums = np.array([sums for _, sums, _ in found])  # (N, blocks, 2, groups)
    ends = np.array([ends for *_, ends in found])  # (N, blocks, 2)
    strides = (run.model.output_stride, *_STRIDES)
    write_json(
        out_file,
        {
            "scale": run.scale,
            "run": run.name,
            "seed": run.seed,
            "dataset": run.dataset,
            "reader": run.reader,
            "split": run.evaluate_split,
            "protocol": protocol.identity(),
            "measures": dataclasses.asdict(measures),
            "images": images,
            "blocks": [
                {
                    **_block(block, strides[i], pixels, sums[:, i], trained.names, measures),
                    "smallest": float(ends[:, i, 0].min()),
                    "largest": float(ends[:, i, 1].max()),
                    "smallest_maximum": float(ends[:, i, 1].min()),
                }
                for i, block in enumerate(blocks)
            ],
        },
    )


def _image(
    trained: Trained, index: int, protocol: Protocol, measures: Measures
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of one image the labelled pixels in each group (groups,), the gates' sums there (blocks, 2, groups), and the
    smallest and largest value of each gate at its own resolution (blocks, 2).
    """
    label = trained.store.label(index)
    known = label != VOID
    groups, start = [], 0
    for group, count in (
        (label, len(trained.names)),
        (sizes(label, measures.small, measures.large), len(SIZES)),
        (rings(label, measures.gate_distances), len(measures.gate_distances) + 1),
    ):
        groups.append(group[known].astype(np.int64) + start)
        start += count
    pixels = sum(np.bincount(group, minlength=start) for group in groups)
    sums, ends = [], []
    for i, gate in enumerate(trained.gates(index, protocol)):
        shuffled = np.random.default_rng([measures.seed, index, i]).permutation(gate.ravel()).reshape(gate.shape)
        maps = [_enlarged(one, label.shape, trained.align_corners)[known] for one in (gate, shuffled)]
        sums.append([sum(np.bincount(g, weights=m, minlength=start) for g in groups) for m in maps])
        ends.append((gate.min(), gate.max()))
    return pixels, np.array(sums), np.array(ends)


def _enlarged(gate: np.ndarray, size: tuple[int, int], align_corners: bool) -> np.ndarray:
    tensor = torch.from_numpy(gate)[None, None]
    return F.interpolate(tensor, size, mode="bilinear", align_corners=align_corners)[0, 0].numpy()


def _block(
    block: torch.nn.Module, stride: int, pixels: np.ndarray, sums: np.ndarray, names: list[str], measures: Measures
) -> dict[str, Any]:
    """What the file says of one block; `pixels` (N, groups), `sums` (N, 2, groups)."""
    classes, near = len(names), measures.gate_distances
    edges = [f"to {distance}" for distance in near] + [f"beyond {near[-1]}"]
    keys = [*names, *SIZES, *edges]
    total = pixels.sum(axis=0)
    means = np.divide(sums.sum(axis=0), total, out=np.full(sums.shape[1:], np.nan), where=total > 0)
    groups = {
        key: {"mean": _plain(means[0, i]), "shuffled": _plain(means[1, i]), "pixels": int(total[i])}
        for i, key in enumerate(keys)
    }
    of_edges = slice(classes + len(SIZES), None)
    far = np.arange(len(keys))[of_edges][len(near) // 2 + 1 :]
    contrasts = {
        "large_less_small": ([classes + SIZES.index("large")], [classes + SIZES.index("small")]),
        "far_less_near": (far, [classes + len(SIZES)]),
    }
    weights = drawn(len(pixels), measures)
    return {
        "stride": stride,
        "alpha": block.global_context.alpha.item(),
        "beta": block.local_context.beta.item() if block.local_context else None,
        "mean": float(sums[:, 0, :classes].sum() / pixels[:, :classes].sum()),
        "classes": {key: groups[key] for key in names},
        "segments": {key: groups[key] for key in SIZES},
        "distances": {key: groups[key] for key in edges},
        "far": f"beyond {near[len(near) // 2]}",
        "near": edges[0],
        "contrasts": {name: _contrast(*two, pixels, sums, weights, measures) for name, two in contrasts.items()},
    }


def _contrast(
    first, second, pixels: np.ndarray, sums: np.ndarray, weights: np.ndarray, measures: Measures
) -> dict[str, Any]:
    """The mean of the groups `first` less that of `second`, of the gate and of the shuffled one."""

    def difference(weights: np.ndarray) -> np.ndarray:
        """(S, N) -> (S, 2)"""
        with np.errstate(invalid="ignore", divide="ignore"):
            means = [
                np.tensordot(weights, sums[:, :, group].sum(axis=-1), 1)
                / (weights @ pixels[:, group].sum(axis=-1))[:, None]
                for group in (first, second)
            ]
        return means[0] - means[1]

    own, shuffled = difference(np.ones((1, len(pixels))))[0]
    samples = difference(weights)
    between = interval(samples[:, 0] - samples[:, 1], measures.level)
    return {"gate": _plain(own), "shuffled": _plain(shuffled), "interval": list(between) if between else None}


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
