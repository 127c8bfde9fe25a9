import copy

import numpy as np
from PIL import Image

from acnet.data.classes import load
from acnet.data.store import Store
from acnet.evaluate.pictures import write_pictures
from acnet.params.protocols import Protocol


def test_image_truth_and_both_predictions_stand_side_by_side(run, tmp_path):
    single = Protocol(name="single", scales=[1.0])
    runs = [(copy.deepcopy(run.params), run.checkpoint, single)] * 2
    paths = write_pictures(runs, run.data, [3, 0], tmp_path / "out")
    assert [path.name for path in paths] == ["01_street_3.png", "02_street_0.png"]
    picture, store = np.asarray(Image.open(paths[1])), Store(run.data / "mini_camvid", "val")
    assert picture.shape == (40, 4 * 56 + 3 * 4, 3)
    assert (picture[:, :56] == store.image(0)).all()
    label = store.label(0)
    known = label != 255
    assert (picture[:, 60:116][known] == load("camvid").palette[label[known]]).all()
    assert (picture[:, 120:176] == picture[:, 180:]).all()
