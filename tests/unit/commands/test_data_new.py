"""acnet data new: from two folders to an entry of datasets.yaml and a scale, or to one line and nothing written."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from acnet.data import check, new, readers
from acnet.errors import AcnetError
from acnet.files import read_yaml
from acnet.params.campaign import Campaign
from acnet.params.datasets import find_dataset

NEW = "data new mine --images photos --labels masks"
PHOTOS = [*(f"train/{number}" for number in range(6)), "val/a b", "val/c"]


def write(path: str, pixels) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


@pytest.fixture
def two_folders(here):
    """photos/ and masks/ with six pairs of train and two of val, whose ids are 0, 1, 2 and 255."""
    rng = np.random.default_rng(0)
    for number, name in enumerate(PHOTOS):
        write(f"photos/{name}.jpg", rng.integers(0, 255, (40, 60, 3)))
        label = np.zeros((40, 60))
        label[number:20], label[20:30], label[35:] = 1, 2, 255
        write(f"masks/{name}.png", label)
    return here


def test_the_entry_is_appended_and_its_scale_resolves(two_folders, acnet, monkeypatch):
    before = Path("params/datasets.yaml").read_text()
    done = acnet(NEW)
    assert done.status == 0
    assert done.said[1] == "  train: 6 complete of 6 listed, 6 expected: good"
    assert done.said[3] == "    pixels: class 1 50.0 %, class 2 28.6 %, class 0 21.4 %; ignored 12.5 %"
    after = Path("params/datasets.yaml").read_text()
    assert after.startswith(before.rstrip())
    assert Path("data/raw/mine/images/train").samefile("photos/train")
    run = Campaign(Path("params"), "mine").resolve("acb3", 0)
    assert (run.dataset, run.classes, run.train_splits, run.evaluate_split) == ("mine", 3, ["train"], "val")
    assert list(run.class_colours) == ["class 0", "class 1", "class 2"]
    assert (run.train.crop, run.train.base_size, run.train.epochs) == ([16, 16], None, 1250)
    monkeypatch.setattr(check, "MANY", 6)
    record = Path("data/histograms/mine.json")
    assert acnet("data prepare mine").status == 0 and "class 0" in record.read_text()
    assert json.loads(Path("data/mine/manifest.json").read_text())["splits"]["train"]["images"] == 6
    Path("params/datasets.yaml").write_text(after.replace("class 0", "sky"))  # shares of other classes are no record
    assert acnet("data check mine").status == 0 and next(iter(json.loads(record.read_text())["train"])) == "sky"


@pytest.mark.parametrize(("images", "epochs"), [(7, 1250), (15, 1250), (16, 625), (23, 625), (2000, 5)])
def test_the_scale_takes_1250_steps_of_whole_batches(images, epochs):
    report = check.SplitReport(images, complete=images, sizes={"60x40": images})
    assert f"\n  epochs: {epochs}\n" in new._scale(find_dataset(Path(__file__).parents[3] / "params", "camvid"), report)


def test_classes_are_named_by_a_list_or_with_colours(two_folders, acnet):
    Path("names.txt").write_text("road\nsky blue\nno\n\nnever\n")
    assert acnet(f"{NEW} --classes names.txt").status == 0
    names = list(find_dataset(Path("params"), "mine").class_colours)
    assert names == ["road", "sky blue", "no", "never"]
    Path("names.txt").write_text("road\nsky\n")
    refused = acnet(f"{NEW.replace('mine', 'other')} --classes names.txt")
    assert refused.status == 2
    assert any("train/0.png: label id 2 is out of range for 2 classes, 0 to 1" in line for line in refused.said)
    told = {"names": ["x", "y", "z"], "palette": [[1, 2, 3], [4, 5, 6], [7, 8, 9]], "more": 1}
    Path("classes.json").write_text(json.dumps(told))
    assert acnet(f"{NEW.replace('mine', '2024')} --classes classes.json").status == 0
    assert find_dataset(Path("params"), "2024").class_colours["y"] == [4, 5, 6]
    assert Campaign(Path("params"), "2024").scale.title == "2024"


def test_a_share_is_drawn_for_val_of_folders_without_subfolders(two_folders, acnet):
    for name in PHOTOS:
        shutil.move(f"photos/{name}.jpg", "photos")
        shutil.move(f"masks/{name}.png", "masks")
    for split in ("train", "val"):
        Path("photos", split).rmdir()
        Path("masks", split).rmdir()
    assert "photos: --val 0.05 draws 0 of 8 images; leave some in each" in acnet(f"{NEW} --val 0.05").lines[-1]
    assert acnet(f"{NEW} --val 0.25").status == 0
    assert find_dataset(Path("params"), "mine").splits == {"train": 6, "val": 2}
    found = {s: [pair.name for pair in readers.pairs("folders", Path("data/raw/mine"), s)] for s in ("train", "val")}
    assert sorted(found["train"] + found["val"]) == sorted(Path(name).name for name in PHOTOS)
    assert found["val"] == ["a b", "c"]


def test_a_name_that_the_list_of_a_split_would_cut_is_refused(two_folders, refused):
    for folder, suffix in (("photos", "jpg"), ("masks", "png")):
        for name in PHOTOS:
            shutil.move(f"{folder}/{name}.{suffix}", f"{folder}/{Path(name).name}.{suffix}")
        shutil.move(f"{folder}/3.{suffix}", f"{folder}/3.jpg copy.{suffix}")
        shutil.rmtree(f"{folder}/train")
        shutil.rmtree(f"{folder}/val")
    assert "photos: --val cannot list 3.jpg copy; rename the files, or make folders train" in refused(
        f"{NEW} --val 0.25"
    )


def test_test_waits_where_there_is_val(two_folders, acnet):
    for folder in ("photos", "masks"):
        shutil.copytree(f"{folder}/val", f"{folder}/test")
    done = acnet(NEW)
    assert any("2 images with the same pixels as images of val: a b, c" in line for line in done.said)
    assert find_dataset(Path("params"), "mine").evaluate == "val"


def coloured(path):
    with Image.open(path) as image:
        Image.merge("RGB", (image, image.point(lambda value: 255 - value), image)).save(path)


def renumbered(step):
    def change(path):
        for file in Path("masks").glob("*/*.png"):
            label = np.array(Image.open(file))
            write(file, np.where(label == 255, 255, step(label)))

    return change


@pytest.mark.parametrize(
    ("damage", "listed", "line"),
    [
        (Path.unlink, "photos/train/0.jpg: has no label masks/train/0.png", "masks: mine is not added"),
        (coloured, "this one has mode RGB; a label holds the class of each pixel", "masks: mine is not added"),
        (lambda path: write(path, np.ones((40, 59))), "label of 0 is 59x40, its image 60x40", "not added"),
        (lambda path: write(path, np.full((40, 60), 7)), "", "masks: id 7 occurs, but 3, 4, 5, 6 never occur"),
        (renumbered(lambda label: label + 1), "", "masks: id 3 occurs, but 0 never occur; number the classes"),
        (renumbered(lambda label: 0 * label), "", "masks: no id except 0 occurs (255 is ignored); label"),
        (
            lambda path: shutil.rmtree("masks/val"),
            "",
            "photos, masks: images (.jpg, .png) and labels (.png) are needed in train and in val",
        ),
        (lambda path: shutil.rmtree("photos/train"), "", "photos: has no folder train; make train and val in both"),
        (lambda path: shutil.rmtree("photos"), "", "photos: no such folder; --images must name the folder"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(two_folders, acnet, damage, listed, line):
    damage(Path("masks/train/0.png"))
    datasets, scales = Path("params/datasets.yaml").read_text(), sorted(Path("params/scales").iterdir())
    done = acnet(NEW)
    assert done.status == 2
    assert line in done.lines[-1]
    assert listed in "\n".join(done.said)
    assert Path("params/datasets.yaml").read_text() == datasets and sorted(Path("params/scales").iterdir()) == scales
    assert [path.name for path in Path("data/raw").iterdir()] == ["mini_cityscapes"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (NEW.replace("mine", "camvid"), "dataset 'camvid': exists in params/datasets.yaml, params/scales"),
        (NEW.replace("mine", "paper"), "dataset 'paper': "),
        (NEW.replace("mine", "my/own"), "'my/own' cannot be a name; use letters, digits, _ and -"),
        (NEW.replace("mine", "2024_05"), "dataset: '2024_05' is also the number 202405; choose another name"),
        (NEW.replace("mine", "published"), "a folder of this name holds something else; choose another name"),
        (f"{NEW} --val 0.2", "photos: has a folder train, so the images are already split; omit --val"),
        (f"{NEW} --val 20", "argument --val: '20' is not a fraction; write 0.2 for a fifth"),
        (f"{NEW} --classes twice.txt", "twice.txt: 2 different names for 3 classes; name each once"),
        (f"{NEW} --classes TWO.JSON", "TWO.JSON: 3 names and 2 colours; give each name one"),
        (f"{NEW} --classes no_names.json", "no_names.json: names: expected a list, got None"),
        (f"{NEW} --classes nowhere.txt", "nowhere.txt: not found; --classes must name a file of class names"),
    ],
)
def test_an_option_that_cannot_be_right_is_refused(two_folders, refused, words, said):
    Path("twice.txt").write_text("a\nb\na\n")
    Path("no_names.json").write_text('{"names": null, "palette": null}')
    Path("TWO.JSON").write_text('{"names": ["a", "b", "c"], "palette": [[1, 2, 3], [4, 5, 6]]}')
    assert said in refused(words)
    assert "mine" not in read_yaml("params/datasets.yaml")


def test_one_class_beside_ignored_pixels_is_refused_even_if_two_are_named(two_folders, acnet):
    renumbered(lambda label: np.where(label == 0, 0, 255))(None)
    Path("names.txt").write_text("background\nobject\n")
    assert "masks: no id except 0 occurs (255 is ignored)" in acnet(f"{NEW} --classes names.txt").lines[-1]


def test_with_val_any_folder_of_a_split_is_refused(two_folders, refused):
    for name in PHOTOS[:6]:
        shutil.move(f"photos/{name}.jpg", "photos")
    Path("photos/train").rmdir()
    assert "photos: has a folder val, so the images are already split; omit --val" in refused(f"{NEW} --val 0.3")


def test_files_that_no_split_contains_are_named(two_folders, acnet):
    Path("photos/train/more").mkdir()
    shutil.copy("photos/val/c.jpg", "photos/train/more")
    shutil.copy("photos/train/0.jpg", "photos/train/0.png")
    Image.open("photos/train/1.jpg").save("photos/train/scan.tif")
    done = acnet(NEW)
    assert done.status == 0
    unused = "train/0.png, train/more/c.jpg, train/scan.tif"
    assert f"  not used, 3 of the files below photos: {unused}" in done.said


def test_after_a_failed_write_the_same_command_succeeds(two_folders, acnet, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(new, "_scale", lambda *_: (_ for _ in ()).throw(AcnetError("no space left")))
        assert acnet(NEW).status == 2
    assert acnet(NEW).status == 0


def test_names_with_dollar_signs_are_drawn(two_folders, acnet):
    Path("names.txt").write_text("$a_$ b\nc\nd\n")
    assert acnet(f"{NEW} --classes names.txt").status == 0
    assert acnet("data prepare mine").status == 0
    assert acnet("data show mine").status == 0 and acnet("data stats mine").status == 0


def test_a_renamed_class_needs_no_new_preparation_and_another_number_of_them_does(two_folders, acnet):
    assert acnet(NEW).status == 0
    assert acnet("data prepare mine").status == 0
    file, facts = Path("params/datasets.yaml"), find_dataset(Path("params"), "mine").facts()
    file.write_text(file.read_text().replace("class 0", "sky"))
    assert find_dataset(Path("params"), "mine").facts() == facts
    assert acnet("data show mine").status == 0 and acnet("data stats mine").status == 0
    entry = read_yaml(file)
    entry["mine"]["classes"] = 2
    del entry["mine"]["class_colours"]["class 2"]
    file.write_text(yaml.safe_dump(entry, sort_keys=False))
    assert find_dataset(Path("params"), "mine").facts() != facts
    for command in ("data show mine", "data stats mine"):
        expected = "prepared with 3 classes, its entry in datasets.yaml has 2; prepare the data again"
        assert expected in acnet(command).lines[-1]


def test_a_long_text_in_an_image_is_told_as_a_problem_of_that_file(two_folders, acnet):
    info = PngInfo()
    info.add_text("XML", "x" * 1_100_000, zip=True)
    Image.open("photos/train/0.jpg").save("photos/train/0.png", pnginfo=info)
    Path("photos/train/0.jpg").unlink()
    done = acnet(NEW)
    assert done.status == 2
    assert any("photos/train/0.png: cannot be read" in line for line in done.said)


def test_more_images_than_in_the_entry_are_counted_with_what_to_do(two_folders, refused, acnet):
    assert acnet(NEW).status == 0
    for kind in ("photos/train/{}.jpg", "masks/train/{}.png"):
        shutil.copy(kind.format(0), kind.format(9))
    said = "mine train: 7 images instead of 6; if these are all, correct the number in `splits`"
    assert said in refused("data prepare mine")
