"""Small generated datasets in the official layouts, made so that context matters, and the instrument."""

import shutil
from functools import partial
from pathlib import Path

from acnet.data.generate.instrument import strips
from acnet.data.generate.layouts import WRITERS
from acnet.data.generate.scenes import scenes
from acnet.errors import AcnetError
from acnet.files import no_room, visible_below, write_json
from acnet.params.schema import nearest

MARKER = "generated.json"  # written last; shows that the tree is whole and may be replaced


def generate(reader: str, out: Path, seed: int, images: dict[str, int], size: tuple[int, int]) -> None:
    """Write a small tree in the layout and label encoding of `reader`: equal arguments, equal bytes.

    `folders` gives the instrument. `images` counts the images per split; `size` is (height, width). The tree
    replaces an earlier generated one, and appears whole or not at all. Raises AcnetError if `out` holds anything else.
    """
    if reader not in WRITERS:
        raise AcnetError(f"{reader}: no generator{nearest(reader, WRITERS)}")
    draw = strips if reader == "folders" else partial(scenes, reader)
    out = Path(out)
    if out.exists() and not (out / MARKER).exists() and any(out.iterdir()):
        raise AcnetError(f"{out}: holds files that were not generated; name another folder or empty this one")
    work = out.with_name(f".{out.name}.part")
    shutil.rmtree(work, ignore_errors=True)
    try:
        work.mkdir(parents=True)
        WRITERS[reader](work, {s: draw(seed, s, n, tuple(size)) for s, n in images.items()})
        write_json(work / MARKER, {"reader": reader, "seed": seed, "images": images, "size": list(size)})
        if _files(work) != _files(out):  # equal files keep their times, by which Snakemake decides what to make again
            shutil.rmtree(out, ignore_errors=True)
            work.rename(out)
    except OSError as error:
        if refusal := no_room(error, out):
            raise refusal from error
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _files(folder: Path) -> dict[Path, bytes]:
    return {file.relative_to(folder): file.read_bytes() for file in visible_below(folder)}
