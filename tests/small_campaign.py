"""A folder in which every command has run, at a scale of seconds."""

import os
import shutil
from pathlib import Path

from acnet.cli import main

ROOT = Path(__file__).resolve().parents[1]
_SMALLER = {
    "datasets.yaml": {"{train: 48, val: 16, test: 4}": "{train: 4, val: 2, test: 1}"},
    "scales/mini.yaml": {
        "base_width: 16": "base_width: 8",
        "reduction: 64": "reduction: 8",
        "local_channels: 16": "local_channels: 4",
        "block_channels: [56, 32]": "block_channels: [8, 8]",
        "epochs: 50\n  learning": "epochs: 2\n  learning",
        "batch: 8\n": "batch: 2\n",
    },
}


def shrink(params: Path) -> None:
    """Make the scale mini of these parameters one of seconds."""
    for file, changes in _SMALLER.items():
        text = (params / file).read_text()
        for old, new in changes.items():
            assert old in text, f"{file} no longer holds {old!r}"
            text = text.replace(old, new)
        (params / file).write_text(text)


def make(folder: Path) -> Path:
    """Fill `folder` with parameters, a mini dataset as downloaded and prepared, and two trained runs."""
    shutil.copytree(ROOT / "params", folder / "params")
    shrink(folder / "params")
    before = Path.cwd()
    os.chdir(folder)
    try:
        for words in ("data generate mini_cityscapes", "data prepare mini_cityscapes"):
            assert main(words.split()) == 0
        for run in ("fcn_s16", "acb1"):
            assert main(f"resolve --run {run}".split()) == 0
            assert main(f"train --params results/mini/{run}/seed0/params.yaml".split()) == 0
    finally:
        os.chdir(before)
    return folder


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every result below `folder` with its content: files, but not what a command keeps in order to go on from it."""
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return {str(path): (folder / path).read_bytes() for path in files if not _UNFINISHED & set(path.parts)}


_UNFINISHED = {".preparing", ".finished"}
