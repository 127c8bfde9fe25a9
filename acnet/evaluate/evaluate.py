"""Evaluate one trained run by several protocols and write its metrics."""

import contextlib
import dataclasses
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from acnet.data.classes import class_table
from acnet.data.store import MANIFEST, Store
from acnet.device import described
from acnet.errors import AcnetError
from acnet.evaluate.counts import Counts, ImageCounts, count, counts_file, write_arrays, write_counts
from acnet.evaluate.inference import Predictor
from acnet.evaluate.metrics import detail, summary
from acnet.evaluate.trained_network import about, load_predictor
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
    """Write {out}/{protocol.name}.json and .images.npz for each protocol; return whether the set is complete.

    They hold the metrics of `checkpoint` on the evaluation split of `run`, and the confusion counts of every image.
    `part` (i, n) scores every n-th image from i on; whichever process completes the set writes the files, and they are
    the same for any n. Until then the counts of each image are a file in evaluating/, beside `out`: a killed evaluation
    resumes there.

    Raises AcnetError for a run that was fine-tuned on this very split, data that is not prepared, a checkpoint of
    another network, scores that are not finite, and a split without a labelled pixel.
    """
    split = run.evaluate_split
    if split in run.train_splits[1:]:
        raise AcnetError(
            f"run '{run.name}': is fine-tuned on {split}, so its score there would tell nothing; the test server "
            "judges it (`acnet submit`)"
        )
    store = Store(data_root / run.dataset, split)
    predictor = load_predictor(run, checkpoint)
    same = [
        run.identity(), sha256(checkpoint), source_hash(), dataclasses.asdict(measures),
        read_json(data_root / run.dataset / MANIFEST)["splits"][split]["files"],
    ]  # fmt: skip
    work = [
        (protocol, out.with_name("evaluating") / protocol.name / digest([*same, protocol.identity()]))
        for protocol in protocols
    ]
    mine = range(part[0], len(store), part[1])
    missing = {index: [one for one in work if not _file(one[1], index).exists()] for index in mine}
    left = [index for index in mine if missing[index]]
    label = f"evaluate {run.name} on {run.dataset} {split}"
    progress = Progress(label, len(mine), "images", start=len(mine) - len(left))

    def keep(index: int, folder: Path, prediction: np.ndarray) -> None:
        found = count(store.label(index), prediction, run.classes, measures)
        write_arrays(_file(folder, index), vars(found))

    # The pixels of one image are counted while the next one is scored.
    with ThreadPoolExecutor(1) as counter:
        counting = None
        for index in left:
            for protocol, folder in missing[index]:
                prediction = predictor.label_map(store.image(index), protocol, store.names[index])
                if counting:
                    counting.result()
                counting = counter.submit(keep, index, folder, prediction)
            progress.advance()
        if counting:
            counting.result()
    progress.finish()
    written = [_complete(run, *one, store, measures, predictor, out) for one in work]
    return all(written)


def _file(folder: Path, index: int) -> Path:
    return folder / f"{index}.npz"


def _complete(
    run: Run, protocol: Protocol, folder: Path, store: Store, measures: Measures, predictor: Predictor, out: Path
) -> bool:
    """Write the files of one protocol if every image is counted; return whether this or another process has."""
    file = out / f"{protocol.name}.json"
    images = []
    try:
        for index in range(len(store)):
            with np.load(_file(folder, index), allow_pickle=False) as arrays:
                images.append(ImageCounts(**arrays))
    except FileNotFoundError:
        # Another process has yet to score its images, or has just written the set and removed the folder.
        return file.exists() and not folder.exists()
    names = class_table(run).names
    counts = Counts.join(store.names, run.classes, measures.bands, images)
    total = counts.confusion()
    if total.any():
        settings = protocol.identity()
        # On a GPU the number of windows in a forward pass is free, and changes rounding.
        batch = min([protocol.batch, *predictor.at_once.values()])
        made = {"device": described(predictor.device), "batch": batch}
        gpu = {"provenance": made} if predictor.device.type == "cuda" else {}
        metrics = {
            **about(run),
            "protocol": settings,
            "protocol_hash": digest(settings),
            **gpu,
            "images": len(store),
            **summary(total, names, run.reader, protocol.absent),
            **detail(counts, names),
        }
        write_counts(counts_file(file), counts)
        write_json(file, metrics)  # last, since it is what others look for
    shutil.rmtree(folder.parent, ignore_errors=True)
    with contextlib.suppress(OSError):  # the folder of another protocol may lie beside
        folder.parent.parent.rmdir()
    if not total.any():
        raise AcnetError(f"{store.folder}: split '{run.evaluate_split}' has no labelled pixel to score")
    return True
