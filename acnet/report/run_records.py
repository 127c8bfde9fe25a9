"""Records of finished runs, small enough for Git: reports/published/{scale}/runs/{run}/seed{n}.tar.xz.

A record has what tables, claims and the page are drawn from: parameters, provenance, training curve, metrics, gates and
the confusion counts of every image. The checkpoint and the example predictions are not in it.
"""

import io
import lzma
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from acnet.errors import AcnetError
from acnet.evaluate.counts import write_arrays
from acnet.files import read_json, replacing
from acnet.jobs.run_lock import live_holder
from acnet.jobs.status_files import RESTORED
from acnet.params.campaign import Campaign
from acnet.params.run import MEASURED, run_folder
from acnet.provenance import changed_since, source_hash


def record_file(reports: Path, scale: str, run: str, seed: int) -> Path:
    """The path of a run's record."""
    return reports / "published" / scale / "runs" / run / f"seed{seed}.tar.xz"


def publish_runs(campaign: Campaign, results: Path, reports: Path) -> tuple[list[Path], list[str]]:
    """Write the record of every measured run that has no record yet, or a different one.

    Returns the files written, and the runs refused with the reason: its commit is not known, it was trained with
    uncommitted changes, or it is stale.
    """
    written, refused = [], []
    scale, code = campaign.scale_name, source_hash()
    for name, seed in [(run, seed) for run in campaign.runs for seed in campaign.seeds(run)]:
        folder, file = run_folder(results, scale, name, seed), record_file(reports, scale, name, seed)
        if not (folder / "provenance.json").exists() or not any(folder.glob("metrics/*.json")):
            continue
        content = _content(folder)
        if file.exists() and _read(file) == content:
            continue
        made = read_json(folder / "provenance.json", "commit", "dirty")
        if made["commit"] is None:
            refused.append(f"{name}/seed{seed} (trained without Git, so that its commit is not known)")
        elif made["dirty"]:
            refused.append(f"{name}/seed{seed} (trained with uncommitted changes)")
        elif changed := changed_since(made, campaign.resolve(name, seed), code):
            refused.append(f"{name}/seed{seed} ({' and '.join(changed)} changed since)")
        else:
            with replacing(file) as temporary:
                _write(temporary, content)
            written.append(file)
    return written, refused


def restore_runs(campaign: Campaign, results: Path, reports: Path) -> list[Path]:
    """Bring records back into `results`: of runs that are not trained here, and not restored from an equal record.

    Returns the folders of those brought. A run that is being trained here is left alone.
    """
    restored = []
    for file in sorted(reports.glob(f"published/{campaign.scale_name}/runs/*/seed*.tar.xz")):
        folder = results / campaign.scale_name / file.parent.name / file.name.removesuffix(".tar.xz")
        if (folder / "checkpoint.pt").exists() or live_holder(folder / "resume") is not None:
            continue
        record, here = _read(file), _content(folder) if (folder / RESTORED).exists() else {}
        if record == here:
            continue
        for name in here.keys() - record.keys():
            (folder / name).unlink()
        for name, data in record.items():
            if name.endswith(".npz"):
                write_arrays(folder / name, np.load(io.BytesIO(data)))
                continue
            with replacing(folder / name) as temporary:
                temporary.write_bytes(data)
        (folder / RESTORED).touch()  # last: the record is whole
        restored.append(folder)
    return restored


def _content(folder: Path) -> dict[str, bytes]:
    """The files of a record by name; arrays uncompressed, since xz compresses these by a quarter more than zip does."""
    files = sorted({file for pattern in MEASURED for file in folder.glob(pattern)})
    return {
        file.relative_to(folder).as_posix(): _uncompressed(file) if file.suffix == ".npz" else file.read_bytes()
        for file in files
    }


def _uncompressed(file: Path) -> bytes:
    buffer = io.BytesIO()
    with np.load(file) as arrays:
        np.savez(buffer, **arrays)
    return buffer.getvalue()


def _write(file: Path, content: Mapping[str, bytes]) -> None:
    with tarfile.open(file, "w:xz") as tar:
        for name, data in content.items():
            entry = tarfile.TarInfo(name)  # without time and owner: equal content is equal bytes
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def _read(file: Path) -> dict[str, bytes]:
    try:
        with tarfile.open(file, "r:xz") as tar:
            return {entry.name: tar.extractfile(entry).read() for entry in tar}
    except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
        raise AcnetError(f"{file}: not a complete record ({error}); `git checkout {file}` restores it") from error
