"""The readers on real files, where they are at hand."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import scipy.io
from PIL import Image

from acnet.data import classes, readers
from acnet.data.prepare import prepare
from acnet.data.store import Store
from acnet.errors import AcnetError
from acnet.params.datasets import load_datasets


def test_cityscapes_reads_label_ids(shared):
    found = readers.pairs("cityscapes", shared("samples/cityscapes"), "train")
    assert [p.name for p in found] == ["aachen_000000_000019", "aachen_000001_000019"]
    for pair in found:
        image, label = readers.load_pair("cityscapes", pair)
        assert image.shape == (1024, 2048, 3)
        raw = np.array(Image.open(pair.label))
        for raw_id, train_id in ((7, 0), (8, 1), (11, 2), (17, 5), (23, 10), (24, 11), (26, 13), (33, 18)):
            assert ((raw == raw_id) == (label == train_id)).all()
        assert (label[np.isin(raw, [0, 1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 29, 30])] == 255).all()


def test_cityscapes_refuses_instance_ids(shared, tmp_path):
    root = tmp_path / "cityscapes"
    shutil.copytree(shared("samples/cityscapes"), root, copy_function=shutil.copyfile)
    pair = readers.pairs("cityscapes", root, "train")[0]
    pair.label.unlink()
    shutil.copyfile(str(pair.label).replace("labelIds", "instanceIds"), pair.label)
    with pytest.raises(AcnetError, match=r"is out of range for cityscapes; use the file .*_gtFine_labelIds"):
        readers.load_pair("cityscapes", pair)


@pytest.mark.parametrize("root", ["samples/ade20k", "samples/ade20k/ADEChallengeData2016"])
def test_ade20k_moves_its_ids_down_by_one(shared, root):
    (pair,) = readers.pairs("ade20k", shared(root), "val")
    image, label = readers.load_pair("ade20k", pair)
    raw = np.array(Image.open(pair.label))
    assert image.shape[:2] == label.shape == raw.shape
    assert (label[raw == 0] == 255).all()
    assert (label[raw > 0] == raw[raw > 0] - 1).all()


@pytest.fixture
def pascal(shared, tmp_path):
    """A function from the label files to take to a root with them, the images and lists of the JSON's splits."""
    source = shared("samples/pascal_context")
    from_json = {s: [p.name for p in readers.pairs("pascal_context", source, s)] for s in ("train", "val")}

    def build(labels):
        root = tmp_path / labels
        lists = root / "VOC2010/ImageSets/Main"
        lists.mkdir(parents=True)
        (root / "VOC2010/JPEGImages").symlink_to(source / "VOC2010/JPEGImages")
        (root / labels).symlink_to(source / labels)
        for split, names in from_json.items():
            (lists / f"{split}.txt").write_text("".join(f"{n}\n" for n in names))
        return root

    return source, build


def test_pascal_context_is_the_same_from_json_mat_and_png(pascal):
    source, build = pascal
    mat, png = build("label459_mat"), build("label60_png")
    count = 0
    for split in ("train", "val"):
        triples = zip(*(readers.pairs("pascal_context", r, split) for r in (source, mat, png)), strict=True)
        for triple in triples:
            labels = [readers.load_pair("pascal_context", p)[1] for p in triple]
            assert (labels[0] == labels[1]).all()
            assert (labels[0] == labels[2]).all()
            assert 1 < len(np.unique(labels[0])) < 59
            count += 1
    assert count == 6


def test_pascal_context_names_the_class_of_an_id(pascal):
    _, build = pascal
    pair = next(p for s in ("train", "val") for p in readers.pairs("pascal_context", build("label459_mat"), s))
    raw = scipy.io.loadmat(pair.label)["LabelMap"]
    _, label = readers.load_pair("pascal_context", pair)
    table = classes.load("pascal_context")
    for train_id in np.unique(label[label != 255]):
        assert set(raw[label == train_id]) == {table.raw_ids[train_id]}
    assert not set(raw[label == 255]) & set(table.raw_ids)


def test_cocostuff10k_reads_s_and_refuses_the_164k_coding(shared):
    (pair,) = readers.pairs("cocostuff10k", shared("samples/cocostuff10k"), "train")
    raw = scipy.io.loadmat(pair.label)["S"]
    _, label = readers.load_pair("cocostuff10k", pair)
    assert (label[raw == 0] == 255).all()
    assert (classes.load("cocostuff10k").raw_ids[label[raw > 0]] == raw[raw > 0]).all()
    with pytest.raises(AcnetError, match="coding of COCO-Stuff 164k"):
        readers.pairs("cocostuff10k", shared("samples/cocostuff_164k"), "train")


def test_camvid_is_read_whole(shared):
    root = shared("camvid")
    counts = {split: len(readers.pairs("camvid", root, split)) for split in ("train", "val", "test")}
    assert counts == {"train": 367, "val": 101, "test": 233}


def test_camvid_is_prepared(shared, root, tmp_path):
    dataset = dataclasses.replace(load_datasets(root / "params")["camvid"], splits={"val": 101})
    manifest = prepare("camvid", dataset, shared("camvid"), tmp_path, threads=2)
    val = manifest["splits"]["val"]
    assert val["histogram"]["Road"] == 5053176
    assert val["histogram"]["Pole"] == 98499
    assert val["ignored"] == 297271
    opened = Store(tmp_path, "val")
    assert opened.image(100).shape == (360, 480, 3)
    assert opened.names[0] == (shared("camvid") / "val.txt").read_text().split()[0]


@pytest.mark.parametrize("name", ["msrc21", "stanford_background"])
def test_a_scene_dataset_is_what_its_entry_says(shared, root, name, tmp_path):
    folder, dataset = shared("scenes") / name, load_datasets(root / "params")[name]
    told = json.loads((folder / "classes.json").read_text())
    assert list(dataset.class_colours.items()) == list(zip(told["names"], told["palette"], strict=True))
    splits = prepare(name, dataset, folder, tmp_path, threads=2)["splits"]
    assert not any(split["note"] for split in splits.values())
    counted = {n: splits["train"]["histogram"][n] for n in told["names"]}
    assert counted == {entry["name"]: entry["train_px"] for entry in told["classes"]}
    for split, fraction in told["void_frac"].items():
        labelled = sum(splits[split]["histogram"].values())
        assert splits[split]["ignored"] / (splits[split]["ignored"] + labelled) == pytest.approx(fraction, abs=1e-6)
