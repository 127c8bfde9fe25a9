"""From a trained run to the zip that a test server takes."""

import dataclasses
import shutil
import sys
from pathlib import Path
from typing import Any

from acnet.data.store import MANIFEST, Store
from acnet.errors import AcnetError
from acnet.evaluate.trained import open_trained
from acnet.files import canonical, read_json, sha256, write_json
from acnet.params.protocols import Protocol
from acnet.params.run import Run
from acnet.progress import Progress
from acnet.submit.forms import FORMS, Form
from acnet.submit.package import package, zip_of

_MADE_FROM = "made_from.json"


def submit(run: Run, checkpoint: Path, protocol: Protocol, data_root: Path, split: str) -> Path:
    """Predict a split with `run`, check and zip; the zip's path, beside `checkpoint`.

    A broken-off submission is continued image by image; one of another checkpoint, protocol or split is begun anew.
    Raises AcnetError for a dataset without a test server, a split that is not prepared or lacks images, and whatever
    the checks find; where the number of images is in doubt, another one is a warning on standard error.
    """
    if run.reader not in FORMS:
        raise AcnetError(f"{run.reader}: has no test server; those with one: {', '.join(FORMS)}")
    form = FORMS[run.reader]
    store = Store(data_root / run.dataset, split)
    _check_whole(form, store)
    trained = dataclasses.replace(open_trained(run, checkpoint, data_root), store=store)
    out = zip_of(checkpoint.parent, split, protocol.name)
    folder = out.with_suffix("")
    _begin(folder, {"checkpoint": sha256(checkpoint), "protocol": protocol.identity(), "images": store.names})
    left = [i for i, name in enumerate(store.names) if not form.file(folder, name).exists()]
    progress = Progress(f"predict {run.dataset} {split}", len(store), "images", start=len(store) - len(left))
    for index in left:
        form.write(form.file(folder, store.names[index]), trained.label_map(index, protocol))
        progress.advance()
    progress.finish()
    package(form, folder, store.names, store.sizes, out)
    return out


def _check_whole(form: Form, store: Store) -> None:
    """Compare the number of images with the official one, before days are spent on their prediction."""
    manifest = store.folder / MANIFEST
    expected, found = read_json(manifest)["splits"][store.split]["expected"], len(store)
    if found == expected:
        return
    told = f"{manifest}: images of split '{store.split}': {found} instead of {expected}"
    name = store.folder.name
    remedy = f"`acnet data check {name}` counts the copy; complete it, `acnet data prepare {name}`, and submit again"
    if form.counted:
        apart = f"{expected - found} are missing" if found < expected else f"{found - expected} too many"
        raise AcnetError(f"{told}, {apart}, and the server takes the whole split only; {remedy}")
    print(f"acnet: {told}; sources disagree on the number, but if the server wants more: {remedy}", file=sys.stderr)


def _begin(folder: Path, made_from: dict[str, Any]) -> None:
    """Keep what an earlier start left in `folder` only if it was made from the same."""
    mark = folder / _MADE_FROM
    if folder.exists() and (not mark.exists() or canonical(read_json(mark)) != canonical(made_from)):
        shutil.rmtree(folder)
    write_json(mark, made_from)
