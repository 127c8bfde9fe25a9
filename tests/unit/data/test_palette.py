import numpy as np
import pytest
from PIL import Image

from acnet.data.classes import load
from acnet.data.palette import coloured, heat, legend, sheet


def test_label_maps_take_the_datasets_palette_and_the_legend_names_what_occurs():
    label = np.array([[255, 10, 0]], np.uint8)
    colours = [(0, 0, 0), (70, 130, 180), (128, 64, 128)]
    assert np.asarray(coloured(label, load("cityscapes")).convert("RGB")).tolist() == [[list(c) for c in colours]]
    named = {0: ("road", colours[2]), 10: ("sky", colours[1]), 255: ("not labelled", colours[0])}
    assert list(legend(load("cityscapes"), label, label[:, :1]).items()) == list(named.items())


def test_heat_runs_from_dark_blue_to_yellow_and_gets_lighter():
    colours = np.asarray(heat(np.linspace(0, 1, 11)[None]))[0].astype(int)
    assert colours[0].tolist() == [0, 32, 76] and colours[-1].tolist() == [255, 233, 69]
    assert (np.diff(colours @ [299, 587, 114]) > 0).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3)])
def test_a_sheet_of_any_size_has_its_legend_and_scale(size):
    panel = ("caption", Image.new("RGB", size))
    made = sheet([panel] * 2, [[("sky", (128, 128, 128))], [("only one", (222, 110, 28))]], 2, heats="gate")
    below = np.asarray(made)[-90:].reshape(-1, 3)
    for colour in ((128, 128, 128), (222, 110, 28), (255, 233, 69)):  # the last is the end of the scale
        assert (below == colour).all(axis=1).any()
