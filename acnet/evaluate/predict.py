"""A trained network on anyone's images: label map, overlay, confidence and gates as PNG files."""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from acnet.data.classes import Classes, class_table
from acnet.data.images import read_image
from acnet.data.palette import coloured, heat, legend, sheet
from acnet.data.readers import images
from acnet.errors import AcnetError
from acnet.evaluate.inference import Predictor, probabilities
from acnet.evaluate.trained_network import load_predictor
from acnet.files import replacing, visible_below
from acnet.params.protocols import Protocol
from acnet.params.run import Run
from acnet.progress import Progress

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
_NAMED = 5  # skipped files that are named; of more, the number is enough


def predict_files(
    run: Run, checkpoint: Path, protocol: Protocol, inputs: Sequence[Path], out: Path, seen: int | None = None
) -> tuple[list[Path], list[str]]:
    """Write PNG files for each image of `inputs` (files, and folders searched below), named after it, under `out`.

    NAME.labels.png holds class ids with the dataset's palette, NAME.overlay.png their colours over the image,
    NAME.confidence.png the highest probability (0 to 255), NAME.gate1.png and so on the gates (0 to 255), all of the
    image's size after its EXIF orientation; NAME.sheet.png shows all of them with captions and a legend.

    Returns the sheets and the kinds of files. An image that cannot be read or scored is skipped; at the end
    AcnetError counts them, after a list on stderr. `seen` is the longest side, in pixels, of the generated or tiny
    images that the network was trained on: a warning on stderr counts the larger images.
    Raises AcnetError at once for an input that is not there and for two images of one name.
    """
    named_images = named(inputs, out)
    predictor, classes = load_predictor(run, checkpoint), class_table(run)
    progress = Progress(f"predict with {run.name}", len(named_images), "images")
    failed, sheets, kinds, unlike = [], [], {}, 0
    for path, name in named_images:
        try:
            image = read_image(path)
            maps = _maps(predictor, image, protocol, classes, str(path))
        except (AcnetError, MemoryError) as error:
            failed.append(str(error) or f"{path}: not enough memory for it")
        else:
            for kind, made in maps.items():
                with replacing(out / f"{name}.{kind}.png") as temporary:
                    made.save(temporary, "PNG")
            sheets.append(out / f"{name}.sheet.png")
            kinds |= dict.fromkeys(maps)
            unlike += seen is not None and max(image.shape) > seen
        progress.advance()
    progress.finish()
    if unlike:
        told = f"acnet: {run.name} at scale {run.scale} was trained on generated images or small crops"
        print(f"{told} (at most {seen} pixels a side); predictions for {unlike} larger are unreliable", file=sys.stderr)
    if failed:
        print("\n".join(failed), file=sys.stderr)
        raise AcnetError(
            f"{len(failed)} of {len(named_images)} images have no prediction; they are listed above, the others are in "
            f"{out}"
        )
    return sheets, list(kinds)


def named(inputs: Sequence[Path], out: Path) -> list[tuple[Path, str]]:
    """Every image with the name of its output: its place below the folder given, the suffix only where it is needed.

    Of a folder in a dataset's official layout these are its images, labelled or not, without the label maps. Files of
    any other folder that are no images of `SUFFIXES` are named on stderr; hidden ones do not count, nor those in `out`.
    """
    found, own = [], out.resolve()
    for given in inputs:
        if given.is_dir():
            if given.resolve() == own:
                raise AcnetError(f"{given}: predictions would lie between the images; name another folder with --out")
            files = [file for file in _images(given) if not Path(os.path.realpath(file)).is_relative_to(own)]
            if not files:
                raise AcnetError(f"{given}: holds no image ({', '.join(SUFFIXES)})")
            found += [(file, file.relative_to(given)) for file in files]
        elif given.exists():
            found.append((given, Path(given.name)))
        else:
            raise AcnetError(f"{given}: not found; name an image or a folder of images")
    short = Counter(relative.with_suffix("") for _, relative in found)
    full = Counter(relative for _, relative in found)
    for path, relative in found:
        if full[relative] > 1:
            raise AcnetError(f"{path}: another input is also called {relative}; predict them into different folders")
    names = [str(r if short[r.with_suffix("")] > 1 else r.with_suffix("")) for _, r in found]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise AcnetError(f"{out}: two images would be called {twice[0]}; rename one of them")
    return [(path, name) for (path, _), name in zip(found, names, strict=True)]


def _images(folder: Path) -> list[Path]:
    """The images of a dataset with those that no label is there for, or else whatever image the folder holds."""
    found = images(folder)
    if any(file.is_relative_to(folder / "images") for file in found):
        found = sorted({*found, *_readable(folder / "images")})
    return found or _readable(folder)


def _readable(folder: Path) -> list[Path]:
    files = sorted(f for f in visible_below(folder) if f.is_file() or f.is_symlink())  # a broken link is told later
    others = [f.relative_to(folder).as_posix() for f in files if f.suffix.lower() not in SUFFIXES]
    if others:
        names = ", ".join(others[:_NAMED]) + (f" and {len(others) - _NAMED} more" if len(others) > _NAMED else "")
        told = f"acnet: {folder}: skipped {len(others)} of {len(files)} files (supported: {', '.join(SUFFIXES)})"
        print(f"{told}: {names}; convert images among them to PNG or JPEG", file=sys.stderr)
    return [f for f in files if f.suffix.lower() in SUFFIXES]


def _maps(predictor: Predictor, image: np.ndarray, protocol: Protocol, classes: Classes, name: str) -> dict:
    """The pictures of one image by their kind."""
    found = predictor.strips(image, protocol, name)
    best = [(scores if probabilities(protocol) else scores.softmax(1)).max(1) for scores in found]
    confidence, winners = (torch.cat(part).cpu().numpy() for part in zip(*best, strict=True))
    labels = coloured(winners.astype(np.uint8), classes)
    maps = {
        "labels": labels,
        "overlay": Image.blend(Image.fromarray(image), labels.convert("RGB"), 0.5),
        "confidence": _grey(confidence),
    }
    panels = [("image", Image.fromarray(image)), ("prediction", maps["overlay"])]
    panels.append((f"confidence, mean {confidence.mean():.2f}", heat(confidence)))
    for number, gate in enumerate(predictor.gates(image, protocol, name), 1):
        shown = heat(gate).resize(labels.size, Image.Resampling.BILINEAR)
        maps[f"gate{number}"] = _grey(gate).resize(labels.size, Image.Resampling.BILINEAR)
        panels.append((f"gate {number}, mean {gate.mean():.2f}", shown))
    heats = "confidence, and gates (1 takes all of the global context)" if len(panels) > 3 else "confidence"
    maps["sheet"] = sheet(panels, [list(legend(classes, winners).values())], heats=heats)
    return maps


def _grey(values: np.ndarray) -> Image.Image:
    """Values in [0, 1] as 0 to 255."""
    return Image.fromarray(np.round(values * 255).clip(0, 255).astype(np.uint8))
