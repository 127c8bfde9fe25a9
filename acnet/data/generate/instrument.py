"""The dataset `instrument`: long strips in which the cue for each class is known.

A strip has twelve slots. The first is the cue, one of four grounds; the next six contain classes that do not depend on
it; in the last five the cue decides the class of every panel. Each layout occurs with all four cues, and its four
images are equal in every pixel outside the cue. docs/reference/data.md gives the best scores.
"""

import zlib
from collections.abc import Iterator

import numpy as np

from acnet.data.generate.canvas import Canvas, Scene
from acnet.errors import AcnetError

CUES = ("meadow", "sea", "desert", "lava")
FREE, DECIDED = range(1, 7), range(7, 12)  # slots
# By appearance: the pair of classes, and the cues under which it is the first of them.
PANELS = {
    "purple": ("constant_1a", "constant_1b", (0, 1)),
    "teal": ("constant_2a", "constant_2b", (0, 2)),
    "white": ("mixed_a", "mixed_b", (0, 1)),
    "pink": ("xor_a", "xor_b", (0, 3)),
    "brown": ("xor_a", "xor_b", (1, 2)),
}
NAMES = (
    *CUES, "rows", "columns", "post", "plate", "constant_1a", "constant_1b", "constant_2a", "constant_2b",
    "mixed_a", "mixed_b", "xor_a", "xor_b",
)  # fmt: skip
_STRIPE, _POST, _PLATE = 4, 4, 8  # pixels
_COLOURS = {
    "meadow": (60, 160, 60), "sea": (40, 90, 200), "desert": (220, 190, 90), "lava": (190, 50, 40),
    "ground": (128, 124, 120), "post": (20, 20, 30), "plate": (250, 240, 30),
    "purple": (150, 60, 170), "teal": (40, 170, 170), "white": (225, 225, 225), "pink": (240, 150, 190),
    "brown": (100, 60, 20),
}  # fmt: skip


def strips(seed: int, split: str, count: int, size: tuple[int, int]) -> Iterator[Scene]:
    """`count` strips of `size` (height, width); number n shows layout n // 4 under the cue n % 4, its `kind`.

    Equal arguments give equal strips. A slot is a twelfth of the width, a panel nine tenths of a slot. AcnetError for a
    width in which a plate does not fit into half a slot.
    """
    least = 2 * _PLATE * DECIDED.stop
    if size[1] < least:
        raise AcnetError(
            f"params/datasets.yaml: generate.size: {list(size)}: strips need a width of at least {least} pixels"
        )
    for number in range(count):
        layout, cue = divmod(number, len(CUES))
        key = (zlib.crc32(b"instrument"), zlib.crc32(split.encode()), layout)
        canvas = Canvas(*size, np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key)))
        slot = size[1] // DECIDED.stop
        _ground(canvas, slot)
        canvas.paint(CUES[cue], canvas.x < slot, _texture(canvas, CUES[cue]))
        marked, *fine = slot * canvas.random.permutation(FREE)
        _marked(canvas, marked, slot, layout % 2)
        for left in fine:
            _post_and_plate(canvas, left, slot)
        for left, appearance in zip(slot * canvas.random.permutation(DECIDED), PANELS, strict=True):
            first, second, cues = PANELS[appearance]
            _panel(canvas, left, slot, first if cue in cues else second, appearance)
        yield canvas.finish(cue, NAMES)


def _ground(canvas: Canvas, slot: int) -> None:
    """Stripes of one colour, along x or along y, in patches of one and a half slots."""
    rows = (canvas.x + canvas.random.integers(3 * slot)) // (1.5 * slot) % 2 == 0
    for name, where, across in (("rows", rows, canvas.y), ("columns", ~rows, canvas.x)):
        canvas.paint(name, where, _texture(canvas, "ground"))
        _stripes(canvas, where, across)


def _panel(canvas: Canvas, left: int, slot: int, name: str, appearance: str) -> np.ndarray:
    """A panel over the whole height somewhere in the slot; its mask."""
    left += canvas.random.integers(slot // 10 + 1)
    panel = canvas.rectangle(0, left, canvas.height, left + slot - slot // 10)
    canvas.paint(name, panel, _texture(canvas, appearance), thing=True)
    return panel


def _marked(canvas: Canvas, left: int, slot: int, second: int) -> None:
    """A white panel whose stripes distinguish mixed_a (along x) from mixed_b (along y), with any cue."""
    panel = _panel(canvas, left, slot, PANELS["white"][second], "white")
    _stripes(canvas, panel, canvas.x if second else canvas.y)


def _post_and_plate(canvas: Canvas, left: int, slot: int) -> None:
    """A post half as high as the strip and a square plate, each in its half of the slot."""
    random, height, half = canvas.random, canvas.height, slot // 2
    post, plate = left + half * random.permutation(2) + random.integers(half - _PLATE + 1, size=2)
    top = random.integers(height - height // 2 + 1)
    canvas.paint("post", canvas.rectangle(top, post, top + height // 2, post + _POST), _COLOURS["post"], thing=True)
    top = random.integers(height - _PLATE + 1)
    canvas.paint("plate", canvas.rectangle(top, plate, top + _PLATE, plate + _PLATE), _COLOURS["plate"], thing=True)


def _stripes(canvas: Canvas, where: np.ndarray, across: np.ndarray) -> None:
    canvas.shade(where & (across // _STRIPE % 2 == 0), 0.6)


def _texture(canvas: Canvas, name: str) -> np.ndarray:
    return canvas.texture(_COLOURS[name], 10, 3, 6)
