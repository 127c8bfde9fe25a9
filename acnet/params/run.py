"""One run with one seed, its parameters complete: what training and evaluation take, and its params.yaml."""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

from acnet.errors import AcnetError
from acnet.files import digest, read_yaml, write_text
from acnet.params.config import NetworkConfig, TrainingConfig
from acnet.params.datasets import READERS
from acnet.params.schema import build, limited, stated

# All of a run but weights and images.
MEASURED = ("*.yaml", "*.json", "*.csv", "*.patch", "*.txt", "metrics/*.json", "metrics/*.npz")
_NEEDS = {"none": (), "run": ("run",), "file": ("file", "sha256"), "url": ("url", "file", "sha256")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class InitialWeights:
    """The initial weights: none, those of another `run`, a `file` at hand, or a `url` downloaded to `file`."""

    kind: Literal["none", "run", "file", "url"]
    name: str
    run: str | None = None
    file: str | None = None
    url: str | None = None
    sha256: str | None = None

    def validate(self, where: str) -> None:
        """AcnetError, opening with `where`, if what the kind needs is missing."""
        for key in _NEEDS[self.kind]:
            if getattr(self, key) is None:
                raise AcnetError(f"{where}: key '{key}' is missing; `acnet resolve` writes the file anew")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """A run of runs.yaml with a seed at a scale. `train_splits` are learned from, `evaluate_split` is scored."""

    scale: str
    name: str
    seed: int = limited(low=0)
    dataset: str
    reader: Literal[READERS]
    classes: int = limited(low=2, high=255)
    class_colours: dict[str, list[int]] | None = None
    train_splits: list[str]
    evaluate_split: str
    model: NetworkConfig
    init: InitialWeights
    train: TrainingConfig

    def values(self) -> dict[str, Any]:
        """The parameters as plain values, in the order of params.yaml."""
        values = dataclasses.asdict(self)
        values["init"] = {key: value for key, value in values["init"].items() if value is not None}
        return {key: value for key, value in values.items() if value is not None}

    def identity(self) -> dict[str, Any]:
        """The parameters that can change what the run computes; two runs with equal identities are the same run.

        Excluded are what its network or its loss does not use, how often it saves, how it is watched, how its classes
        are called, where its initial weights are (their hash counts), and a parameter that was added later while it
        has the value `before` of its field.
        """
        model, train = self.model, self.train
        no_global, no_local = model.global_context == "none", model.local_context == "none"
        unused = {
            **dict.fromkeys(("save_minutes", "validate_every", "tensorboard"), True),
            **dict.fromkeys(("delta", "distance", "gate"), model.global_context != "gcm"),
            **dict.fromkeys(("global_conv", "global_blocks"), no_global),
            **dict.fromkeys(("reuse", "local_channels", "block_channels"), no_local),
            "learn_scalars": no_global and no_local,
            "decay_scalars": (no_global and no_local) or not model.learn_scalars,
            **dict.fromkeys(("auxiliary_channels", "auxiliary_weight"), not model.auxiliary),
            **dict.fromkeys(("ohem_threshold", "ohem_keep"), not train.ohem),
        }
        model = dataclasses.replace(model, block_channels=model.block_channels[: model.blocks])
        used = {
            part: {key: value for key, value in stated(settings).items() if not unused.get(key)}
            for part, settings in (("model", model), ("train", train))
        }
        first = {"run": self.init.run, "sha256": (self.init.sha256 or "")[:8]}
        plain = vars(self).items()  # asdict would copy what `used` replaces
        whole = {key: value for key, value in plain if value is not None and key != "class_colours"}
        return {**whole, **used, "init": first}

    def digest(self) -> str:
        """A short hash of the `identity`: equal for runs that end with the same weights."""
        return digest(self.identity())

    def with_training(self, **changes: Any) -> "Run":
        """The same run with other training parameters."""
        return dataclasses.replace(self, train=dataclasses.replace(self.train, **changes))

    def scored_on(self, split: str | None) -> "Run":
        """The same run, scored on another split; None leaves that of its dataset."""
        return dataclasses.replace(self, evaluate_split=split or self.evaluate_split)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return f"{self.name} seed {self.seed} at {self.scale}"


def initial_checkpoint(run: Run, folder: Path) -> Path:
    """The checkpoint that the fine-tuned `run` starts from, of the same seed; `folder` is where `run` is trained."""
    return folder.parent.parent / run.init.run / folder.name / "checkpoint.pt"


def run_folder(results: Path, scale: str, run: str, seed: int) -> Path:
    """The folder of one run with one seed."""
    return results / scale / run / f"seed{seed}"


def seed_folders(folder: Path) -> list[Path]:
    """The folders of the seeds of a run that lies in `folder`, sorted; no copy of one under another name."""
    return sorted(found for found in folder.glob("seed*") if re.fullmatch(r"seed\d+", found.name))


def write_run(run: Run, origins: Mapping[str, object], file: Path) -> None:
    """Write `run` to `file`, the origin of each value, by its dotted name, behind it as a comment."""
    lines = []
    for key, value in run.values().items():
        if isinstance(value, dict):
            lines.append(f"{key}:")
            lines += [_line(f"  {name}", inner, origins.get(f"{key}.{name}")) for name, inner in value.items()]
        else:
            lines.append(_line(key, value, origins.get(key)))
    write_text(file, "\n".join(lines) + "\n")


def read_run(file: Path) -> Run:
    """The run of a params.yaml; AcnetError for a missing file, or one that has been edited to nonsense."""
    if not file.is_file():
        raise AcnetError(f"{file}: not found; `acnet resolve` writes it")
    values = read_yaml(file)
    if isinstance(values, dict) and "run" in values:
        commit = "the commit in the provenance.json beside it"
        raise AcnetError(f"{file}: of an earlier version of acnet; check out {commit}, or train the run again")
    return build(Run, values, f"{file}")


def read_origins(file: Path) -> dict[str, str]:
    """Where each value of a params.yaml comes from, as the comment behind it says, by dotted name (model.delta)."""
    found, section = {}, ""
    for line in file.read_text(encoding="utf-8").splitlines():
        key, _, rest = line.partition(":")
        if not key.startswith(" "):
            section = key
        elif "  # " in rest:
            found[f"{section}.{key.strip()}"] = rest.split("  # ", 1)[1]
    return found


def _line(key: str, value: Any, origin: object | None) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    text = text.removesuffix("...\n").strip()
    return f"{key}: {text}  # {' '.join(str(origin).split())}" if origin else f"{key}: {text}"
