"""The paper's claims, each with its verdict and the cells behind it."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from acnet.errors import AcnetError
from acnet.files import read_json, write_json
from acnet.params.claims import load_claims
from acnet.report import checks, properties
from acnet.report.cells import read_cells
from acnet.report.checks import LEFT_OUT, NOT_MEASURED, NOT_RUN, Evidence, Step, Verdict
from acnet.report.report import Report
from acnet.report.uncertainty import holm, p_of_claim

# Counted separately: the paper's statements, controls that it lacks, and properties of any training by construction.
KINDS = {"statements": ("stated", "derived"), "controls": ("control",), "by construction": ("by construction",)}
# All others compare cells.
_CHECKS = {
    "none": lambda claim, evidence: [Step(claim.statement, [], NOT_MEASURED, reason=claim.reason)],
    "count_best": checks.count_best,
    "greater_in": properties.greater_in,
    "class_gains": properties.context_gains,
    "gated_gains": properties.gated_gains,
    "gate_range": properties.gate_range,
    "local_gate_range": properties.gate_range,
    "gate_contrasts": properties.gate_contrasts,
    "learned": properties.learned,
}


def judge_claims(params_root: Path, evidence: Evidence) -> list[dict[str, Any]]:
    """Every claim of claims.yaml in its order, judged by the evidence at hand, as claims.json has it.

    `reason` says what is missing where the verdict is "not measured". `p` is the two-sided p-value, None if no seeds
    decide; that of a primary claim is adjusted by Holm's procedure, so that it is compared with the level of a single
    claim. The verdict is at `level`.
    """
    claims = load_claims(params_root, evidence.tables)
    steps = {name: _CHECKS.get(claim.check, checks.cell_steps)(claim, evidence) for name, claim in claims.items()}
    p = {name: _p(found) for name, found in steps.items()}
    level = dict.fromkeys(claims, 1 - evidence.scale.measures.level)
    # Missing claims count too, so that a verdict does not depend on what else has been measured by then.
    primary = [name for name, claim in claims.items() if claim.primary and not _left_out(steps[name])]
    adjusted, levels = holm(np.array([p[name] for name in primary]), 1 - evidence.scale.measures.level)
    p |= dict(zip(primary, adjusted.tolist(), strict=True))
    level |= dict(zip(primary, levels.tolist(), strict=True))
    judged = []
    for name, claim in claims.items():
        decided = [step.judged(level[name], len(steps[name]), evidence.scale) for step in steps[name]]
        verdict = checks.combine([step.verdict for step in decided])
        stated = {key: getattr(claim, key) for key in ("statement", "where", "kind", "primary", "check", "note")}
        found = {
            "verdict": verdict,
            "p": p[name] if any(step.open for step in steps[name]) else None,
            "level": level[name],
            "reason": _reason(decided) if verdict == NOT_MEASURED else None,
            "steps": [dataclasses.asdict(step) for step in decided],
        }
        judged.append({"id": name, **stated, **found})
    return judged


def _p(steps: list[Step]) -> float:
    """The two-sided p-value of a claim: that it holds, or that one of its steps is contradicted."""
    held, contradicted = p_of_claim(np.array([s.p_above for s in steps]), np.array([s.p_below for s in steps]))
    return float(min(1.0, 2 * min(held, contradicted)))


def _left_out(steps: list[Step]) -> bool:
    return all((step.reason or "").startswith(LEFT_OUT) for step in steps)


def write_claims(report: Report) -> Path:
    """Write claims.json and return its path; numbers in percent and points.

    Cells are those in cells.csv; intervals of differences, gates and learned factors come from the runs' own files.
    """
    scale, evidence = report.scale, Evidence(report.tables, read_cells(report), report.results)
    claims = judge_claims(report.params_root, evidence)
    sure = {"level": scale.measures.level, "resamples": scale.measures.resamples, **dataclasses.asdict(scale.rule)}
    counts = {name: counted(claims, kinds) for name, kinds in KINDS.items()}
    about = {"scale": scale.name, "title": scale.title, "seeds": scale.seeds, "rule": sure}
    path, found = report.folder / "claims.json", {**about, "counts": counts, "claims": claims}
    write_json(path, json.loads(json.dumps(found), parse_float=lambda number: round(float(number), 6)))
    return path


def read_claims(folder: Path, written_by: str = "claims") -> dict[str, Any]:
    """What claims.json in the `folder` of a scale holds; the command `written_by` is named where it is missing."""
    path = folder / "claims.json"
    if not path.exists():
        raise AcnetError(f"{path}: not found; `acnet report {written_by} --scale {folder.name}` writes it")
    return read_json(path, "title", "rule", "counts", "claims")


def counted(claims: Iterable[Mapping[str, Any]], kinds: Sequence[str]) -> dict[Verdict, int]:
    """How often each verdict occurs among the claims of these `kinds`."""
    found = Counter(one["verdict"] for one in claims if one["kind"] in kinds)
    return {verdict: found[verdict] for verdict in checks.VERDICTS}


def _reason(steps: list[Step]) -> str:
    """What the steps are missing, several of one kind in one phrase."""
    reasons = list(dict.fromkeys(step.reason for step in steps if step.reason))
    for start in (LEFT_OUT, NOT_RUN):
        alike = [reason for reason in reasons if reason.startswith(start)]
        if len(alike) > 1:
            things = dict.fromkeys(", ".join(reason.removeprefix(start) for reason in alike).split(", "))
            reasons = [start + ", ".join(things), *(reason for reason in reasons if reason not in alike)]
    return "; ".join(reasons)
