import numpy as np
import pytest
from scipy import ndimage

from acnet.data.classes import IGNORE
from acnet.errors import AcnetError
from acnet.evaluate.counts import SIZES, Counts, confusion, count, read_counts, write_counts
from acnet.evaluate.edges_and_segments import edge_distances, near_edge, segment_areas, segment_sizes
from acnet.evaluate.metrics import detail, summary
from acnet.params.measures import Measures

MEASURES = Measures(
    bands=[1, 3], contour=0.05, small=0.01, large=0.1, gate_distances=[2], resamples=100, level=0.95, seed=0
)


@pytest.fixture
def maps():
    """A function from a number of classes and a size to a label with ignored and a prediction, in patches."""

    def make(classes, height, width, seed=0):
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, classes, (2, -(-height // 6), -(-width // 6)))
        label, prediction = coarse.repeat(6, 1).repeat(6, 2)[:, :height, :width].astype(np.uint8)
        prediction = np.where(rng.random(label.shape) < 0.6, label, prediction)
        label = label.copy()
        label[height // 3 : height // 3 + 2] = IGNORE
        return label, prediction

    return make


@pytest.mark.parametrize("classes", [2, 11, 19, 59, 150, 171, 255])
def test_counts_equal_an_obvious_loop(classes):
    rng = np.random.default_rng(classes)
    expected = np.zeros((classes, classes), np.int64)
    total = np.zeros((classes, classes), np.int64)
    for height, width in [(1, 1), (13, 40), (40, 3)]:
        label = rng.integers(0, classes, (height, width)).astype(np.uint8)
        label[rng.random(label.shape) < 0.2] = IGNORE
        prediction = rng.integers(0, classes, (height, width)).astype(np.uint8)
        total += confusion(label, prediction, classes)
        for t, p in zip(label.flat, prediction.flat, strict=True):
            if t != IGNORE:
                expected[t, p] += 1
    assert (total == expected).all()


def test_memory_mapped_and_strided_maps_are_counted_and_left_alone():
    label = np.arange(24, dtype=np.uint8).reshape(4, 6)[:, ::2] % 3
    label.setflags(write=False)
    before = label.copy()
    assert confusion(label, label, 3).sum() == np.trace(confusion(label, label, 3)) == 12
    assert (label == before).all()


def slow_near_edge(labels, radius, border):
    height, width = labels.shape
    expected = np.zeros(labels.shape, bool)
    for y, x in np.ndindex(labels.shape):
        window = labels[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
        leaves = y < radius or x < radius or y + radius >= height or x + radius >= width
        expected[y, x] = (window != labels[y, x]).any() or (border and leaves)
    return expected


@pytest.mark.parametrize("border", [False, True])
@pytest.mark.parametrize("radius", [1, 2, 3, 5, 9])
def test_near_an_edge_is_having_another_label_in_the_window(maps, radius, border):
    labels, _ = maps(3, 17, 29)
    assert (near_edge(labels, radius, border=border) == slow_near_edge(labels, radius, border)).all()


def test_the_distances_that_a_pixel_is_beyond_are_counted():
    labels = np.zeros((3, 12), np.uint8)
    labels[:, 0] = 1
    assert edge_distances(labels, [1, 3, 5]).tolist() == [[0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3]] * 3


@pytest.mark.parametrize(("classes", "shape"), [(2, (23, 31)), (5, (40, 12)), (3, (1, 1)), (3, (1, 50)), (3, (50, 1))])
def test_segments_are_the_connected_parts_of_each_label(classes, shape):
    labels = np.random.default_rng(classes).integers(0, classes, shape).astype(np.uint8)
    expected = np.zeros(shape, int)
    for label in range(classes):
        parts, _ = ndimage.label(labels == label)
        expected[labels == label] = np.bincount(parts.ravel())[parts][labels == label]
    assert (segment_areas(labels) == expected).all()


def test_sizes_are_shares_of_the_image():
    labels = np.zeros((10, 10), np.uint8)
    labels[0, 0], labels[5:, :5] = 1, 2
    found = segment_sizes(labels, 0.01, 0.25)
    assert (found[0, 0], found[9, 0], found[0, 9]) == (1, 1, 2)
    assert segment_sizes(labels, 0.011, 0.24)[[0, 9], 0].tolist() == [0, 2]


@pytest.mark.parametrize("classes", [2, 19, 171])
def test_the_regions_add_up_and_each_is_the_confusion_of_its_pixels(maps, classes):
    pairs = [maps(classes, *size, seed) for seed, size in enumerate([(40, 56), (30, 20), (1, 1)])]
    counts = Counts.join("abc", classes, MEASURES.bands, [count(*pair, classes, MEASURES) for pair in pairs])
    assert (counts.confusion() == sum(confusion(*pair, classes) for pair in pairs)).all()
    for band in MEASURES.bands:
        expected = sum(confusion(np.where(near_edge(t, band), t, IGNORE), p, classes) for t, p in pairs)
        assert (counts.confusion(band=band) == expected).all()
    for number, size in enumerate(SIZES):
        expected = sum(
            confusion(np.where(segment_sizes(t, 0.01, 0.1) == number, t, IGNORE), p, classes) for t, p in pairs
        )
        assert (counts.confusion(size=size) == expected).all()
    for i, pair in enumerate(pairs):
        of_image = confusion(*pair, classes)
        parts = np.diag(of_image), of_image.sum(1), of_image.sum(0)
        assert (counts.by_image()[:, i] == parts).all()


def official_boundary(mask, radius):
    """mask_to_boundary of the Boundary IoU authors' code, with scipy's erosion."""
    padded = np.pad(mask, 1)
    eroded = ndimage.binary_erosion(padded, np.ones((3, 3)), iterations=radius, border_value=1)
    return mask & ~eroded[1:-1, 1:-1]


def test_the_parts_hold_the_metrics_of_their_pixels(maps):
    label, prediction = maps(5, 60, 80)
    found = detail(Counts.join("a", 5, MEASURES.bands, [count(label, prediction, 5, MEASURES)]), "vwxyz")
    parts = {("near_edges", str(band)): near_edge(label, band) for band in MEASURES.bands}
    parts |= {("segments", size): segment_sizes(label, 0.01, 0.1) == number for number, size in enumerate(SIZES)}
    for (kind, name), part in parts.items():
        expected = summary(confusion(np.where(part, label, IGNORE), prediction, 5), "vwxyz", "camvid")
        assert found[kind][name] == {key: expected[key] for key in ("pixels", "miou", "pixacc")}


@pytest.mark.parametrize(("size", "radius"), [((60, 80), 5), ((18, 32), 2)])  # 0.05 of the diagonal: 5 and 1.84
def test_boundary_iou_is_that_of_its_authors_for_every_class(maps, size, radius):
    label, prediction = maps(5, *size)
    counts = Counts.join("a", 5, MEASURES.bands, [count(label, prediction, 5, MEASURES)])
    seen = np.where(label == IGNORE, IGNORE, prediction)
    expected = []
    for number in range(5):
        ours, theirs = (official_boundary(m == number, radius) for m in (seen, label))
        expected.append((ours & theirs).sum() / (ours | theirs).sum())
    found = detail(counts, "vwxyz")
    assert list(found["class_boundary_iou"].values()) == pytest.approx(expected, abs=1e-15)
    assert found["boundary_iou"] == pytest.approx(np.mean(expected), abs=1e-15)


def test_an_image_of_void_counts_nothing():
    image = count(np.full((4, 5), IGNORE, np.uint8), np.zeros((4, 5), np.uint8), 3, MEASURES)
    assert not image.pixels.any() and not image.contour.any()


@pytest.mark.parametrize(("label", "prediction"), [(3, 0), (0, 3), (254, 0), (0, 255)])
def test_ids_out_of_range_are_refused(label, prediction):
    maps = np.full((2, 2), label, np.uint8), np.full((2, 2), prediction, np.uint8)
    for call in (lambda: confusion(*maps, 3), lambda: count(*maps, 3, MEASURES)):
        with pytest.raises(ValueError, match=r"outside 0\.\.2"):
            call()


def test_maps_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="different sizes"):
        confusion(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8), 3)


def test_counts_survive_their_file_and_a_broken_one_is_named(maps, tmp_path):
    counts = Counts.join(["a", "bb"], 4, [1, 3], [count(*maps(4, 20, 30, seed), 4, MEASURES) for seed in (0, 1)])
    file = tmp_path / "single.images.npz"
    write_counts(file, counts)
    found = read_counts(file)
    assert (found.names, found.classes, found.bands) == (["a", "bb"], 4, [1, 3])
    assert (found.by_image(band=1) == counts.by_image(band=1)).all()
    whole = file.read_bytes()
    # Truncated, and with a member that does not decompress.
    for content in (whole[:200], whole[:60] + bytes([255] * 20) + whole[80:]):
        file.write_bytes(content)
        with pytest.raises(AcnetError, match=r"single.images.npz: truncated or corrupt"):
            read_counts(file)
