"""The paper's claims, each with its verdict and the cells behind it."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from acnet.files import write_json
from acnet.params.claims import Claim, load_claims
from acnet.params.tables import Tables, load_tables
from acnet.report import checks, properties
from acnet.report.checks import HELD, LEFT_OUT, NOT_HELD, NOT_MEASURED, NOT_RUN, WITHIN_NOISE, Cells, Step, Verdict
from acnet.report.gains import class_gains
from acnet.report.results import Results
from acnet.report.scale import ScaleInfo

VERDICTS: tuple[Verdict, ...] = (HELD, WITHIN_NOISE, NOT_HELD, NOT_MEASURED)
_PROPERTIES = {
    "gate_range": properties.gate_range,
    "local_gate_range": properties.local_gate_range,
}


@dataclasses.dataclass(frozen=True)
class Judged:
    """A claim with its verdict; `reason` says what a verdict "not measured" lacks."""

    name: str
    claim: Claim
    verdict: Verdict
    steps: list[Step]
    reason: str | None


def judge_claims(params_root: str | Path, tables: Tables, results: Results) -> list[Judged]:
    """Every claim of claims.yaml in its order, judged by the results at hand."""
    cells = Cells(tables, results)
    return [_judge(name, claim, cells) for name, claim in load_claims(params_root, tables).items()]


def write_claims(scale: ScaleInfo, *, params_root: str | Path, results_root: str | Path, out_root: str | Path) -> Path:
    """Write out_root/{scale}/claims.json and return its path; numbers in percent and points."""
    judged = judge_claims(params_root, load_tables(params_root), Results(scale, results_root))
    path = Path(out_root) / scale.name / "claims.json"
    sure = {"level": scale.measures.level, "resamples": scale.measures.resamples}
    counts = {"findings": _counts(findings(judged)), "by construction": _counts(by_construction(judged))}
    report = {"scale": scale.name, "noise": scale.noise, "intervals": sure, "counts": counts}
    text = json.dumps({**report, "claims": [_plain(one) for one in judged]})
    write_json(path, json.loads(text, parse_float=lambda number: round(float(number), 6)))
    return path


def findings(judged: Iterable[Judged]) -> list[Judged]:
    """The claims that a training could refute."""
    return [one for one in judged if one.claim.kind != "by construction"]


def by_construction(judged: Iterable[Judged]) -> list[Judged]:
    """The claims that hold of any training of this code."""
    return [one for one in judged if one.claim.kind == "by construction"]


def _counts(judged: Iterable[Judged]) -> dict[Verdict, int]:
    found = Counter(one.verdict for one in judged)
    return {verdict: found[verdict] for verdict in VERDICTS}


def _judge(name: str, claim: Claim, cells: Cells) -> Judged:
    steps = _steps(claim, cells)
    verdict = checks.combine([step.verdict for step in steps])
    return Judged(name, claim, verdict, steps, _reason(steps) if verdict == NOT_MEASURED else None)


def _reason(steps: list[Step]) -> str:
    """What the steps lack; what several lack in the same way in one phrase."""
    reasons = list(dict.fromkeys(step.reason for step in steps if step.reason))
    for start in (LEFT_OUT, NOT_RUN):
        alike = [reason for reason in reasons if reason.startswith(start)]
        if len(alike) > 1:
            things = dict.fromkeys(", ".join(reason.removeprefix(start) for reason in alike).split(", "))
            reasons = [start + ", ".join(things), *(reason for reason in reasons if reason not in alike)]
    return "; ".join(reasons)


def _steps(claim: Claim, cells: Cells) -> list[Step]:
    if claim.check == "none":
        return [Step(claim.statement, [], NOT_MEASURED, reason=claim.reason)]
    if claim.check == "count_best":
        return [checks.count_best(claim, cells)]
    if claim.check == "class_gains":
        return class_gains(claim, cells.tables, cells.results)
    if claim.check == "gate_contrasts":
        return properties.gate_contrasts(claim, cells.results)
    if claim.check == "learned":
        return [properties.learned(claim, cells.results)]
    if claim.check in _PROPERTIES:
        return [_PROPERTIES[claim.check](claim, cells.tables, cells.results)]
    return checks.cell_steps(claim, cells)


def _plain(judged: Judged) -> dict[str, Any]:
    claim = judged.claim
    return {
        "id": judged.name,
        "statement": claim.statement,
        "where": claim.where,
        "kind": claim.kind,
        "check": claim.check,
        "note": claim.note,
        "verdict": judged.verdict,
        "reason": judged.reason,
        "steps": [dataclasses.asdict(step) for step in judged.steps],
    }
