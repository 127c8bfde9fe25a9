"""From a dataset as downloaded to the store that training and evaluation read."""

import errno
import os
import shutil
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from acnet import __version__
from acnet.data import classes, readers
from acnet.data.pair import Pair, SplitMissing
from acnet.data.store import MANIFEST, StoreWriter
from acnet.errors import AcnetError
from acnet.files import write_json
from acnet.progress import Progress

_WORK = ".preparing"
_TOLERANCE = 0.01  # real copies differ by an image or two from the official counts


def prepare(name: str, dataset: Any, source: Path, out: Path, threads: int = 1) -> dict:
    """Read all splits of `dataset` under `source` into a store in `out`; the manifest as a dict.

    Memory does not grow with the dataset; equal input gives equal bytes. Until the manifest is written, last,
    the store counts as absent. Raises AcnetError for whatever is missing or wrong in the dataset.
    """
    out = Path(out)
    work = out / _WORK
    shutil.rmtree(work, ignore_errors=True)  # left by a run that was killed
    try:
        work.mkdir(parents=True)
        splits = {
            split: _prepare_split(f"{name} {split}", dataset, Path(source), split, expected, work, threads)
            for split, expected in dataset.splits.items()
        }
        manifest = {
            "dataset": name,
            "title": dataset.title,
            "reader": dataset.reader,
            "classes": list(classes.load(dataset.reader).names),
            "splits": splits,
            "code_version": __version__,
        }
        (out / MANIFEST).unlink(missing_ok=True)
        for path in sorted(work.iterdir()):
            os.replace(path, out / path.name)
        write_json(out / MANIFEST, manifest)
        return manifest
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise AcnetError(f"{out}: no space left; free some and run the same command again") from error
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _prepare_split(
    label: str, dataset: Any, source: Path, split: str, expected: int, work: Path, threads: int
) -> dict[str, Any]:
    labelled = readers.labelled(dataset.reader, split)
    try:
        pairs = readers.pairs(dataset.reader, source, split)
    except SplitMissing:
        if labelled:
            raise
        return {"expected": expected, "images": 0, "note": "not on disk, skipped; only a submission needs it"}
    note = _check_count(label, dataset, len(pairs), expected, labelled)
    counts = np.zeros(256, np.int64)
    writer = StoreWriter(work, split, labelled)
    progress = Progress(f"prepare {label}", len(pairs), "images")
    try:
        for pair, (image, truth) in zip(pairs, _load(dataset.reader, pairs, threads), strict=True):
            writer.add(pair.name, image, truth)
            if truth is not None:
                counts += np.bincount(truth.ravel(), minlength=256)
            progress.advance()
        files = writer.finish()
    finally:
        writer.close()
    progress.finish(note)
    names = classes.load(dataset.reader).names
    histogram = {n: int(c) for n, c in zip(names, counts, strict=False)}
    record = {"expected": expected, "images": len(pairs), "files": files, "note": note}
    return record | ({"histogram": histogram, "void": int(counts[classes.VOID])} if labelled else {})


def _check_count(label: str, dataset: Any, found: int, expected: int, labelled: bool) -> str:
    if found == expected:
        return ""
    text = f"{found} images instead of {expected}"
    # Sources disagree on the number of test images, and nothing is measured on them.
    tolerance = 0 if dataset.generate is not None else _TOLERANCE * expected if labelled else float("inf")
    if abs(found - expected) > tolerance:
        remedy = "generate it again" if dataset.generate is not None else "the copy is not complete, or another version"
        raise AcnetError(f"{label}: {text}; {remedy}")
    return text


def _load(reader: str, pairs: list[Pair], threads: int) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """The arrays of `pairs` in order, decoded by `threads` threads that run at most two images each ahead."""
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque = deque()
        try:
            for pair in pairs:
                ahead.append(pool.submit(readers.load_pair, reader, pair))
                if len(ahead) >= 2 * threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
