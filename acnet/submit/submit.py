"""From a trained run to the zip that a test server takes."""

import dataclasses
import shutil
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from acnet.data.classes import load as load_classes
from acnet.data.store import MANIFEST, Store
from acnet.errors import AcnetError
from acnet.evaluate.trained_network import load_predictor
from acnet.files import canonical, read_json, replacing, sha256, visible, write_json
from acnet.params.protocols import Protocol
from acnet.params.run import Run
from acnet.progress import Progress
from acnet.submit.score import zip_of

_MADE_FROM = "made_from.json"
_TIME = (1980, 1, 1, 0, 0, 0)  # equal predictions give an equal zip
_REMEDY = "move it away and run the same command again"


@dataclasses.dataclass(frozen=True)
class Server:
    """A test server, which expects a PNG of official ids for each test image, named {image}{ending}.

    `counted` says that the number of test images is beyond doubt: a submission of another number would be lost.
    `score` is the option of `acnet submit score` for what the server answers.
    """

    reader: str
    ending: str
    address: str
    counted: bool
    score: str

    def file(self, folder: Path, name: str) -> Path:
        """Where the prediction of an image lies."""
        return folder / f"{name}{self.ending}"

    def write(self, path: Path, prediction: np.ndarray) -> None:
        """Write train ids uint8 (H, W) in the official ids, whole or not at all."""
        ids = load_classes(self.reader).encode(prediction, ignore=0).astype(np.uint8)
        with replacing(path) as temporary:
            Image.fromarray(ids).save(temporary, format="PNG")

    def check(self, path: Path, size: tuple[int, int]) -> None:
        """AcnetError unless the file holds one channel of official ids at the image's size (H, W)."""
        try:
            with Image.open(path) as image:
                as_expected = (image.mode, image.size) == ("L", size[::-1])
                ids = np.setdiff1d(image, load_classes(self.reader).raw_ids)
        except (OSError, SyntaxError) as error:
            raise AcnetError(f"{path}: cannot be read ({error}); {_REMEDY}") from error
        if not as_expected or ids.size:
            what = f"{size[1]}x{size[0]} evaluated ids of {self.reader} in one channel of 8 bits"
            raise AcnetError(f"{path}: does not hold {what}; {_REMEDY}")


SERVERS = {
    "cityscapes": Server(
        reader="cityscapes",
        ending="_pred_labelIds.png",
        address="https://www.cityscapes-dataset.com/submit/",
        counted=True,
        score="--miou",
    ),
    "ade20k": Server(
        reader="ade20k",
        ending=".png",
        address="http://sceneparsing.csail.mit.edu/",
        counted=False,  # sources disagree on the number of test images
        score="--final-score",
    ),
}


def submit(run: Run, checkpoint: Path, protocol: Protocol, data_root: Path, split: str) -> Path:
    """Predict a split with `run`, check and zip; the zip's path, beside `checkpoint`.

    An interrupted submission is resumed image by image; one of another checkpoint, protocol or split is begun anew.
    Raises AcnetError for a dataset without a test server, a split that is not prepared or lacks images, and whatever
    the checks find; where the number of images is in doubt, another one is a warning on standard error.
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
    left = [i for i, name in enumerate(store.names) if not server.file(folder, name).exists()]
    progress = Progress(f"predict {run.dataset} {split}", len(store), "images", start=len(store) - len(left))
    for index in left:
        name = store.names[index]
        server.write(server.file(folder, name), predictor.label_map(store.image(index), protocol, name))
        progress.advance()
    progress.finish()
    package(server, folder, store.names, store.sizes, out)
    return out


def _check_number(server: Server, store: Store) -> None:
    """Compare the number of images with the official one, before days are spent on their prediction."""
    manifest = store.folder / MANIFEST
    expected, found = read_json(manifest)["splits"][store.split]["expected"], len(store)
    if found == expected:
        return
    told = f"{manifest}: images of split '{store.split}': {found} instead of {expected}"
    name = store.folder.name
    remedy = f"`acnet data check {name}` counts the copy; complete it, `acnet data prepare {name}`, and submit again"
    if server.counted:
        apart = f"{expected - found} are missing" if found < expected else f"{found - expected} too many"
        raise AcnetError(f"{told}, {apart}, and the server takes the whole split only; {remedy}")
    print(f"acnet: {told}; sources disagree on the number, but if the server wants more: {remedy}", file=sys.stderr)


def _begin(folder: Path, made_from: dict[str, Any]) -> None:
    """Keep what an earlier start left in `folder` only if it was made from the same."""
    record = folder / _MADE_FROM
    if folder.exists() and (not record.exists() or canonical(read_json(record)) != canonical(made_from)):
        shutil.rmtree(folder)
    write_json(record, made_from)


def package(server: Server, folder: Path, names: Sequence[str], sizes: Sequence[tuple[int, int]], out: Path) -> None:
    """Zip the predictions of the images `names`, of `sizes` (H, W), to `out`, each checked first.

    Raises AcnetError naming the file that belongs to no image, is of another size or holds another id.
    """
    expected = {server.file(folder, name): size for name, size in zip(names, sizes, strict=True)}
    for path in visible(folder):
        if path.suffix == ".png" and path not in expected:
            raise AcnetError(f"{path}: belongs to no image of the split; {_REMEDY}")
    with replacing(out) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for path, size in sorted(expected.items()):
            server.check(path, size)
            archive.writestr(zipfile.ZipInfo(path.name, _TIME), path.read_bytes())  # PNG is compressed already
