import hashlib

import numpy as np
import pytest
from PIL import Image

from acnet.data import classes, readers
from acnet.data.generate import generate
from acnet.data.generate.scenes import STYLES, scenes
from acnet.errors import AcnetError

from .conftest import SEED, SIZES, SPLITS

CUES = {
    "cityscapes": ("sky",),
    "ade20k": ("ceiling", "sky"),
    "pascal_context": ("sky",),
    "cocostuff10k": ("sea", "grass"),
}


def fingerprint(root) -> dict[str, str]:
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.mark.parametrize("reader", STYLES)
def test_equal_seeds_give_equal_bytes(reader, trees, tmp_path):
    generate(reader, tmp_path / "again", SEED, SPLITS[reader], SIZES[reader])
    assert fingerprint(tmp_path / "again") == fingerprint(trees[reader])
    generate(reader, tmp_path / "again", SEED + 1, SPLITS[reader], SIZES[reader])
    assert fingerprint(tmp_path / "again") != fingerprint(trees[reader])


@pytest.mark.parametrize("reader", STYLES)
def test_readers_give_back_what_the_generator_drew(reader, trees):
    for split, count in SPLITS[reader].items():
        drawn = list(scenes(reader, SEED, split, count, SIZES[reader]))
        found = [readers.load_pair(reader, p) for p in readers.pairs(reader, trees[reader], split)]
        order = np.argsort([(n // 2) % 2 for n in range(count)], kind="stable")  # cities stand in order
        expected = [drawn[n] for n in order] if (reader, split) == ("cityscapes", "train") else drawn
        for (image, label), scene in zip(found, expected, strict=True):
            assert np.abs(image.astype(int) - scene.image).mean() < (1e-9 if reader == "cityscapes" else 4)
            assert label is None or (label == scene.label).all()


@pytest.mark.parametrize("reader", STYLES)
def test_the_awkward_cases_are_there(reader, trees):
    found = [readers.load_pair(reader, p) for p in readers.pairs(reader, trees[reader], "train")]
    labels = [label for _, label in found]
    assert any((label == 255).any() for label in labels), "unlabelled pixels"
    assert any(len(np.unique(label)) == 1 for label in labels), "an image of one class"
    assert 8 <= len(np.unique(np.concatenate([x.ravel() for x in labels]))) - 1 <= 18
    if reader != "cityscapes":
        assert len({image.shape for image, _ in found}) > 1, "varying sizes"
        modes = [Image.open(p.image).mode for p in readers.pairs(reader, trees[reader], "train")]
        assert modes.count("L") == 1


def test_cityscapes_instances_number_the_things_of_their_labels(trees):
    path = min((trees["cityscapes"] / "gtFine/train").glob("*/*_instanceIds.png"))
    instances = np.array(Image.open(path))
    label = np.array(Image.open(str(path).replace("instanceIds", "labelIds")))
    assert instances.max() >= 26000
    assert (np.where(instances >= 1000, instances // 1000, instances) == label).all()


def test_the_labels_of_cityscapes_test_are_dummies(trees):
    for path in (trees["cityscapes"] / "gtFine/test").glob("*/*_labelIds.png"):
        assert set(np.unique(np.array(Image.open(path)))) == {1}


def test_equal_data_are_left_as_they_are(tmp_path):
    made = [generate("ade20k", tmp_path / "a", 1, {"train": 1}, (48, 64)) or (tmp_path / "a").stat() for _ in range(2)]
    assert made[0] == made[1]


def test_a_folder_of_someone_else_is_not_replaced(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(AcnetError, match="holds files that were not generated"):
        generate("ade20k", tmp_path, 0, {"train": 1}, (32, 32))
    assert (tmp_path / "mine.txt").exists()
    with pytest.raises(AcnetError, match="camvid: no generator"):
        generate("camvid", tmp_path / "x", 0, {"train": 1}, (32, 32))


def test_an_interrupted_generation_leaves_nothing(tmp_path, monkeypatch):
    from acnet.data.generate import layouts

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(layouts, "_save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        generate("ade20k", tmp_path / "out", 0, {"train": 1}, (32, 32))
    assert list(tmp_path.iterdir()) == []


def patches(image: np.ndarray) -> np.ndarray:
    """Mean and deviation of each channel over 3x3 pixels, (H, W, 6)."""
    padded = np.pad(image.astype(float), ((1, 1), (1, 1), (0, 0)), "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (0, 1))
    return np.concatenate([windows.mean((-2, -1)), windows.std((-2, -1))], axis=2)


def bayes(features: np.ndarray, kinds: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Gaussian naive Bayes between kind 0 and 1."""
    scores = []
    for kind in (0, 1):
        chosen = features[kinds == kind]
        mean, deviation = chosen.mean(0), chosen.std(0) + 1e-9
        scores.append(-(((queries - mean) / deviation) ** 2).sum(1) / 2 - np.log(deviation).sum())
    return (scores[1] > scores[0]).astype(int)


@pytest.mark.parametrize("reader", STYLES)
def test_ambiguous_stuff_is_settled_by_the_scene_and_by_nothing_local(reader):
    """Patches of 3x3 pixels leave a classifier near chance; the scene's kind, which its cue shows, settles it."""
    names = classes.load(reader).names
    drawn = [s for i, s in enumerate(scenes(reader, 11, "train", 124, (32, 48))) if i not in (2, 3)]
    half = len(drawn) // 2
    for pair in STYLES[reader].ambiguous:
        ids = [names.index(n) for n in pair]
        features, kinds, owner, shares = [], [], [], []
        for number, scene in enumerate(drawn):
            ambiguous = scene.label == ids[scene.kind]
            found = patches(scene.image)[ambiguous][::7]
            features.append(found)
            kinds.append(np.full(len(found), scene.kind))
            owner.append(np.full(len(found), number))
            shares.append(ambiguous.mean())
            assert not (scene.label == ids[1 - scene.kind]).any(), "the kind settles the class"
        assert np.mean(shares) > 0.07, "large stuff"
        features, kinds, owner = map(np.concatenate, (features, kinds, owner))
        train, test = owner < half, owner >= half
        right = bayes(features[train], kinds[train], features[test]) == kinds[test]
        accuracy = (right[kinds[test] == 0].mean() + right[kinds[test] == 1].mean()) / 2
        assert 0.35 < accuracy < 0.65, pair
    cue = [names.index(n) for n in CUES[reader]]
    seen = np.array([s.image[np.isin(s.label, cue)].mean(0) for s in drawn])
    truth = np.array([s.kind for s in drawn])
    centres = [seen[:half][truth[:half] == kind].mean(0) for kind in (0, 1)]
    guess = np.argmin([np.linalg.norm(seen[half:] - c, axis=1) for c in centres], axis=0)
    assert (guess == truth[half:]).mean() > 0.9


@pytest.mark.parametrize("reader", STYLES)
def test_thin_and_small_objects_are_there(reader):
    """Some object is at most four pixels thick: less than a cell of output stride 16."""
    for scene in scenes(reader, 5, "val", 2, SIZES[reader]):
        thickness = [
            min(np.ptp(axis) + 1 for axis in np.nonzero(x.mask)) for x in scene.layers if x.thing and x.mask.any()
        ]
        assert min(thickness) <= 4
