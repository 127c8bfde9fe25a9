"""Whether the code here computes what it computed at a commit: three networks after 20 steps, and what they score.

    python tests/same_results.py COMMIT

Both make and prepare a mini dataset, train on the CPU and evaluate, by their own commands and params/. Where every byte
is the same, the line for acnet/harmless_changes.yaml is printed; else the status is 1. It takes two to four minutes.
"""

import argparse
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import torch
import yaml

ROOT = Path(__file__).resolve().parents[1]
RUNS = ("fcn_s16", "acb3", "r101_ohem")  # no context; all of it; auxiliary loss, multi-grid, random scales and OHEM
STEPS = {"batch": 9, "epochs": 4}  # of 48 images: 20 steps
PROTOCOLS = ("single", "multi_flip")
_EVALUATE = [word for name in PROTOCOLS for word in ("--protocol", name)]


def results(code: Path, folder: Path) -> tuple[str, dict[str, str]]:
    """The source hash of the project in `code`, and digests of what it computes in `folder`, by name."""
    (folder / "params").mkdir(parents=True)
    for file in (code / "params").rglob("*.yaml"):
        copy = folder / file.relative_to(code)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(file.read_bytes())
    runs = yaml.safe_load((folder / "params/runs.yaml").read_text())
    changed = {name: {**entry, **STEPS} if name in RUNS else entry for name, entry in runs.items()}
    (folder / "params/runs.yaml").write_text(yaml.safe_dump(changed))
    _acnet(code, folder, "data", "generate", "mini_cityscapes")
    _acnet(code, folder, "data", "prepare", "mini_cityscapes")
    found = {}
    for run in RUNS:
        seed = folder / f"results/mini/{run}/seed0"
        _acnet(code, folder, "resolve", "--run", run)
        _acnet(code, folder, "train", "--params", f"{seed}/params.yaml")
        _acnet(code, folder, "evaluate", "--params", f"{seed}/params.yaml", *_EVALUATE)
        weights = torch.load(seed / "checkpoint.pt", weights_only=True)["network"]
        found[f"{run}: weights"] = _digest(
            *(name.encode() + weights[name].numpy().tobytes() for name in sorted(weights))
        )
        for protocol in PROTOCOLS:
            with np.load(seed / f"metrics/{protocol}.images.npz") as counts:
                found[f"{run}: {protocol}"] = _digest(*sorted(array.tobytes() for array in counts.values()))
    return json.loads((seed / "provenance.json").read_text())["source_hash"], found


def at(commit: str, folder: Path) -> Path:
    """The project's files at a commit, in `folder`."""
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", commit], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


def _acnet(code: Path, folder: Path, *words: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(code), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "acnet", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{code}: acnet {' '.join(words)}: {done.stderr}")


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    commit = parser.parse_args().commit
    with tempfile.TemporaryDirectory() as made:
        before, then = results(at(commit, Path(made) / "code"), Path(made) / "then")
        after, now = results(ROOT, Path(made) / "now")
    for name in now:
        print(f"{name}: {'the same' if now[name] == then.get(name) else 'DIFFERENT'}")
    if now != then:
        return 1
    print(f'- ["{before}", "{after}"]' if before != after else f"the source hash is the same, too: {after}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
