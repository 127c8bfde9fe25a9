"""Evaluate one trained run by several protocols and write its metrics."""

import dataclasses
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from acnet.data.store import MANIFEST
from acnet.device import described
from acnet.errors import AcnetError
from acnet.evaluate.counts import Counts, count, counts_file, write_counts
from acnet.evaluate.metrics import detail, summary
from acnet.evaluate.trained import Trained, open_trained
from acnet.evaluate.unfinished import Unfinished
from acnet.files import digest, read_json, sha256, write_json
from acnet.params.measures import Measures
from acnet.params.protocols import Protocol
from acnet.params.run import Run
from acnet.progress import Progress
from acnet.provenance import source_hash


def evaluate_run(
    run: Run,
    checkpoint: Path,
    protocols: Sequence[Protocol],
    measures: Measures,
    data_root: Path,
    out: Path,
    part: tuple[int, int] = (0, 1),
) -> bool:
    """Write {out}/{protocol.name}.json and .images.npz for each protocol; return whether the set is whole.

    They hold the metrics of `checkpoint` on the evaluation split of `run`, and
    the counts of every image behind them. Each image is read once, for all protocols. `part` (i, n) scores every n-th
    image from i on; whichever process finds the set whole writes the files, and they are the same for any n. What a
    killed process has scored lies beside `out`, in evaluating/, and is not scored again.

    Raises AcnetError for a run that was fine-tuned on this very split, data that is not prepared, a checkpoint of
    another network, scores that are not finite, and a split without a labelled pixel.
    """
    if run.evaluate_split in run.train_splits[1:]:
        raise AcnetError(
            f"run '{run.name}': is fine-tuned on {run.evaluate_split}, so its score there would tell "
            "nothing; the test server judges it (`acnet submit`)"
        )
    trained = open_trained(run, checkpoint, data_root)
    images, split = len(trained.store), run.evaluate_split
    same = [
        run.identity(), sha256(checkpoint), source_hash(), dataclasses.asdict(measures),
        read_json(data_root / run.dataset / MANIFEST)["splits"][split]["files"],
    ]  # fmt: skip
    kept = [
        Unfinished(out.with_name("evaluating") / protocol.name, digest([*same, protocol.identity()]))
        for protocol in protocols
    ]
    mine = range(part[0], images, part[1])
    open_images = [index for index in mine if any(index not in one.images for one in kept)]
    label = f"evaluate {run.name} on {run.dataset} {split}"
    progress = Progress(label, len(mine), "images", start=len(mine) - len(open_images))
    # Beside a GPU, the pixels of one image are counted while the next one is scored; a CPU is busy enough.
    ahead = 2 if trained.device.type == "cuda" else 0
    waiting: deque[tuple[Unfinished, int, Future]] = deque()
    with ThreadPoolExecutor(1) as counter:
        for index in open_images:
            truth = trained.store.label(index)
            for protocol, one in zip(protocols, kept, strict=True):
                if index not in one.images:
                    predicted = trained.label_map(index, protocol)
                    counting = counter.submit(count, truth, predicted, len(trained.names), measures)
                    waiting.append((one, index, counting))
                _keep(waiting, ahead)
            progress.advance()
        _keep(waiting, 0)
    progress.finish()
    for one in kept:
        one.close()
        one.refresh()
    whole = True
    for protocol, one in zip(protocols, kept, strict=True):
        file = out / f"{protocol.name}.json"
        if len(one.images) == images:
            ordered = [one.images[index] for index in range(images)]
            counts = Counts.join(trained.store.names, len(trained.names), measures.bands, ordered)
            total = counts.confusion()
            if total.any():
                _write(file, run, protocol, trained, counts, total)
            one.remove()
            if not total.any():
                raise AcnetError(f"{data_root / run.dataset}: split '{split}' has no labelled pixel to score")
        else:
            # Another process may have written the set, and removed its parts, since this one looked.
            whole = whole and not one.folder.exists() and file.exists()
    return whole


def _keep(waiting: deque[tuple[Unfinished, int, Future]], ahead: int) -> None:
    """Keep what is counted, in order, until no more than `ahead` are waited for."""
    while len(waiting) > ahead:
        one, index, counting = waiting.popleft()
        one.add(index, counting.result())


def _write(file: Path, run: Run, protocol: Protocol, trained: Trained, counts: Counts, total: np.ndarray) -> None:
    settings = protocol.identity()
    # There the number of windows in a forward pass is free, and changes rounding.
    gpu = {"device": described(trained.device), "batch": protocol.batch} if trained.device.type == "cuda" else None
    metrics = {
        "scale": run.scale,
        "run": run.name,
        "seed": run.seed,
        "dataset": run.dataset,
        "reader": run.reader,
        "split": run.evaluate_split,
        "protocol": settings,
        "protocol_hash": digest(settings),
        **({"provenance": gpu} if gpu else {}),
        "images": len(counts.names),
        **summary(total, trained.names, run.reader, protocol.absent),
        **detail(counts, trained.names),
    }
    # Last, since it is what others look for.
    write_counts(counts_file(file), counts)
    write_json(file, metrics)
