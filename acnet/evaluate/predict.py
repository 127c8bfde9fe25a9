"""A trained network on anyone's images: label map, overlay, confidence and gates as PNG files."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from acnet.data.classes import Classes, load
from acnet.data.images import read_image
from acnet.data.readers import images
from acnet.device import settle
from acnet.errors import AcnetError
from acnet.evaluate.inference import gates, probabilities, strips
from acnet.evaluate.network import load_network
from acnet.evaluate.sheet import heat, sheet
from acnet.files import replacing
from acnet.params.protocols import Protocol
from acnet.params.run import Run
from acnet.progress import Progress

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")


def predict_files(
    run: Run, checkpoint: Path, protocol: Protocol, inputs: Sequence[Path], out: Path
) -> tuple[list[Path], list[str]]:
    """Write for each image of `inputs` (files, and folders searched below) PNG files named after it under `out`.

    Returns the sheets and the kinds of files that there are of each image.

    NAME.labels.png holds class ids with the dataset's colours as palette, NAME.overlay.png those colours over the
    image, NAME.confidence.png the winning probability (0 to 255), NAME.gate1.png and on the gates (0 to 255), of the
    image's size after its EXIF orientation; NAME.sheet.png shows all of them side by side, with captions and classes.

    An image that cannot be read or scored is passed over; in the end AcnetError counts them, after a list on stderr.
    Raises AcnetError at once for an input that is not there and for two images of one name.
    """
    places = named(inputs)
    device = settle(run.train.threads)
    network = load_network(run, checkpoint, device)
    classes, align_corners = load(run.reader), run.model.align_corners
    progress = Progress(f"predict with {run.name}", len(places), "images")
    failed, sheets, kinds = [], [], {}
    for path, name in places:
        try:
            image = read_image(path)
            maps = _maps(network, image, protocol, classes, device, align_corners, str(path))
        except (AcnetError, MemoryError) as error:
            failed.append(str(error) or f"{path}: not enough memory for it")
        else:
            for kind, made in maps.items():
                _save(made, out / f"{name}.{kind}.png")
            sheets.append(out / f"{name}.sheet.png")
            kinds |= dict.fromkeys(maps)
        progress.advance()
    progress.finish()
    if failed:
        print("\n".join(failed), file=sys.stderr)
        raise AcnetError(
            f"{len(failed)} of {len(places)} images have no prediction; they are listed above, the others in {out}"
        )
    return sheets, list(kinds)


def named(inputs: Sequence[Path]) -> list[tuple[Path, str]]:
    """Every image with the name of its output: its place below the folder given, the suffix only where it is needed.

    Of a folder in a dataset's official layout these are its images without the label maps.
    """
    found = []
    for given in inputs:
        if given.is_dir():
            files = images(given) or [
                f for f in sorted(given.rglob("*")) if f.suffix.lower() in SUFFIXES and f.is_file()
            ]
            if not files:
                raise AcnetError(f"{given}: holds no image ({', '.join(SUFFIXES)})")
            found += [(file, file.relative_to(given)) for file in files]
        elif given.exists():
            found.append((given, Path(given.name)))
        else:
            raise AcnetError(f"{given}: not there; name an image or a folder of images")
    short = Counter(relative.with_suffix("") for _, relative in found)
    full = Counter(relative for _, relative in found)
    for path, relative in found:
        if full[relative] > 1:
            raise AcnetError(f"{path}: another input is also called {relative}; predict them into different folders")
    return [(path, str(r if short[r.with_suffix("")] > 1 else r.with_suffix(""))) for path, r in found]


def coloured(labels: np.ndarray, classes: Classes) -> Image.Image:
    """Class ids (H, W) uint8 as an image with the dataset's palette."""
    made = Image.fromarray(labels)
    made.putpalette(classes.palette.tobytes())
    return made


def _maps(
    network: nn.Module,
    image: np.ndarray,
    protocol: Protocol,
    classes: Classes,
    device: torch.device,
    align_corners: bool,
    name: str,
) -> dict[str, Image.Image]:
    found = strips(network, image, protocol, len(classes.names), device, align_corners=align_corners, name=name)
    best = [(scores if probabilities(protocol) else scores.softmax(1)).max(1) for _, scores in found]
    confidence, winners = (torch.cat(part).cpu().numpy() for part in zip(*best, strict=True))
    labels = coloured(winners.astype(np.uint8), classes)
    maps = {
        "labels": labels,
        "overlay": Image.blend(Image.fromarray(image), labels.convert("RGB"), 0.5),
        "confidence": _grey(confidence),
    }
    panels = [("image", Image.fromarray(image)), ("prediction", maps["overlay"])]
    panels.append((f"confidence, mean {confidence.mean():.2f}", heat(confidence)))
    size = (image.shape[1], image.shape[0])
    for number, gate in enumerate(gates(network, image, protocol, device, name), 1):
        maps[f"gate{number}"] = _grey(gate).resize(size, Image.Resampling.BILINEAR)
        panels.append((f"gate {number}, mean {gate.mean():.2f}", heat(gate).resize(size, Image.Resampling.BILINEAR)))
    heats = "confidence, and gates (1 takes all of the global context)" if len(panels) > 3 else "confidence"
    maps["sheet"] = sheet(panels, classes, [winners], columns=3, heats=heats)
    return maps


def _grey(values: np.ndarray) -> Image.Image:
    """Values in [0, 1] as 0 to 255."""
    return Image.fromarray(np.round(values * 255).clip(0, 255).astype(np.uint8))


def _save(made: Image.Image, path: Path) -> None:
    with replacing(path) as temporary:
        made.save(temporary, "PNG")
