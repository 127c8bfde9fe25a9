"""Scenes into files, in each dataset's official layout and label encoding."""

import io
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from PIL import Image

from acnet.data import classes
from acnet.data.generate.canvas import Scene

Splits = dict[str, Iterable[Scene]]

_CITIES = {"train": ("miniburg", "ministadt"), "val": ("minidorf",), "test": ("miniheim",)}
_EGO_VEHICLE = 1  # Cityscapes' labelId of the car that carries the camera
_WITH_INSTANCES = range(24, 34)  # Cityscapes' labelIds of things that are numbered
_OUTSIDE_59 = 1  # a 459-class id (accordion) that is not among the 59
_MAT_HEADER = 116  # bytes of free text, in which scipy writes the date


def write_cityscapes(out: Path, splits: Splits) -> None:
    """leftImg8bit and gtFine with labelIds and 16-bit instanceIds; the labels of test are dummies."""
    for split, scenes in splits.items():
        for number, scene in enumerate(scenes):
            cities = _CITIES.get(split, (f"mini{split}",))
            city = cities[number // 2 % len(cities)]  # both kinds of scene in every city
            stem = f"{split}/{city}/{city}_{number:06d}_000019"
            _save(out / "leftImg8bit" / f"{stem}_leftImg8bit.png", scene.image)
            label, instances = _cityscapes_ids(scene)
            if split == "test":
                label, instances = np.full_like(label, _EGO_VEHICLE), np.full_like(instances, _EGO_VEHICLE)
            _save(out / "gtFine" / f"{stem}_gtFine_labelIds.png", label)
            _save(out / "gtFine" / f"{stem}_gtFine_instanceIds.png", instances)


def _cityscapes_ids(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    label = classes.load("cityscapes").encode(scene.label, ignore=0).astype(np.uint8)
    if scene.layers[-1].name is None:
        label[scene.layers[-1].mask] = _EGO_VEHICLE
    instances, counts = label.astype(np.uint16), Counter()
    for layer in scene.layers:
        raw = _raw_id("cityscapes", layer.name)
        if layer.thing and raw in _WITH_INSTANCES:
            instances[layer.mask & (label == raw)] = raw * 1000 + counts[raw]
            counts[raw] += 1
    return label, instances


def write_ade20k(out: Path, splits: Splits) -> None:
    """ADEChallengeData2016 with JPEG images and PNG labels 0..150; test images without labels in release_test."""
    base, folders = out / "ADEChallengeData2016", {"train": "training", "val": "validation"}
    for split, scenes in splits.items():
        for number, scene in enumerate(scenes, 1):
            stem = f"ADE_{split}_{number:08d}"
            if split == "test":
                _save_jpeg(out / "release_test" / "testing" / f"{stem}.jpg", scene.image)
                continue
            _save_jpeg(base / "images" / folders[split] / f"{stem}.jpg", scene.image)
            label = classes.load("ade20k").encode(scene.label, ignore=0).astype(np.uint8)
            _save(base / "annotations" / folders[split] / f"{stem}.png", label)


def write_pascal_context(out: Path, splits: Splits) -> None:
    """VOC2010/JPEGImages and trainval_merged.json: one RLE mask per layer, later ones above earlier ones."""
    from pycocotools import mask as rle

    images, annotations = [], []
    for year, (split, scenes) in enumerate(splits.items(), 2008):
        for number, scene in enumerate(scenes, 1):
            image = {"image_id": year * 1_000_000 + number, "file_name": f"{year}_{number:06d}.jpg"}
            height, width = scene.label.shape
            images.append({**image, "width": width, "height": height, "phase": split})
            _save_jpeg(out / "VOC2010" / "JPEGImages" / image["file_name"], scene.image)
            for layer in scene.layers:
                mask = rle.encode(np.asfortranarray(layer.mask, np.uint8))
                annotation = {
                    "id": len(annotations) + 1,
                    "image_id": image["image_id"],
                    "category_id": _OUTSIDE_59 if layer.name is None else _raw_id("pascal_context", layer.name),
                    "segmentation": {"size": mask["size"], "counts": mask["counts"].decode()},
                    "area": int(layer.mask.sum()),
                    "iscrowd": 0,
                }
                annotations.append(annotation)
    content = {"info": {"description": "generated"}, "images": images, "annos_segmentation": annotations}
    (out / "trainval_merged.json").write_text(json.dumps({**content, "categories": []}))


def write_cocostuff10k(out: Path, splits: Splits) -> None:
    """images, annotations with the matrix S in 0..182, imageLists."""
    lists: dict[str, list[str]] = {}
    for split, scenes in splits.items():
        lists[split] = []
        for number, scene in enumerate(scenes, 1):
            name = f"COCO_{split}2014_{number:012d}"
            lists[split].append(f"{name}\n")
            _save_jpeg(out / "images" / f"{name}.jpg", scene.image)
            label = classes.load("cocostuff10k").encode(scene.label, ignore=0).astype(np.uint8)
            _save_mat(out / "annotations" / f"{name}.mat", {"S": label})
    (out / "imageLists").mkdir(parents=True)
    lists["all"] = [name for listed in lists.values() for name in listed]
    for split, names in lists.items():
        (out / "imageLists" / f"{split}.txt").write_text("".join(names))


def write_folders(out: Path, splits: Splits) -> None:
    """images/{split} and labels/{split} with train ids; scenes that differ only in their kind share a name prefix."""
    for split, scenes in splits.items():
        for number, scene in enumerate(scenes):
            name = f"{number - scene.kind:05d}_{scene.kind}.png"
            _save(out / "images" / split / name, scene.image)
            _save(out / "labels" / split / name, scene.label)


def _raw_id(reader: str, name: str | None) -> int | None:
    """The id on disk of a class."""
    table = classes.load(reader)
    return None if name is None else int(table.raw_ids[table.names.index(name)])


def _save(path: Path, array: np.ndarray, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


def _save_jpeg(path: Path, array: np.ndarray) -> None:
    """JPEG without chroma subsampling, which would smear lines of one pixel; greyscale where all channels agree."""
    grey = (array == array[:, :, :1]).all()
    _save(path, array[:, :, 0] if grey else array, quality=95, subsampling=0)


def _save_mat(path: Path, content: dict[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, content, do_compression=True)
    path.write_bytes(b"MATLAB 5.0 MAT-file, generated".ljust(_MAT_HEADER) + buffer.getvalue()[_MAT_HEADER:])


WRITERS: dict[str, Callable[[Path, Splits], None]] = {
    "cityscapes": write_cityscapes,
    "ade20k": write_ade20k,
    "pascal_context": write_pascal_context,
    "cocostuff10k": write_cocostuff10k,
    "folders": write_folders,
}
