import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from acnet.data.images import image_size, read_ids, read_image, read_mat
from acnet.errors import AcnetError

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOUR = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)


def test_a_greyscale_image_gets_three_equal_channels(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png") == GREY[:, :, None]).all()


def test_a_16_bit_image_keeps_its_upper_bits(tmp_path):
    Image.fromarray(GREY.astype(np.uint16) * 256 + 200).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.dtype == np.uint8
    assert (image == GREY[:, :, None]).all()


def test_floating_point_numbers_are_refused_as_their_range_is_not_known(tmp_path):
    Image.fromarray(GREY.astype(np.float32) / 255).save(tmp_path / "a.tif")
    with pytest.raises(AcnetError, match=r"a.tif: holds floating-point numbers of an unknown range; save it with 8"):
        read_image(tmp_path / "a.tif")


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


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(10))
def test_an_image_is_turned_as_viewers_show_it(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(COLOUR).save(path, exif=exif, lossless=True)
    with Image.open(path) as image:
        shown = np.asarray(ImageOps.exif_transpose(image))
    assert (read_image(path) == shown).all()
    assert image_size(path) == shown.shape[:2] == ((8, 6) if orientation in (5, 6, 7, 8) else (6, 8))


def test_damaged_exif_data_leave_the_pixels_as_they_are(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "a.png", exif=b"Exif\0\0no TIFF header")
    assert (read_image(tmp_path / "a.png") == COLOUR).all()
    assert image_size(tmp_path / "a.png") == (6, 8)


@pytest.mark.parametrize("damage", [b"", b"no image", None])
def test_a_damaged_image_is_named(tmp_path, damage):
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:3000] if damage is None else damage)
    with pytest.raises(AcnetError, match=r"a\.png: cannot be read .*again$"):
        read_image(path)


IDS = np.arange(48, dtype=np.uint8).reshape(6, 8) // 5 + 7


def by_palette(indices, palette, bits=8):
    image = Image.fromarray(indices)
    image.putpalette(np.repeat(palette, 3 if np.ndim(palette) == 1 else 1).astype(np.uint8).tobytes())
    return image, {"bits": bits}


GREYS = np.random.default_rng(0).permutation(np.unique(IDS))
INDICES = np.argsort(GREYS)[IDS - 7].astype(np.uint8)  # where its grey stands in GREYS
VOC = np.array([[v * 37 % 256, v * 91 % 256, v] for v in range(256)], np.uint8)


@pytest.mark.parametrize(
    "coded",
    [
        (Image.fromarray(IDS), {}),
        (Image.fromarray(IDS.astype(np.uint16)), {}),
        (Image.fromarray(IDS).convert("LA"), {}),
        (Image.fromarray(IDS).convert("RGB"), {}),
        (Image.fromarray(IDS).convert("RGBA"), {}),
        by_palette(INDICES, GREYS),
        by_palette(INDICES, GREYS, bits=4),
        by_palette(IDS, np.arange(256)),
        by_palette(IDS, VOC),
        by_palette(IDS, VOC[:40]),
    ],
)
def test_ids_are_the_same_however_a_png_holds_them(coded, tmp_path):
    image, options = coded
    image.save(tmp_path / "a.png", **options)
    assert (read_ids(tmp_path / "a.png", "") == IDS).all()


@pytest.mark.parametrize("mode", ["1", "L"])
def test_a_label_of_nothing_but_zeros_may_have_any_depth(mode, tmp_path):
    Image.new(mode, (8, 6)).save(tmp_path / "a.png")
    found = read_ids(tmp_path / "a.png", "")
    assert found.dtype == np.uint8 and found.shape == (6, 8) and not found.any()


def png(bits, colour_type, row):
    """A PNG of 8x1 pixels with so many bits a sample, which Pillow does not write."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 8, 1, bits, colour_type, 0, 0, 0)
    rows = chunk(b"IDAT", zlib.compress(bytes([0, *row])))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + rows + chunk(b"IEND", b"")


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_greys_of_fewer_than_8_bits_are_refused(bits, tmp_path):
    (tmp_path / "a.png").write_bytes(png(bits, 0, [0b00010001] * bits))
    with pytest.raises(AcnetError, match=r"a\.png: greys of fewer than 8 bits, .*save the ids as 8-bit greys"):
        read_ids(tmp_path / "a.png", "")


@pytest.mark.parametrize(("form", "options"), [("JPEG", {"quality": 100}), ("WEBP", {}), ("JPEG2000", {})])
@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_label_that_is_coded_lossily_is_refused_whatever_its_suffix(form, options, name, tmp_path):
    Image.fromarray(IDS).save(tmp_path / name, form, **options)
    with pytest.raises(AcnetError, match=rf"{name}: this label is coded lossily.* \({form} inside.*; take the other$"):
        read_ids(tmp_path / name, "take the other")


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(np.dstack([IDS, IDS, IDS + np.uint8(1)])),
        Image.fromarray(np.dstack([IDS, IDS, IDS + np.uint8(1)])).convert("RGBA"),
    ],
)
def test_a_label_by_colour_is_refused(image, tmp_path):
    image.save(tmp_path / "a.png")
    with pytest.raises(AcnetError, match=r"a\.png: .*mode RGBA?; take the other$"):
        read_ids(tmp_path / "a.png", "take the other")


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_colours_of_16_bits_are_refused_as_pillow_cuts_them(colour_type, channels, tmp_path):
    (tmp_path / "a.png").write_bytes(png(16, colour_type, [0, 7] * 8 * channels))
    with pytest.raises(AcnetError, match=r"a\.png: a label needs one channel of ids"):
        read_ids(tmp_path / "a.png", "")


def test_a_palette_without_unused_colours_is_refused(tmp_path):
    image, _ = by_palette(INDICES, VOC[GREYS])  # what optimisers make of ids with a palette
    image.save(tmp_path / "a.png")
    with pytest.raises(AcnetError, match=r"a\.png: its palette holds the colours it shows and no other"):
        read_ids(tmp_path / "a.png", "")


def test_a_mat_without_the_matrix_or_damaged_is_named(tmp_path):
    import scipy.io

    scipy.io.savemat(tmp_path / "a.mat", {"T": GREY})
    with pytest.raises(AcnetError, match=r"a\.mat: has no matrix 'S'"):
        read_mat(tmp_path / "a.mat", "S")
    (tmp_path / "b.mat").write_bytes(b"x" * 300)
    with pytest.raises(AcnetError, match=r"b\.mat: cannot be read"):
        read_mat(tmp_path / "b.mat", "S")
    scipy.io.savemat(tmp_path / "c.mat", {"S": GREY + 0.5})
    with pytest.raises(AcnetError, match="has no matrix 'S' of whole numbers"):
        read_mat(tmp_path / "c.mat", "S")
