"""Check a folder of predictions and zip it."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from acnet.errors import AcnetError
from acnet.files import replacing, visible
from acnet.submit.forms import Form

_TIME = (1980, 1, 1, 0, 0, 0)  # equal predictions give an equal zip


def zip_of(run: Path, split: str, protocol: str) -> Path:
    """Where the submission of a trained run's folder lies; what it is made of lies beside, without the suffix."""
    return run / "submission" / f"{split}_{protocol}.zip"


def package(form: Form, folder: Path, names: Sequence[str], sizes: Sequence[tuple[int, int]], out: Path) -> None:
    """Zip the predictions of the images `names`, of `sizes` (H, W), to `out`, each checked first.

    Raises AcnetError naming the file that is missing, too many, of another size or holds another id.
    """
    expected = {form.file(folder, name): size for name, size in zip(names, sizes, strict=True)}
    if len(expected) != len(names):
        raise AcnetError(f"{folder}: two images have one name; prepare the dataset again")
    for path in visible(folder):
        if path.suffix == ".png" and path not in expected:
            raise AcnetError(f"{path}: belongs to no image of the split; move it away and run the same command again")
    with replacing(out) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for path, size in sorted(expected.items()):
            form.check(path, size)
            archive.writestr(zipfile.ZipInfo(path.name, _TIME), path.read_bytes())  # PNG is compressed already
