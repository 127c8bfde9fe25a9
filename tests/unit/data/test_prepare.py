import contextlib
import errno
import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from acnet.data import classes, readers, store
from acnet.data.prepare import prepare
from acnet.data.source import find_source, refuse_other_source
from acnet.data.store import Store
from acnet.errors import AcnetError
from acnet.files import held

from .conftest import SPLITS

FILES = ["manifest.json", "train.images.bin", "train.index.json", "train.labels.bin"]


@pytest.mark.parametrize("reader", SPLITS)
def test_the_store_holds_exactly_what_the_reader_reads(reader, trees, prepared):
    for split in SPLITS[reader]:
        opened = Store(prepared[reader], split)
        found = readers.pairs(reader, trees[reader], split)
        assert opened.names == [p.name for p in found]
        for i, pair in enumerate(found):
            image, label = readers.load_pair(reader, pair)
            assert (opened.image(i) == image).all()
            if label is None:
                assert not opened.labelled
            else:
                assert (opened.label(i) == label).all()


def test_preparing_again_with_other_threads_gives_equal_bytes(trees, prepared, tmp_path, dataset):
    prepare("mini_ade20k", dataset("ade20k"), trees["ade20k"], tmp_path, threads=2)
    names = sorted(p.name for p in prepared["ade20k"].iterdir())
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    for name in names:
        assert (tmp_path / name).read_bytes() == (prepared["ade20k"] / name).read_bytes()


@pytest.mark.parametrize("temporary", [120 * "x", "not_there"])
def test_processes_need_no_usable_folder_for_temporary_files(trees, prepared, tmp_path, temporary):
    (tmp_path / (120 * "x")).mkdir()
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom acnet.data.prepare import prepare\n"
        "from tests.unit.data.conftest import make_dataset\n"
        "if __name__ == '__main__':\n"
        "    prepare('mini', make_dataset('cityscapes'), Path(sys.argv[1]), Path(sys.argv[2]), threads=2)\n"
    )
    root = str(Path(__file__).resolve().parents[3])
    environment = {**os.environ, "TMPDIR": str(tmp_path / temporary), "PYTHONPATH": root}
    subprocess.run([sys.executable, script, trees["cityscapes"], tmp_path / "out"], env=environment, check=True)
    made, right = (folder / "train.images.bin" for folder in (tmp_path / "out", prepared["cityscapes"]))
    assert made.read_bytes() == right.read_bytes()


def test_the_manifest_counts_and_hashes(prepared):
    folder = prepared["cityscapes"]
    text = (folder / "manifest.json").read_text()
    manifest = json.loads(text)
    train = manifest["splits"]["train"]
    assert (train["images"], train["expected"]) == (5, 5)
    sizes = json.loads((folder / "train.index.json").read_text())["sizes"]
    for name, value in train["files"].items():
        data, lines = (folder / name).read_bytes(), ""
        channels = len(data) // sum(h * w for h, w in sizes)
        for h, w in sizes:
            piece, data = data[: channels * h * w], data[channels * h * w :]
            lines += f"{h} {w} {zlib.crc32(piece)}\n"
        assert hashlib.sha256(lines.encode()).hexdigest() == value
    counts = np.bincount(np.fromfile(folder / "train.labels.bin", np.uint8), minlength=256)
    assert list(train["histogram"]) == list(classes.load("cityscapes").names)
    assert train["histogram"]["sky"] == counts[10]
    assert train["ignored"] == counts[255] == counts.sum() - sum(train["histogram"].values())
    assert "histogram" not in manifest["splits"]["test"]
    assert str(folder.parent) not in text


def test_a_split_without_labels_has_none_to_give(prepared):
    with pytest.raises(AcnetError, match="split 'test' has no public labels"):
        Store(prepared["ade20k"], "test").label(0)


def test_a_missing_test_split_is_skipped_and_noted(tree, tmp_path, dataset):
    root = tree("cityscapes")
    shutil.rmtree(root / "leftImg8bit/test")
    manifest = prepare("x", dataset("cityscapes"), root, tmp_path / "out")
    assert manifest["splits"]["test"]["images"] == 0
    assert "skipped" in manifest["splits"]["test"]["note"]
    with pytest.raises(AcnetError, match="split 'test' is not prepared; prepared: train, val"):
        Store(tmp_path / "out", "test")
    shutil.rmtree(root / "leftImg8bit/val")
    with pytest.raises(AcnetError, match="val: folder is missing"):
        prepare("x", dataset("cityscapes"), root, tmp_path / "other")
    assert not (tmp_path / "other" / "manifest.json").exists()


def test_another_number_of_images_is_refused_or_noted(trees, tmp_path, dataset):
    generated = dataset("pascal_context", splits={"train": 6})
    with pytest.raises(AcnetError, match="5 images instead of 6; generate it again"):
        prepare("x", generated, trees["pascal_context"], tmp_path / "a")
    real = dataset("pascal_context", splits={"train": 6}, generate=None)
    with pytest.raises(AcnetError, match="5 images instead of 6; the copy is not complete"):
        prepare("x", real, trees["pascal_context"], tmp_path / "a")
    unlabelled = dataset("ade20k", splits={"train": 5, "test": 3352}, generate=None)
    manifest = prepare("x", unlabelled, trees["ade20k"], tmp_path / "b")
    assert manifest["splits"]["test"]["note"] == "2 images instead of 3352"


@contextlib.contextmanager
def failing(monkeypatch, failure=KeyboardInterrupt, after=2):
    """The preparation in the block fails `after` some images; yields the list of those written."""
    original, written = store.Place.write, []

    def write(self, image, label):
        if len(written) == after:
            raise failure
        written.append(self.parts)
        return original(self, image, label)

    with monkeypatch.context() as patch:
        patch.setattr(store.Place, "write", write)
        yield written


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_an_interrupted_preparation_leaves_the_earlier_store_and_is_resumed(
    failure, trees, tmp_path, dataset, monkeypatch
):
    one = dataset("ade20k", splits={"train": 5})
    prepare("x", one, trees["ade20k"], tmp_path / "old")
    said = {"match": "no space left; free some"} if isinstance(failure, OSError) else {}
    for folder in ("old", "new"):
        with failing(monkeypatch, failure), pytest.raises(AcnetError if said else KeyboardInterrupt, **said):
            prepare("x", one, trees["ade20k"], tmp_path / folder)
    assert sorted(p.name for p in (tmp_path / "old").iterdir()) == [".preparing", *FILES]
    assert len(Store(tmp_path / "old", "train")) == 5
    with pytest.raises(AcnetError, match=r"manifest\.json: not found; prepare the dataset first"):
        Store(tmp_path / "new", "train")
    with failing(monkeypatch, after=99) as written:
        prepare("x", one, trees["ade20k"], tmp_path / "new")
    assert len(written) == 3
    for name in FILES:
        assert (tmp_path / "new" / name).read_bytes() == (tmp_path / "old" / name).read_bytes()
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == FILES


def test_the_name_of_the_source_folder_need_not_be_utf8(tree, prepared, tmp_path, dataset):
    root = tree("ade20k").rename(tmp_path / os.fsdecode(b"stra\xdfe"))
    prepare("mini_ade20k", dataset("ade20k"), root, tmp_path / "out")
    assert (tmp_path / "out/manifest.json").read_bytes() == (prepared["ade20k"] / "manifest.json").read_bytes()


def test_work_on_a_source_that_has_changed_is_thrown_away(tree, tmp_path, dataset, monkeypatch):
    root, one = tree("ade20k"), dataset("ade20k", splits={"train": 5})
    prepare("x", one, root, tmp_path / "before")
    with failing(monkeypatch), pytest.raises(KeyboardInterrupt):
        prepare("x", one, root, tmp_path / "out")
    first = min(root.glob("ADEChallengeData2016/annotations/training/*.png"))
    with Image.open(first) as label:
        shape = label.height, label.width
    Image.fromarray(np.ones(shape, np.uint8)).save(first)
    prepare("x", one, root, tmp_path / "out")
    prepare("x", one, root, tmp_path / "again")
    opened = Store(tmp_path / "out", "train")
    assert (opened.label(0) == 0).all()
    assert (tmp_path / "out/manifest.json").read_bytes() == (tmp_path / "again/manifest.json").read_bytes()
    assert (tmp_path / "out/manifest.json").read_bytes() != (tmp_path / "before/manifest.json").read_bytes()


def test_an_image_that_did_not_reach_the_disk_is_written_again(trees, prepared, tmp_path, dataset, monkeypatch):
    one = dataset("ade20k")
    with failing(monkeypatch), pytest.raises(KeyboardInterrupt):
        prepare("mini_ade20k", one, trees["ade20k"], tmp_path)
    work = tmp_path / ".preparing"
    data = bytearray((work / "train.images.bin").read_bytes())
    data[:4096] = bytes(4096)  # a page that never got there
    (work / "train.images.bin").write_bytes(data)
    with open(work / "train.journal", "a") as handle:
        handle.write('{"index": 4, "ma')  # cut in the middle
    prepare("mini_ade20k", one, trees["ade20k"], tmp_path)
    for path in prepared["ade20k"].iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_two_processes_do_not_prepare_one_dataset_together(trees, tmp_path, dataset):
    (tmp_path / ".preparing").mkdir()
    with (
        held(tmp_path / ".preparing/lock", ""),
        pytest.raises(AcnetError, match="another process is preparing this dataset"),
    ):
        prepare("x", dataset("ade20k"), trees["ade20k"], tmp_path)


def test_a_disk_too_small_is_named_before_anything_is_decoded(trees, tmp_path, dataset, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 10**8))
    monkeypatch.setattr(store.Place, "write", None)
    with pytest.raises(AcnetError, match=r"preparing x needs .* free; free some"):
        prepare("x", dataset("ade20k"), trees["ade20k"], tmp_path)


def test_a_truncated_store_is_refused(trees, tmp_path, dataset):
    prepare("x", dataset("ade20k", splits={"train": 5}), trees["ade20k"], tmp_path)
    path = tmp_path / "train.labels.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(AcnetError, match=r"train\.labels\.bin: has another size than its index"):
        Store(tmp_path, "train")


def test_a_worker_process_gets_the_path_and_not_the_pixels(prepared):
    opened = Store(prepared["cityscapes"], "train")
    data = pickle.dumps(opened)
    assert len(data) < 1000
    assert (pickle.loads(data).image(1) == opened.image(1)).all()


def test_the_source_is_the_environments_then_the_first_folder(tmp_path, dataset, monkeypatch):
    asked = dataset("camvid", environment="ACNET_TEST_CAMVID", folders=["a", "b", "c"], generate=None)
    monkeypatch.delenv("ACNET_TEST_CAMVID", raising=False)
    with pytest.raises(
        AcnetError,
        match=r"^camvid: .* looked at \$ACNET_TEST_CAMVID \(not set\), .*; unzip it there; ACNET_TEST_CAMVID may",
    ):
        find_source("camvid", asked, tmp_path)
    for name in ("a", "b", "c", "mine"):
        (tmp_path / name).mkdir()
        # An empty folder holds no dataset, nor does one with what systems leave there.
        for file in (".DS_Store", "._x", "desktop.ini") if name == "a" else ("train.txt",):
            (tmp_path / name / file).touch()
    assert find_source("camvid", asked, tmp_path) == tmp_path / "b"
    monkeypatch.setenv("ACNET_TEST_CAMVID", str(tmp_path / "mine"))
    assert find_source("camvid", asked, tmp_path) == tmp_path / "mine"
    monkeypatch.setenv("ACNET_TEST_CAMVID", str(tmp_path / "gone"))
    with pytest.raises(AcnetError, match="gone: no such folder"):
        find_source("camvid", asked, tmp_path)
    with pytest.raises(AcnetError, match="acnet data generate mini"):
        find_source("mini", dataset("ade20k", folders=["x"]), tmp_path)


def test_a_store_serves_until_its_source_has_other_files(tree, tmp_path, dataset, monkeypatch):
    source, out = tree("cityscapes"), tmp_path / "out"
    asked = dataset("cityscapes", environment="ACNET_TEST_CITY", folders=["nowhere"], generate=None)
    monkeypatch.chdir(tmp_path)

    def named(folder):
        monkeypatch.setenv("ACNET_TEST_CITY", str(folder))
        refuse_other_source("city", asked, out)

    named(source)  # nothing is prepared yet
    prepare("city", asked, source, out)
    (tmp_path / "link").symlink_to(source)
    (source / ".DS_Store").touch()
    for folder in (source, source.name, tmp_path / "link", source.rename(tmp_path / "moved"), tmp_path / "gone", ""):
        named(folder)
    image = next((tmp_path / "moved").rglob("*_leftImg8bit.png"))
    other = shutil.copytree(tmp_path / "moved", tmp_path / os.fsdecode(b"other\xff"))
    for change in (lambda: os.utime(image, (0, 0)), lambda: image.write_bytes(b"larger" * 10000), image.unlink):
        change()
        with pytest.raises(
            AcnetError, match=r"out: prepared from .*/cityscapes, but the files in ACNET_TEST_CITY=.*/moved differ"
        ):
            named(tmp_path / "moved")
    prepare("city", asked, other, out)
    named(other)
    (other / "new.txt").touch()
    with pytest.raises(AcnetError, match=r"prepared from .*/other\ufffd, whose files have changed .*`acnet data prep"):
        named(other)
    (out / "manifest.json").write_text("{}")  # another store takes its place, such as a restored one
    named(other)
