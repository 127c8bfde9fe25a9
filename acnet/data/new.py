"""Add a dataset of your own: from two folders of images and labels to an entry in datasets.yaml and a scale."""

import colorsys
import dataclasses
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from string import Template

import numpy as np
import yaml

from acnet.data import readers
from acnet.data.check import SplitReport, check, text
from acnet.data.pair import Files, Pair, listed, read_lines
from acnet.errors import AcnetError
from acnet.files import read_json, visible_below, write_text
from acnet.params.datasets import Dataset, load_datasets
from acnet.params.scales import scale_names
from acnet.params.schema import build, convert, mapping, usable
from acnet.progress import some

_TEMPLATE = Path(__file__).with_name("new_scale.yaml")
_MOST = 255  # classes that are looked for if none are named
_STEPS, _BATCH = 1250, 8  # of a training in the new scale, as in the scale msrc21
_TAKEN = ("published", "raw", "archives", "weights", "shown")  # folders of reports/ and data/
_CROP, _SHORT = 160, 240  # pixels: sizes that one core can train in minutes


@dataclasses.dataclass(frozen=True)
class Folders:
    """Folders of images and labels, split by subfolders train, val and test or, with `share`, at random.

    `named` is a file with the names of the classes, one per line, or a JSON file with `names` and a `palette`.
    """

    images: Path
    labels: Path
    named: Path | None = None
    share: float | None = None


def add_dataset(name: str, folders: Folders, params: Path, data: Path, threads: int) -> None:
    """Read all of `folders`; write its entry to {params}/datasets.yaml and the scale {params}/scales/{name}.yaml.

    {data}/raw/{name} contains links to the two folders. Prints what was found.
    Raises AcnetError, with nothing written, for a name in use and for anything missing or wrong in the folders.
    """
    file, home = params / "datasets.yaml", data / "raw" / name
    usable(name, "dataset")
    if name in _TAKEN:
        raise AcnetError(f"dataset '{name}': a folder of this name holds something else; choose another name")
    if name in load_datasets(params) or name in scale_names(params) or home.exists():
        raise AcnetError(f"dataset '{name}': exists in {file}, {params}/scales or {home.parent}; choose another name")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new_", dir=home.parent) as temporary:
        root = Path(temporary) / name
        pairs = _lay_out(root, folders)
        splits = {split: len(found) for split, found in pairs.items()}
        colours = _colours(folders.named) if folders.named else _made_up(_MOST)
        reports = check(name, _dataset(name, splits, colours, home), root, threads)
        if not folders.named:
            colours = _made_up(_keep_occurring(reports))
        said = text(f"{name}: {folders.images}, {folders.labels}", reports).replace(" (--json FILE lists all)", "")
        said += _left_out(root, [pair for found in pairs.values() for pair in found])
        for kind in ("images", "labels"):
            said = said.replace(str(root / kind), str(getattr(folders, kind)))
        print(said)
        if not all(report.good for report in reports.values()):
            raise AcnetError(f"{folders.labels}: {name} is not added; see the list above")
        _refuse_gaps(folders.labels, reports, bool(folders.named))
        dataset = _dataset(name, splits, colours, home)
        os.rename(root, home)
    values = {key: value for key, value in dataclasses.asdict(dataset).items() if value}
    entry = yaml.safe_dump({name: values}, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    scale = params / "scales" / f"{name}.yaml"
    try:
        write_text(scale, _scale(dataset, reports["train"]))
        write_text(file, f"{file.read_text(encoding='utf-8').rstrip()}\n\n{entry}")
    except BaseException:
        shutil.rmtree(home)
        scale.unlink(missing_ok=True)
        raise


def _lay_out(root: Path, folders: Folders) -> dict[str, list[Pair]]:
    """Make the layout of the reader `folders` in `root`; its images with their labels by split."""
    root.mkdir()
    for kind in ("images", "labels"):
        if not getattr(folders, kind).is_dir():
            raise AcnetError(f"{getattr(folders, kind)}: no such folder; --{kind} must name the folder of the {kind}")
        (root / kind).symlink_to(getattr(folders, kind).resolve())
    known = readers.READERS["folders"].splits
    split_by = [split for split in known if (root / "images" / split).is_dir()]
    if "train" not in split_by and not folders.share:
        raise AcnetError(
            f"{folders.images}: has no folder train; make train and val in both folders, or split by --val 0.2"
        )
    if split_by and folders.share:
        raise AcnetError(f"{folders.images}: has a folder {split_by[0]}, so the images are already split; omit --val")
    if not split_by:
        names = sorted({*Files(root / "images", ".jpg"), *Files(root / "labels", ".png")}, key=_drawn)
        count = round(folders.share * len(names))
        if names and not 0 < count < len(names):
            raise AcnetError(
                f"{folders.images}: --val {folders.share} draws {count} of {len(names)} images; leave some in each"
            )
        if odd := [stem for stem in names if listed(f"{stem}.png") != stem]:
            raise AcnetError(
                f"{folders.images}: --val cannot list {some(odd)}; rename the files, or make folders train and val"
            )
        for split, part in (("train", names[count:]), ("val", names[:count])):
            write_text(root / f"{split}.txt", "".join(f"{stem}.png\n" for stem in sorted(part)))
        splits = ["train", "val"]
    else:
        splits = [split for split in split_by if (root / "labels" / split).is_dir()]
    pairs = {split: readers.listing("folders", root, split).pairs for split in splits}
    if "train" not in pairs or len(pairs) < 2 or not all(pairs.values()):
        raise AcnetError(
            f"{folders.images}, {folders.labels}: images (.jpg, .png) and labels (.png) are needed in train and in "
            "val or test, or, with --val, in the folders themselves"
        )
    return pairs


def _left_out(root: Path, pairs: Iterable[Pair]) -> str:
    """Lines that name the files which are in none of `pairs`."""
    lines = ""
    for kind in ("images", "labels"):
        used = {pair.image if kind == "images" else pair.label for pair in pairs}
        if others := sorted(str(file.relative_to(root / kind)) for file in {*visible_below(root / kind)} - used):
            lines += f"\n  not used, {len(others)} of the files below {root / kind}: {some(others)}"
    return lines.encode(errors="backslashreplace").decode()  # a file's name need not be UTF-8


def _drawn(stem: str) -> str:
    """A sort key that gives a random-looking order, the same on every machine."""
    return hashlib.md5(stem.encode()).hexdigest()


def _colours(file: Path) -> dict[str, list[int]]:
    """The colour of each class by its name, as given in `file`."""
    if not file.is_file():
        raise AcnetError(f"{file}: not found; --classes must name a file of class names")
    told = read_json(file) if file.suffix.lower() == ".json" else {"names": read_lines(file, "")}
    names = convert(list[str], mapping(told, str(file)).get("names"), f"{file}: names")
    palette = convert(list[list[int]] | None, told.get("palette"), f"{file}: palette")
    palette = palette or list(_made_up(len(names)).values())
    if len(names) != len(palette):
        raise AcnetError(f"{file}: {len(names)} names and {len(palette)} colours; give each name one")
    if len(set(names)) < len(names):
        raise AcnetError(f"{file}: {len(set(names))} different names for {len(names)} classes; name each once")
    return dict(zip(names, palette, strict=True))


def _made_up(count: int) -> dict[str, list[int]]:
    """`count` classes named by their numbers, with colours that lie far apart."""
    hues = (0.618034 * number % 1 for number in range(count))
    return {f"class {i}": [round(255 * c) for c in colorsys.hsv_to_rgb(hue, 0.7, 0.9)] for i, hue in enumerate(hues)}


def _dataset(name: str, splits: dict[str, int], colours: dict[str, list[int]], home: Path) -> Dataset:
    values = {
        "title": name,
        "reader": "folders",
        "classes": len(colours),
        "class_colours": colours,
        "splits": splits,
        "train": "train",
        "evaluate": "val" if "val" in splits else "test",
        "folders": [str(home)],
    }
    return build(Dataset, values, f"dataset '{name}'")


def _keep_occurring(reports: dict[str, SplitReport]) -> int:
    """The number of classes up to the largest id that occurs; classes above it are removed from the reports."""
    counted = [report.histogram for report in reports.values() if report.histogram]
    count = max((i for found in counted for i, pixels in enumerate(found.values(), 1) if pixels), default=0)
    for report in reports.values():
        report.histogram = report.histogram and dict(list(report.histogram.items())[:count])
        report.notes = [note for note in report.notes if "never occur" not in note]
    return count


def _refuse_gaps(labels: Path, reports: dict[str, SplitReport], named: bool) -> None:
    """AcnetError if fewer than two classes occur, or an id below the largest of classes that nobody `named`."""
    total = np.array([list(report.histogram.values()) for report in reports.values()]).sum(0)
    if len(found := np.flatnonzero(total)) < 2:
        only = int(found[0]) if len(found) else 0
        other = 0 if only else 1
        raise AcnetError(f"{labels}: no id except {only} occurs (255 is ignored); label the other class with {other}")
    if (absent := ", ".join(map(str, np.flatnonzero(total == 0)[:9]))) and not named:
        raise AcnetError(
            f"{labels}: id {len(total) - 1} occurs, but {absent} never occur; number the classes from 0 without gaps, "
            "or name all of them with --classes"
        )


def _scale(dataset: Dataset, train: SplitReport) -> str:
    """The scale of a dataset, from its most frequent size of image and its number of them."""
    short = min(map(int, next(iter(train.sizes)).split("x")))
    small = short <= _SHORT
    epochs = -(-_STEPS // max(1, train.complete // _BATCH))  # an epoch drops the images that fill no batch
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=dataset.title,
        base_size="null" if small else _SHORT,
        crop=min(_CROP, max(16, short * 3 // 4 // 16 * 16)),  # a multiple of 16, for which the width of fcn_flops holds
        batch=_BATCH,
        epochs=epochs,
        more_epochs=epochs * 4 // 3,
    )
