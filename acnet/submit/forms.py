"""What each test server expects."""

import dataclasses
from pathlib import Path

import numpy as np
from PIL import Image

from acnet.data import classes
from acnet.errors import AcnetError
from acnet.files import replacing


@dataclasses.dataclass(frozen=True)
class Form:
    """A server's form: one PNG of ids for each test image, named {image}{ending}.

    `counted` says that the number of images is beyond doubt: a submission of another number would be lost. `score` is
    the option of `acnet submit score` for what the server answers.
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
        """Write train ids uint8 (H, W) in the official ids, whole or not at all.

        Raises AcnetError for void: the Cityscapes tool fails on it, and no network predicts it.
        """
        if prediction.max() >= len(classes.load(self.reader).names):
            raise AcnetError(f"{path}: a prediction holds {prediction.max()}, which is no class of {self.reader}")
        ids = classes.load(self.reader).encode(prediction, void=0).astype(np.uint8)
        with replacing(path) as temporary:
            Image.fromarray(ids).save(temporary, format="PNG")

    def check(self, path: Path, size: tuple[int, int]) -> None:
        """AcnetError unless the file holds one channel of official ids at the image's size (H, W)."""
        remedy = "move it away and run the same command again"
        try:
            with Image.open(path) as image:
                mode, ids = image.mode, np.array(image)
        except FileNotFoundError:
            raise AcnetError(f"{path}: prediction is missing; run the same command again") from None
        except (OSError, SyntaxError) as error:
            raise AcnetError(f"{path}: cannot be read ({error}); {remedy}") from error
        if mode != "L":
            raise AcnetError(f"{path}: has mode {mode} instead of one channel of 8 bits; {remedy}")
        if ids.shape != size:
            raise AcnetError(f"{path}: is {ids.shape[1]}x{ids.shape[0]}, its image {size[1]}x{size[0]}; {remedy}")
        wrong = np.setdiff1d(ids, classes.load(self.reader).raw_ids)
        if wrong.size:
            raise AcnetError(f"{path}: holds {wrong[0]}, which is no evaluated id of {self.reader}; {remedy}")


FORMS = {
    "cityscapes": Form(
        reader="cityscapes",
        ending="_pred_labelIds.png",
        address="https://www.cityscapes-dataset.com/submit/",
        counted=True,
        score="--miou",
    ),
    "ade20k": Form(
        reader="ade20k",
        ending=".png",
        address="http://sceneparsing.csail.mit.edu/",
        counted=False,  # sources disagree on the number of test images
        score="--final-score",
    ),
}
