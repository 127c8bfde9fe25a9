"""From a trained run to the zip that a test server takes."""

import dataclasses
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from acnet.data.classes import load as load_classes
from acnet.data.store import MANIFEST, Store
from acnet.errors import AcnetError
from acnet.evaluate.trained_network import load_predictor
from acnet.files import canonical, read_json, replacing, sha256, write_json
from acnet.params.protocols import Protocol
from acnet.params.run import Run
from acnet.progress import Progress
from acnet.submit.score import zip_of

_MADE_FROM = "made_from.json"
_TIME = (1980, 1, 1, 0, 0, 0)  # equal predictions give an equal zip


@dataclasses.dataclass(frozen=True)
class Server:
    """A test server, which expects a PNG of official ids for each test image, named {image}{ending}.

    `counted` says that the number of test images is beyond doubt: a submission of another number would be lost.
    `score` is the option of `acnet submit score` for what the server answers.
    """

    ending: str
    address: str
    counted: bool
    score: str


SERVERS = {
    "cityscapes": Server("_pred_labelIds.png", "https://www.cityscapes-dataset.com/submit/", True, "--miou"),
    # Sources disagree on the number of test images.
    "ade20k": Server(".png", "http://sceneparsing.csail.mit.edu/", False, "--final-score"),
}


def submit(run: Run, checkpoint: Path, protocol: Protocol, data_root: Path, split: str) -> Path:
    """Predict a split with `run` and zip the predictions in official ids; the zip's path, beside `checkpoint`.

    An interrupted submission is resumed image by image; one of another checkpoint, protocol or split is begun anew.
    Raises AcnetError for a dataset without a test server and a split that is not prepared or lacks images; where the
    number of images is in doubt, another one is a warning on standard error.
    """
    if run.reader not in SERVERS:
        raise AcnetError(f"{run.reader}: has no test server; those with one: {', '.join(SERVERS)}")
    server = SERVERS[run.reader]
    store = Store(data_root / run.dataset, split)
    _check_number(server, store)
    predictor = load_predictor(run, checkpoint)
    out = zip_of(checkpoint.parent, split, protocol.name)
    folder = out.with_suffix("")
    _begin(folder, {"checkpoint": sha256(checkpoint), "protocol": protocol.identity(), "images": store.names})
    files = [folder / f"{name}{server.ending}" for name in store.names]
    left = [i for i, file in enumerate(files) if not file.exists()]
    progress = Progress(f"predict {run.dataset} {split}", len(store), "images", start=len(store) - len(left))
    for index in left:
        prediction = predictor.label_map(store.image(index), protocol, store.names[index])
        _write(files[index], prediction, run.reader)
        progress.advance()
    progress.finish()
    _pack(files, out)
    return out


def _check_number(server: Server, store: Store) -> None:
    """Compare the number of images with the official one, before days are spent on their prediction."""
    manifest, name = store.folder / MANIFEST, store.folder.name
    expected, found = read_json(manifest)["splits"][store.split]["expected"], len(store)
    if found == expected:
        return
    told = (
        f"{manifest}: images of split '{store.split}': {found} instead of {expected}; `acnet data check {name}` counts "
        f"the copy; complete it, `acnet data prepare {name}`, and submit again"
    )
    if server.counted:
        raise AcnetError(told)
    print(f"acnet: {told}, unless the server takes {found}: sources disagree on the number", file=sys.stderr)


def _begin(folder: Path, made_from: dict[str, Any]) -> None:
    """Keep what an earlier start left in `folder` only if it was made from the same."""
    record = folder / _MADE_FROM
    if folder.exists() and (not record.exists() or canonical(read_json(record)) != canonical(made_from)):
        shutil.rmtree(folder)
    write_json(record, made_from)


def _write(file: Path, prediction: np.ndarray, reader: str) -> None:
    """Write train ids uint8 (H, W) in the official ids."""
    ids = load_classes(reader).encode(prediction, ignore=0).astype(np.uint8)
    with replacing(file) as temporary:
        Image.fromarray(ids).save(temporary, format="PNG")


def _pack(files: list[Path], out: Path) -> None:
    with replacing(out) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(files):
            archive.writestr(zipfile.ZipInfo(file.name, _TIME), file.read_bytes())  # PNG is compressed already
