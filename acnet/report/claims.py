"""The paper's claims, each with its verdict and the cells behind it."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from acnet.errors import AcnetError
from acnet.files import read_json, write_json
from acnet.params.claims import Claim, load_claims
from acnet.params.tables import load_tables
from acnet.report import checks, properties
from acnet.report.cells import read_cells
from acnet.report.checks import LEFT_OUT, NOT_MEASURED, NOT_RUN, Evidence, Step, Verdict
from acnet.report.results import Results
from acnet.report.scale import ScaleInfo

VERDICTS: tuple[Verdict, ...] = (checks.HELD, checks.WITHIN_NOISE, checks.NOT_HELD, NOT_MEASURED)
# All others compare cells.
_CHECKS = {
    "none": lambda claim, evidence: [Step(claim.statement, [], NOT_MEASURED, reason=claim.reason)],
    "count_best": checks.count_best,
    "class_gains": properties.context_gains,
    "gate_range": properties.gate_range,
    "local_gate_range": properties.gate_range,
    "gate_contrasts": properties.gate_contrasts,
    "learned": properties.learned,
}


@dataclasses.dataclass(frozen=True)
class Judged:
    """A claim with its verdict; `reason` says what is missing where the verdict is "not measured"."""

    name: str
    claim: Claim
    verdict: Verdict
    steps: list[Step]
    reason: str | None


def judge_claims(params_root: str | Path, evidence: Evidence) -> list[Judged]:
    """Every claim of claims.yaml in its order, judged by the evidence at hand."""
    judged = []
    for name, claim in load_claims(params_root, evidence.tables).items():
        steps = _CHECKS.get(claim.check, checks.cell_steps)(claim, evidence)
        verdict = checks.combine([step.verdict for step in steps])
        judged.append(Judged(name, claim, verdict, steps, _reason(steps) if verdict == NOT_MEASURED else None))
    return judged


def write_claims(scale: ScaleInfo, *, params_root: str | Path, results_root: str | Path, out_root: str | Path) -> Path:
    """Write out_root/{scale}/claims.json and return its path; numbers in percent and points.

    Cells are those in cells.csv; intervals of differences, gates and learned factors come from the runs' own files.
    """
    evidence = Evidence(load_tables(params_root), read_cells(scale, out_root), Results(scale, results_root))
    claims = [_plain(one) for one in judge_claims(params_root, evidence)]
    sure = {"level": scale.measures.level, "resamples": scale.measures.resamples}
    counts = {"findings": counted(claims, False), "by construction": counted(claims, True)}
    report = {"scale": scale.name, "noise": scale.noise, "intervals": sure, "counts": counts, "claims": claims}
    path = Path(out_root) / scale.name / "claims.json"
    write_json(path, json.loads(json.dumps(report), parse_float=lambda number: round(float(number), 6)))
    return path


def read_claims(scale: ScaleInfo, out_root: str | Path) -> list[dict[str, Any]]:
    """The claims in out_root/{scale}/claims.json."""
    path = Path(out_root) / scale.name / "claims.json"
    if not path.exists():
        raise AcnetError(f"{path}: not there; `acnet report claims --scale {scale.name}` writes it")
    return read_json(path)["claims"]


def counted(claims: Iterable[Mapping[str, Any]], by_construction: bool) -> dict[Verdict, int]:
    """How often each verdict occurs among the claims that hold of any training of this code, or among the others."""
    found = Counter(one["verdict"] for one in claims if (one["kind"] == "by construction") == by_construction)
    return {verdict: found[verdict] for verdict in VERDICTS}


def _reason(steps: list[Step]) -> str:
    """What the steps are missing, several of one kind in one phrase."""
    reasons = list(dict.fromkeys(step.reason for step in steps if step.reason))
    for start in (LEFT_OUT, NOT_RUN):
        alike = [reason for reason in reasons if reason.startswith(start)]
        if len(alike) > 1:
            things = dict.fromkeys(", ".join(reason.removeprefix(start) for reason in alike).split(", "))
            reasons = [start + ", ".join(things), *(reason for reason in reasons if reason not in alike)]
    return "; ".join(reasons)


def _plain(judged: Judged) -> dict[str, Any]:
    stated = {key: getattr(judged.claim, key) for key in ("statement", "where", "kind", "check", "note")}
    return {"id": judged.name, **stated, "verdict": judged.verdict, "reason": judged.reason,
            "steps": [dataclasses.asdict(step) for step in judged.steps]}  # fmt: skip
