import numpy as np
from PIL import Image

from acnet.data.classes import load
from acnet.data.store import Store
from acnet.evaluate.comparison_images import FIRST, SECOND, differences, write_comparisons
from acnet.params.protocols import Protocol


def test_image_label_difference_and_both_predictions_stand_on_one_sheet(run, tmp_path):
    single = Protocol(name="single", scales=[1.0])
    runs = [(run.config, run.checkpoint, single)] * 2
    paths = write_comparisons(runs, run.data, [3, 0], tmp_path / "out")
    assert [path.name for path in paths] == ["01_street_3.png", "02_street_0.png"]
    picture, store = np.asarray(Image.open(paths[1])), Store(run.data / "mini_camvid", "val")
    # An image of 40x56 is shown 214x300, below its caption.
    panels = [[picture[y : y + 214, x : x + 300] for x in (12, 324, 636)] for y in (29, 282)]
    shown = Image.fromarray(store.image(0)).resize((300, 214), Image.Resampling.NEAREST)
    assert (panels[0][0] == np.asarray(shown)).all()
    label = np.asarray(Image.fromarray(store.label(0)).resize((300, 214), Image.Resampling.NEAREST))
    known = label != 255
    assert (panels[0][1][known] == load("camvid").palette[label[known]]).all() and not panels[0][1][~known].any()
    assert (panels[1][0] == panels[1][1]).all()  # the same network twice
    assert len(np.unique(panels[0][2].reshape(-1, 3) @ [1, 256, 65536])) <= 128  # grey only: nothing differs
    assert (panels[1][2] == 255).all()
    for colour in (FIRST, SECOND):  # nothing differs, but the legend says what would
        assert (picture[-70:] == colour).all(axis=2).any()


def test_a_difference_is_blue_or_orange_where_only_one_is_right():
    label = np.array([[0, 1, 2, 255, 1]], np.uint8)
    first, second = np.array([[0, 0, 2, 0, 1]], np.uint8), np.array([[1, 1, 2, 1, 0]], np.uint8)
    made = np.asarray(differences(np.zeros((1, 5, 3), np.uint8), label, first, second))[0]
    assert made[0].argmax() == 0 and made[4].argmax() == 0  # orange: only the first
    assert made[1].argmax() == 2  # blue: only the second
    assert (made[[2, 3]] == 127).all()
