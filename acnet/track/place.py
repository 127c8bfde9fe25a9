"""A finished run in the folder experiment/, where `dvc exp apply` puts one too."""

from pathlib import Path

from acnet.errors import AcnetError
from acnet.files import replacing, write_text
from acnet.params.campaign import Campaign
from acnet.params.run import run_folder
from acnet.provenance import source_hash
from acnet.track.cache import Cache, clone, hashes
from acnet.track.experiment import CHECKPOINT, pointer, read_experiment


def place(campaign: Campaign, run: str, seed: int, results: Path, root: Path) -> list[str]:
    """Put a run's columns, metrics, curves and checkpoint into experiment/ below `root`; the paths written.

    The checkpoint goes into DVC's cache too, and its .dvc file stands beside it. Raises AcnetError for a run that has
    not ended, or whose checkpoint is not the one of its provenance.json; Unavailable without DVC.
    """
    folder = run_folder(results, campaign.scale_name, run, seed)
    experiment = read_experiment(folder, campaign, source_hash())
    if experiment is None:
        raise AcnetError(f"{folder}: this run has not ended; train it first")
    files = dict(experiment.files)
    if experiment.checkpoint:
        md5, sha256 = hashes(experiment.checkpoint)
        if sha256 != experiment.sha256:
            raise AcnetError(f"{experiment.checkpoint}: not the one that provenance.json names; train this run again")
        Cache(root).add(experiment.checkpoint, md5)
        with replacing((root / CHECKPOINT).with_suffix("")) as temporary:
            clone(experiment.checkpoint, temporary)
        files[CHECKPOINT] = pointer(md5, experiment.checkpoint.stat().st_size)
    for path, text in files.items():
        write_text(root / path, text)
    return list(files)
