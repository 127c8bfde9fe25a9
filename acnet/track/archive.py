"""A campaign as one file: an RO-Crate, that is, a zip whose ro-crate-metadata.json describes every file in it."""

import datetime
import hashlib
import mimetypes
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Sequence
from pathlib import Path

from acnet.errors import AcnetError, optional
from acnet.files import read_json, read_yaml, replacing
from acnet.jobs.status_files import RESTORED
from acnet.params.campaign import Campaign
from acnet.params.run import read_run
from acnet.track.campaign import FOLDERS, Entry, Published, files_of, refuse_outside

WEIGHTS = "checkpoint.safetensors"
_ABOUT = ("CITATION.cff", "LICENSE")
_KINDS = {".safetensors": "application/octet-stream", ".yaml": "application/yaml", ".npz": "application/zip"}


def archive(campaign: Campaign, root: Path, out: Path, with_checkpoints: bool = False) -> int:
    """Write the campaign's results, reports and parameters to `out`, a .zip; return the number of files.

    Each training is an action with its commit, parameters, time and results. Checkpoints are left out, or are
    safetensors. Pixels of real datasets stay out, as in `acnet publish`. AcnetError without a finished run.
    """
    crates, entity = optional("rocrate.rocrate", "archive"), optional("rocrate.model", "archive").ContextEntity
    from acnet.export import export  # which needs torch, as restoring without checkpoints does not

    paths = [path for path in files_of(campaign, root, False) if path.suffix != ".pt"]
    folders = [path.parent for path in paths if path.name == "provenance.json"]
    if not folders:
        raise AcnetError(f"results/{campaign.scale_name}: no finished run to archive; train some first")
    paths += [path.relative_to(root) for path in (root / "params").rglob("*") if path.is_file()]
    paths += [Path(name) for name in _ABOUT if (root / name).exists()]
    cited = read_yaml(root / "CITATION.cff")
    crate = crates.ROCrate(gen_preview=True)
    crate.name = f"{cited['title']}: campaign {campaign.scale_name}"
    crate.description = campaign.scale.banner
    if "license" in cited:
        crate.license = f"https://spdx.org/licenses/{cited['license']}"
    crate.datePublished = datetime.date.today()
    crate.creator = [
        crate.add(entity(crate, f"#author-{i}", _author(author))) for i, author in enumerate(cited["authors"], 1)
    ]
    if paper := cited.get("preferred-citation"):
        about = {"@type": "ScholarlyArticle", "name": paper["title"]}
        crate.root_dataset["citation"] = crate.add(entity(crate, paper.get("url", "#paper"), about))
    files = {path: _add(crate, root / path, path) for path in paths}
    with tempfile.TemporaryDirectory() as folder:
        for made in folders:
            if with_checkpoints and (root / made / "checkpoint.pt").exists():
                weights = Path(folder) / made / WEIGHTS
                export(read_run(root / made / "params.yaml"), root / made / "checkpoint.pt", "safetensors", weights)
                files[made / WEIGHTS] = _add(crate, weights, made / WEIGHTS)
            facts = read_json(root / made / "provenance.json")
            training = {
                "@type": "CreateAction", "name": f"training of {made.parent.name}, {made.name}",
                "startTime": facts.get("started"), "endTime": facts.get("finished"),
                "description": f"commit {facts.get('commit')}, source {facts.get('source_hash')}",
                "object": files[made / "params.yaml"],
                "result": [file for path, file in files.items() if path.is_relative_to(made)],
            }  # fmt: skip
            crate.root_dataset.append_to("mentions", crate.add(entity(crate, f"#{made.as_posix()}", training)))
        with replacing(out) as temporary:
            crate.write_zip(temporary)
    return len(files)


def _add(crate, source: Path, path: Path):
    kind = _KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
    about = {"name": path.name, "encodingFormat": kind, "contentSize": str(source.stat().st_size)}
    return crate.add_file(source, dest_path=path.as_posix(), properties=about)


def read_archive(file: Path) -> Published:
    """The files of an archive that belong to results/, reports/ and data/; AcnetError if it is none, or damaged."""
    try:
        with zipfile.ZipFile(file) as opened:
            names = [name for name in opened.namelist() if name.split("/")[0] in FOLDERS and not name.endswith("/")]
            # Reading checks each file's CRC.
            entries = [Entry(name, _md5(opened, name), opened.getinfo(name).file_size) for name in names]
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise AcnetError(f"{file}: not a complete archive written by `acnet archive` ({error})") from error
    scales = {Path(name).parts[1] for name in names if name.startswith("results/")}
    if len(scales) != 1:
        raise AcnetError(f"{file}: not an archive of `acnet archive`: it has no results of one scale")
    refuse_outside(file, entries)
    return Published(scales.pop(), entries)


def _md5(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as handle:
        return hashlib.file_digest(handle, "md5").hexdigest()


def _author(author: dict[str, str]) -> dict[str, str]:
    """An author of CITATION.cff, an organisation or a person, as schema.org describes it."""
    if "name" in author:
        return {"@type": "Organization", "name": author["name"]}
    names = (author.get(f"{which}-names") for which in ("given", "family"))
    return {"@type": "Person", "name": " ".join(filter(None, names))}


def unpack(file: Path, entries: Sequence[Entry], missing: Collection[Entry], root: Path) -> None:
    """Bring those of an archive's `entries` that are `missing` into their places, and checkpoints from safetensors.

    A run without checkpoint is marked as restored, so that it is not trained again; also one whose files an earlier,
    interrupted call brought.
    """
    from acnet.export import rebuild_checkpoint

    with zipfile.ZipFile(file) as opened:
        for entry in missing:
            with replacing(root / entry.path) as temporary:
                temporary.write_bytes(opened.read(entry.path))
    for entry in (entry for entry in entries if entry.path.endswith("/provenance.json")):
        folder = (root / entry.path).parent
        if (folder / "checkpoint.pt").exists() and entry not in missing:
            continue
        if not ((folder / WEIGHTS).exists() and rebuild_checkpoint(folder / WEIGHTS)):
            (folder / RESTORED).touch()
