"""Figures 2 and 3: the network that a run builds, read from one forward pass without data."""

import dataclasses
import textwrap
from collections.abc import Iterator, Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from acnet.drawing import ACCENT, INK, PALE, QUIET
from acnet.model import AdaptiveContextBlock, GlobalContextModule, LocalContextModule, build_network
from acnet.params.run import Run

_WIDTH, _HEIGHT = 1.02, 0.64  # inches, of a box
_ACROSS, _DOWN = 1.17, 0.9  # from one box to the next
_TITLES = {"control": "gate $W_g$", "convolution": "convolution: $p$", "refine": "refine: $B$"}
_LAYERS = {"BatchNorm2d": "BN", "ReLU": "ReLU", "AdaptiveAvgPool2d": "mean of all pixels", "Dropout2d": "dropout"}
Place = tuple[float, float]  # column and row


@dataclasses.dataclass(frozen=True)
class Box:
    """A module as it ran, `about` its layers, and the boxes that its output was computed from.

    `name` is that in the network, `shape` the output's (C, H, W); "image" is the network's input.
    """

    name: str
    about: str
    shape: tuple[int, ...]
    sources: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """ "fusion 2" for blocks.0.local_context.fusions.1."""
        *_, parent, name = "", *self.name.split(".")
        if name.isdecimal():
            return f"{parent.removesuffix('s')} {int(name) + 1}"
        number = f" {int(parent) + 1}" if parent.isdecimal() else ""  # of a block
        return _TITLES.get(name, name.replace("_", " ")) + number


class _Follow(TorchFunctionMode):
    """Lets the result of every function carry the names of the boxes that its arguments come from."""

    def __torch_function__(self, function, types, arguments=(), options=None):
        result = function(*arguments, **(options or {}))
        _mark(result, _sources((arguments, options)))
        return result


def _mark(value: object, sources: Sequence[str]) -> None:
    for leaf in tree_leaves(value):
        if isinstance(leaf, Tensor):
            leaf.sources = sources


def _sources(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for leaf in tree_leaves(value) for name in getattr(leaf, "sources", ())))


def boxes(run: Run, detail: bool = False) -> list[Box]:
    """The parts of the network that `run` trains, in the order in which they end, at the size of its crops.

    With `detail` the parts of context modules are boxes as well; a global context module's own box is then the sum that
    it ends with.
    """
    found = []

    def watch(name: str, module: nn.Module) -> None:
        whole = not (detail and isinstance(module, GlobalContextModule))
        read: list[tuple[str, ...]] = []
        if whole:
            module.register_forward_pre_hook(lambda _, inputs: read.append(_sources(inputs)))

        def note(_, inputs, output):
            first = tree_leaves(output)[0]
            sources = read[-1] if whole else _sources([first])
            found.append(Box(name, _about(module), tuple(first.shape[1:]), sources))
            _mark(output if whole else first, (name,))

        module.register_forward_hook(note)

    with FakeTensorMode(), torch.no_grad():
        network = build_network(run.model, run.classes).train()
        for name, module in _parts(network, "", detail):
            watch(name, module)
        image = torch.empty(2, 3, *run.train.crop)
        _mark(image, ("image",))
        with _Follow():
            network(image, native=True)
    return [Box("image", "training crop", tuple(image.shape[1:])), *found]


def _parts(module: nn.Module, prefix: str, detail: bool) -> Iterator[tuple[str, nn.Module]]:
    for key, child in module.named_children():
        name = f"{prefix}{key}"
        opened = isinstance(child, nn.ModuleList | AdaptiveContextBlock) or name == "backbone"
        split = detail and isinstance(child, GlobalContextModule | LocalContextModule)
        if opened or split:
            yield from _parts(child, f"{name}.", detail)
        stem = prefix == "backbone." and not isinstance(child, nn.Sequential)  # counts to layer1
        # A split local context module ends with its last fusion, a box of its own.
        if not opened and not stem and not (split and isinstance(child, LocalContextModule)):
            yield name, child


def _about(module: nn.Module) -> str:
    """What a module consists of, in a few words."""
    if isinstance(module, GlobalContextModule):
        return f"α, gate with δ {module.delta:g}" if module.gated else "α, no gate"
    if isinstance(module, LocalContextModule):
        return f"β, {'gated' if module.gated else 'no gate'}, {len(module.fusions)} times"
    layers = [layer for layer in module.modules() if not list(layer.children())]
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    if len(convolutions) > 2:
        rates = dict.fromkeys(max(layer.dilation) for layer in convolutions if max(layer.kernel_size) > 1)
        dilated = f", dilation {', '.join(map(str, rates))}" if max(rates) > 1 else ""
        return f"{len(module)} residual blocks{dilated}"
    return ", ".join(filter(None, map(_layer, layers)))


def _layer(layer: nn.Module) -> str | None:
    if isinstance(layer, nn.Conv2d):
        dilated = f" dilation {max(layer.dilation)}" if max(layer.dilation) > 1 else ""
        return f"{layer.kernel_size[0]}×{layer.kernel_size[1]}{dilated}"
    return _LAYERS.get(type(layer).__name__, getattr(layer, "kind", None))


def network_figure(run: Run) -> Figure:
    """Figure 2: columns in the order of computation, rows from fine to coarse resolution."""
    found = boxes(run)
    columns, sizes = _columns(found), sorted({box.shape[1:] for box in found}, reverse=True)
    places: dict[str, Place] = {}
    for box in found:
        place = columns[box.name], sizes.index(box.shape[1:])
        # The auxiliary classifier stands below the layer that it takes, since the next layer is beside that.
        places[box.name] = place if place not in places.values() else (place[0] - 1, place[1] + 1)
    return _drawn([("", found, places)])


def block_figure(run: Run) -> Figure:
    """Figure 3: every adaptive context block from the inside, one below the other."""
    found = boxes(run, detail=True)
    lanes = []
    for block in dict.fromkeys(block for box in found if (block := _block(box.name))):
        own = [box for box in found if _block(box.name) == block]
        inputs = {name for box in own for name in box.sources} - {box.name for box in own}
        lane = [dataclasses.replace(box, sources=()) for box in found if box.name in inputs] + own
        rows = {box.name: _row(box.name) for box in own}
        rows |= {name: min(rows[box.name] for box in own if name in box.sources) for name in inputs}
        columns = _columns(lane)
        lanes.append((f"block {int(block) + 1}", lane, {name: (columns[name], rows[name]) for name in rows}))
    return _drawn(lanes)


def _block(name: str) -> str | None:
    """The number of the block that a box is in, counted from 0; None outside of blocks."""
    return name.split(".")[1] if name.startswith("blocks.") else None


def _row(name: str) -> int:
    """Of a box in a block: what the features pass through, the gate, the global feature, the local feature."""
    if name.endswith("global_context") or ".fusions." in name:
        return 0
    return 3 if "local_context" in name else 1 if name.endswith("control") else 2


def _columns(found: Sequence[Box]) -> dict[str, int]:
    """How many boxes lie at most between each box and its inputs."""
    columns: dict[str, int] = {}
    for box in found:
        columns[box.name] = max((columns[name] + 1 for name in box.sources if name in columns), default=0)
    return columns


def _drawn(lanes: Sequence[tuple[str, Sequence[Box], Mapping[str, Place]]]) -> Figure:
    """Boxes at their places (column, row), with arrows, of each of several titled lanes below the other."""
    heights = [_DOWN * (1 + max(row for _, row in places.values())) + 0.2 * bool(title) for title, _, places in lanes]
    width = _ACROSS * (1 + max(column for _, _, places in lanes for column, _ in places.values()))
    figure = Figure(figsize=(width, sum(heights)))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(sum(heights), 0))
    axes.set_axis_off()
    top = 0.0
    for (title, found, places), height in zip(lanes, heights, strict=True):
        start = top + 0.2 * bool(title)
        axes.text(0.08, top + 0.12, title, fontsize=9, fontweight="bold", va="center")
        centres = {name: (_ACROSS * (x + 0.5), start + _DOWN * (y + 0.5)) for name, (x, y) in places.items()}
        for box in found:
            for source in box.sources:
                _arrow(axes, centres, source, box.name)
            _draw_box(axes, box, *centres[box.name])
        top += height
    return figure


def _draw_box(axes: Axes, box: Box, x: float, y: float) -> None:
    corner = (x - _WIDTH / 2, y - _HEIGHT / 2)
    colour = PALE if _block(box.name) else "white"
    look = {"facecolor": colour, "edgecolor": QUIET, "linewidth": 0.7, "zorder": 2}
    axes.add_patch(FancyBboxPatch(corner, _WIDTH, _HEIGHT, boxstyle="round,pad=0,rounding_size=0.05", **look))
    lines = [box.title, *textwrap.wrap(box.about, 23), " × ".join(map(str, box.shape))]
    for index, line in enumerate(lines):
        kind = {"fontsize": 7, "fontweight": "bold"} if index == 0 else {"fontsize": 5.8, "color": INK}
        if index == len(lines) - 1:
            kind = {"fontsize": 6.5, "color": ACCENT}
        height = y + 0.135 * (index - (len(lines) - 1) / 2)
        axes.text(x, height, line, ha="center", va="center", parse_math=True, zorder=3, **kind)


def _arrow(axes: Axes, centres: Mapping[str, Place], source: str, target: str) -> None:
    """Along the source's row, then up or down; in one row straight, or over the boxes that lie between."""
    (x0, y0), (x1, y1) = centres[source], centres[target]
    if x0 == x1:
        line = [(x0, y0 + _HEIGHT / 2), (x1, y1 - _HEIGHT / 2)]
    elif y0 != y1:
        x1 += 0.18 * (round(abs(y0 - y1) / _DOWN) - 2)  # arrows from several rows arrive side by side
        line = [(x0 + _WIDTH / 2, y0), (x1, y0), (x1, y1 + _HEIGHT / 2 * (1 if y0 > y1 else -1))]
    elif any(y == y0 and x0 < x < x1 for x, y in centres.values()):
        over = y0 - _DOWN / 2
        line = [(x0, y0 - _HEIGHT / 2), (x0, over), (x1, over), (x1, y1 - _HEIGHT / 2)]
    else:
        line = [(x0 + _WIDTH / 2, y0), (x1 - _WIDTH / 2, y1)]
    axes.plot(*zip(*line[:-1], strict=True), color=QUIET, linewidth=0.8, zorder=1)
    look = {"arrowstyle": "-|>,head_length=0.3,head_width=0.15", "color": QUIET, "linewidth": 0.8}
    axes.annotate("", line[-1], line[-2], arrowprops={**look, "shrinkA": 0, "shrinkB": 0}, zorder=1)
