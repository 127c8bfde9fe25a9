import numpy as np
import pytest
from PIL import Image

from acnet.data.images import read_ids, read_image, read_mat
from acnet.errors import AcnetError

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


def test_a_greyscale_image_gets_three_equal_channels(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png") == GREY[:, :, None]).all()


def test_a_16_bit_image_keeps_its_upper_bits(tmp_path):
    Image.fromarray(GREY.astype(np.uint16) * 256 + 200).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.dtype == np.uint8
    assert (image == GREY[:, :, None]).all()


def test_a_palette_image_takes_its_colours(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette([10, 20, 30, 200, 100, 0])
    image.save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").tolist() == [[[10, 20, 30], [200, 100, 0]]]


def test_a_cmyk_jpeg_and_an_alpha_channel_become_rgb(tmp_path):
    colour = np.full((16, 16, 3), (200, 40, 90), np.uint8)
    Image.fromarray(colour).convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    Image.fromarray(colour).convert("RGBA").save(tmp_path / "b.png")
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - colour).max() <= 6
    assert (read_image(tmp_path / "b.png") == colour).all()


@pytest.mark.parametrize("damage", [b"", b"no image", None])
def test_a_damaged_image_is_named(tmp_path, damage):
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:3000] if damage is None else damage)
    with pytest.raises(AcnetError, match=r"a\.png: cannot be read .*again$"):
        read_image(path)


def test_a_label_by_colour_is_refused(tmp_path):
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(AcnetError, match=r"a\.png: .*mode RGB; take the other$"):
        read_ids(tmp_path / "a.png", "take the other")


def test_a_mat_without_the_matrix_or_damaged_is_named(tmp_path):
    import scipy.io

    scipy.io.savemat(tmp_path / "a.mat", {"T": GREY})
    with pytest.raises(AcnetError, match=r"a\.mat: has no matrix 'S'"):
        read_mat(tmp_path / "a.mat", "S")
    (tmp_path / "b.mat").write_bytes(b"x" * 300)
    with pytest.raises(AcnetError, match=r"b\.mat: cannot be read"):
        read_mat(tmp_path / "b.mat", "S")
    scipy.io.savemat(tmp_path / "c.mat", {"S": GREY + 0.5})
    with pytest.raises(AcnetError, match="not whole numbers"):
        read_mat(tmp_path / "c.mat", "S")
