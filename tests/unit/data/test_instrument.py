"""What the dataset `instrument` promises: a class can be told by what the documentation says, and by nothing else."""

import itertools
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from acnet.data import readers
from acnet.data.generate import generate
from acnet.data.generate.instrument import NAMES, PANELS, strips
from acnet.data.transforms import normalise
from acnet.errors import AcnetError
from acnet.model import build_network
from acnet.params.campaign import Campaign

CAMPAIGN = Campaign(Path(__file__).parents[3] / "params", "instrument")
DATASET = CAMPAIGN.datasets["instrument"]
WITHOUT_CONTEXT = [
    name
    for name, run in CAMPAIGN.runs.items()
    if run.dataset == "cityscapes"
    and (CAMPAIGN.resolve(name, 0).model.global_context, CAMPAIGN.resolve(name, 0).model.head) == ("none", "none")
]
# Whether a panel is the first class of its pair under each cue, by appearance.
FIRST = {name: np.isin(range(4), cues).astype(float) for name, (*_, cues) in PANELS.items()}
MARKED_A, MARKED_B = np.ones(4), np.zeros(4)


@cache
def drawn() -> list:
    """Two layouts, each under every cue."""
    return list(strips(DATASET.generate.seed, "val", 8, tuple(DATASET.generate.size)))


def test_only_the_cue_tells_the_strips_of_a_layout_apart():
    for first, *others in (drawn()[:4], drawn()[4:]):
        for other in others:
            assert (first.image != other.image).any(axis=2)[:, :40].mean() > 0.99
            assert (first.image == other.image)[:, 40:].all()
            assert (first.label == other.label)[:, 40:280].all()
            panels = (first.label != other.label)[:, 280:].sum() / (32 * 36)
            assert panels in (3, 4)  # of five, 36 pixels wide
    assert (drawn()[0].image != drawn()[4].image).any(axis=2).mean() > 0.9, "layouts differ"


def test_the_groups_of_classes_have_the_documented_shares_of_the_pixels():
    counts = sum(np.bincount(scene.label.ravel(), minlength=len(NAMES)) for scene in drawn()) / (8 * 32 * 480)
    pixels = dict(zip(NAMES, counts, strict=True))
    shares = {group: sum(pixels[name] for name in names) for group, names in DATASET.class_groups.items()}
    assert shares == pytest.approx(
        {"cue": 1 / 12, "texture": 0.425, "fine": 1 / 24, "constant": 0.15, "mixed": 0.15, "xor": 0.15}
    )
    assert all(pixels[first] == pixels[second] for first, second, _ in PANELS.values())


def test_the_classes_of_the_dataset_are_those_that_are_drawn():
    assert tuple(DATASET.class_colours) == NAMES
    assert tuple(name for names in DATASET.class_groups.values() for name in names) == NAMES


def test_the_reader_gives_back_what_was_drawn(tmp_path):
    generate("folders", tmp_path / "made", DATASET.generate.seed, {"val": 8}, tuple(DATASET.generate.size))
    pairs = readers.pairs("folders", tmp_path / "made", "val")
    assert [pair.name for pair in pairs] == [f"0000{first}_{cue}" for first in (0, 4) for cue in range(4)]
    for (image, label), scene in zip((readers.load_pair("folders", pair) for pair in pairs), drawn(), strict=True):
        assert (image == scene.image).all() and (label == scene.label).all()


@pytest.mark.parametrize("run", WITHOUT_CONTEXT)
@pytest.mark.parametrize("flip", [False, True])
def test_no_network_without_global_context_sees_the_cue_from_what_it_decides(run, flip):
    assert reach(run, flip) > 40


@pytest.mark.parametrize("run", ["gc_s16", "gcm_d5_s8", "acb1"])
def test_networks_with_global_context_see_the_cue(run):
    assert reach(run, flip=False) == 0


def reach(run: str, flip: bool) -> int:
    """The column nearest to the cue's end that the scores of the decided pixels depend on."""
    network = build_network(CAMPAIGN.resolve(run, 0).model, len(NAMES)).eval()
    image = normalise(drawn()[0].image[:, ::-1] if flip else drawn()[0].image)[None].requires_grad_()
    logits = network(image)["logits"]
    (logits.flip(-1) if flip else logits)[..., 280:].square().sum().backward()
    seen = image.grad.abs().sum((0, 1, 2))
    return int((seen.flip(-1) if flip else seen).nonzero().min())


def test_a_width_without_room_for_a_plate_is_refused():
    assert len(list(strips(0, "val", 8, (32, 192)))) == 8
    with pytest.raises(
        AcnetError, match=r"datasets.yaml: generate.size: \[32, 191\]: strips need a width of at least 192"
    ):
        next(strips(0, "val", 8, (32, 191)))


def miou(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> float:
    """Mean IoU of a pair of classes, of (appearances, cues) shares of its first class."""
    both = ((labels, predictions), (1 - labels, 1 - predictions))
    hits = [(weights * label * predicted).sum() for label, predicted in both]
    sizes = [(weights * (label + predicted)).sum() for label, predicted in both]
    return float(np.mean([hit / (size - hit) for hit, size in zip(hits, sizes, strict=True)]))


@pytest.mark.parametrize(
    ("appearances", "pixels", "local", "constant"),
    [
        ([FIRST["purple"]], [1], 1 / 3, 1),
        ([FIRST["teal"]], [1], 1 / 3, 1),
        ([FIRST["white"], MARKED_A, MARKED_B], [1, 0.5, 0.5], 0.6, 1),
        ([FIRST["pink"], FIRST["brown"]], [1, 1], 1 / 3, 0.6),
    ],
    ids=["constant_1", "constant_2", "mixed", "xor"],
)
def test_the_best_scores_of_limited_observers_are_the_documented_ones(appearances, pixels, local, constant):
    """Without the cue a prediction is the same under all cues; a constant per image ranks the cues alike everywhere."""

    def best(choices: list[np.ndarray]) -> float:
        found = itertools.product(choices, repeat=len(appearances))
        return max(miou(np.array(appearances), np.array(one), np.array(pixels)[:, None]) for one in found)

    assert best([np.full(4, share) for share in np.linspace(0, 1, 5)]) == pytest.approx(local)
    ranked = (
        [np.isin(range(4), order[start:]) * 1.0 for start in range(5)] for order in itertools.permutations(range(4))
    )
    assert max(map(best, ranked)) == pytest.approx(constant)
