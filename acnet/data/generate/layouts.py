"""Scenes into files, in each dataset's official layout and coding."""

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image

from acnet.data import classes
from acnet.data.generate.canvas import Layer, Scene

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
            _png(out / "leftImg8bit" / f"{stem}_leftImg8bit.png", scene.image)
            label, instances = _cityscapes_ids(scene)
            if split == "test":
                label, instances = np.full_like(label, _EGO_VEHICLE), np.full_like(instances, _EGO_VEHICLE)
            _png(out / "gtFine" / f"{stem}_gtFine_labelIds.png", label)
            _png(out / "gtFine" / f"{stem}_gtFine_instanceIds.png", instances)


def _cityscapes_ids(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    label = classes.load("cityscapes").encode(scene.label, void=0).astype(np.uint8)
    if scene.layers[-1].name is None:
        label[scene.layers[-1].mask] = _EGO_VEHICLE
    instances = label.astype(np.uint16)
    counts: dict[int, int] = {}
    for layer, raw in _objects(scene.layers):
        if raw in _WITH_INSTANCES:
            instances[layer.mask & (label == raw)] = raw * 1000 + counts.setdefault(raw, 0)
            counts[raw] += 1
    return label, instances


def _objects(layers: tuple[Layer, ...]) -> Iterable[tuple[Layer, int]]:
    table = classes.load("cityscapes")
    return ((layer, int(table.raw_ids[table.names.index(layer.name)])) for layer in layers if layer.thing)


def write_ade20k(out: Path, splits: Splits) -> None:
    """ADEChallengeData2016 with JPEG images and PNG labels 0..150; test images without labels in release_test."""
    base, folders = out / "ADEChallengeData2016", {"train": "training", "val": "validation"}
    for split, scenes in splits.items():
        for number, scene in enumerate(scenes, 1):
            stem = f"ADE_{split}_{number:08d}"
            if split == "test":
                _jpeg(out / "release_test" / "testing" / f"{stem}.jpg", scene.image)
                continue
            _jpeg(base / "images" / folders[split] / f"{stem}.jpg", scene.image)
            label = classes.load("ade20k").encode(scene.label, void=0).astype(np.uint8)
            _png(base / "annotations" / folders[split] / f"{stem}.png", label)


def write_pascal_context(out: Path, splits: Splits) -> None:
    """VOC2010/JPEGImages and trainval_merged.json: one RLE mask per layer, later ones above earlier ones."""
    from pycocotools import mask as rle

    table = classes.load("pascal_context")
    images, annotations = [], []
    for year, (split, scenes) in enumerate(splits.items(), 2008):
        for number, scene in enumerate(scenes, 1):
            image_id, stem = year * 1_000_000 + number, f"{year}_{number:06d}"
            _jpeg(out / "VOC2010" / "JPEGImages" / f"{stem}.jpg", scene.image)
            height, width = scene.label.shape
            entry = {"image_id": image_id, "file_name": f"{stem}.jpg", "width": width, "height": height, "phase": split}
            images.append(entry)
            for layer in scene.layers:
                mask = rle.encode(np.asfortranarray(layer.mask, np.uint8))
                raw = _OUTSIDE_59 if layer.name is None else int(table.raw_ids[table.names.index(layer.name)])
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image_id,
                        "category_id": raw,
                        "segmentation": {"size": mask["size"], "counts": mask["counts"].decode()},
                        "area": int(layer.mask.sum()),
                        "iscrowd": 0,
                    }
                )
    content = {
        "info": {"description": "generated"},
        "images": images,
        "annos_segmentation": annotations,
        "categories": [],
    }
    (out / "trainval_merged.json").write_text(json.dumps(content))


def write_cocostuff10k(out: Path, splits: Splits) -> None:
    """images, annotations with the matrix S in 0..182, imageLists."""
    listed: dict[str, list[str]] = {}
    for split, scenes in splits.items():
        names = listed.setdefault(split, [])
        for number, scene in enumerate(scenes, 1):
            names.append(f"COCO_{split}2014_{number:012d}")
            _jpeg(out / "images" / f"{names[-1]}.jpg", scene.image)
            label = classes.load("cocostuff10k").encode(scene.label, void=0).astype(np.uint8)
            _mat(out / "annotations" / f"{names[-1]}.mat", {"S": label})
    lists = out / "imageLists"
    lists.mkdir(parents=True)
    listed["all"] = [stem for stems in listed.values() for stem in stems]
    for name, stems in listed.items():
        (lists / f"{name}.txt").write_text("".join(f"{stem}\n" for stem in stems))


def _png(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def _jpeg(path: Path, array: np.ndarray) -> None:
    """JPEG without chroma subsampling, which would smear lines of one pixel; greyscale where all channels agree."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = (array == array[:, :, :1]).all()
    Image.fromarray(array[:, :, 0] if grey else array).save(path, quality=95, subsampling=0)


def _mat(path: Path, content: dict[str, np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, content, do_compression=True)
    path.write_bytes(b"MATLAB 5.0 MAT-file, generated".ljust(_MAT_HEADER) + buffer.getvalue()[_MAT_HEADER:])


WRITERS: dict[str, Callable[[Path, Splits], None]] = {
    "cityscapes": write_cityscapes,
    "ade20k": write_ade20k,
    "pascal_context": write_pascal_context,
    "cocostuff10k": write_cocostuff10k,
}
