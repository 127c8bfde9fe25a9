"""The commands of docs/dvc.md that publish a campaign to a folder and restore it in another clone, typed as printed."""

import re
import shutil
import sys
from pathlib import Path

from .temporary_project import ROOT, add_origin


def test_publishing_to_a_folder_and_restoring_elsewhere_as_printed(project, tmp_path):
    shutil.copytree(ROOT / "acnet", project.root / "acnet")  # as in a clone
    project.git("add", "acnet")
    project.git("commit", "--quiet", "-m", "code")
    add_origin(project)
    text = (ROOT / "docs/dvc.md").read_text()
    (block,) = re.findall(r"With a folder as the remote.*?```sh\n(.*?)```", text, re.DOTALL)
    assert block.count("\n") == 6
    url = project.git("remote", "get-url", "origin")
    typed = block.replace("/shared/acnet-store", str(tmp_path / "store")).replace("URL", url)
    project.call("bash", "-ec", f"export PATH={Path(sys.executable).parent}:$PATH PYTHONPATH=$PWD\n{typed}")
    for file in ("acb3/seed0/checkpoint.pt", "acb3/seed0/metrics/single.json", "fcn_s16/seed0/provenance.json"):
        restored = project.root.parent / "elsewhere/results/mini" / file
        assert restored.read_bytes() == (project.root / "results/mini" / file).read_bytes()
