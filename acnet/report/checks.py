"""What decides a claim: differences between cells, each with a verdict of its own."""

import dataclasses
import itertools
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np

from acnet.evaluate.bootstrap import Interval, interval
from acnet.params.claims import CellName, Claim
from acnet.params.tables import Tables
from acnet.report.cells import NO_VALUE, Cells
from acnet.report.results import Results
from acnet.report.scale import ScaleInfo
from acnet.report.text import heading

HELD, NOT_HELD, WITHIN_NOISE, NOT_MEASURED = "held", "not held", "within noise", "not measured"
Verdict = Literal["held", "not held", "within noise", "not measured"]
LEFT_OUT = "this scale leaves out "
NOT_RUN = "not run: "
_NOT_COMPARABLE = "the paper's absolute numbers are not comparable at this scale"


@dataclasses.dataclass(frozen=True)
class Term:
    """A number that a step uses: a cell, or a value found elsewhere; None where it is missing."""

    label: str
    ours: float | None
    paper: float | None = None
    cell: str | None = None
    run: str | None = None
    protocol: str | None = None


@dataclasses.dataclass(frozen=True)
class Step:
    """One comparison: `ours` and `paper` are the margins, `noise` what they must exceed.

    `interval` is the confidence interval of `ours` by bootstrap over the images, paired; it must exclude 0 too.
    """

    label: str
    terms: list[Term]
    verdict: Verdict
    ours: float | None = None
    paper: float | None = None
    noise: float | None = None
    interval: Interval | None = None
    reason: str | None = None


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What claims are judged by: the cells of every table, and the results for what is in no cell."""

    tables: Tables
    cells: Cells
    results: Results

    @property
    def scale(self) -> ScaleInfo:
        """The scale of the results."""
        return self.results.scale

    def label(self, name: CellName) -> str:
        """The method, with the column where the table has several."""
        method, column = self._words(name)
        return f"{method} ({column})" if column else method

    def pair(self, first: CellName, second: CellName) -> str:
        """ "first − second", saying once what both share."""
        methods, columns = zip(self._words(first), self._words(second), strict=True)
        if methods[0] == methods[1] and all(columns) and columns[0] != columns[1]:
            return f"{methods[0]}, {columns[0]} − {columns[1]}"
        if columns[0] == columns[1] and columns[0]:
            return f"{methods[0]} − {methods[1]}, {columns[0]}"
        return f"{self.label(first)} − {self.label(second)}"

    def _words(self, name: CellName) -> tuple[str, str]:
        table = self.tables.table(name[0])
        return table.row(name[1]).method, table.all_columns[name[2]].label if len(table.columns) > 1 else ""

    def problem(self, name: CellName) -> str | None:
        """Why this cell has no number to compare; None if it has."""
        cell = self.cells[name]
        if name[0] not in self.scale.tables:
            return f"{LEFT_OUT}{heading(name[0])}"
        if cell.state in ("cited", "empty"):
            return None if self.scale.comparable else _NOT_COMPARABLE
        if cell.state == NO_VALUE:
            return f"no value: {cell.name}"
        if cell.ours is None:
            return f"{NOT_RUN}{cell.run} ({cell.protocol})"
        return None if cell.comparable else "needs the test server's score"

    def first_problem(self, names: list[CellName]) -> str | None:
        """Why `names` cannot be compared: first what no training would change, then every run that is missing."""
        problems = list(dict.fromkeys(problem for name in names if (problem := self.problem(name))))
        lasting = [problem for problem in problems if not problem.startswith(NOT_RUN)]
        if lasting:
            return _NOT_COMPARABLE if _NOT_COMPARABLE in lasting else lasting[0]
        return NOT_RUN + ", ".join(problem.removeprefix(NOT_RUN) for problem in problems) if problems else None

    def value(self, name: CellName) -> float:
        """The number that counts: ours, or the paper's in a cited cell."""
        cell = self.cells[name]
        return cell.ours if cell.run else cell.paper

    def term(self, name: CellName) -> Term:
        """The cell as a term."""
        cell = self.cells[name]
        ours = cell.ours if cell.comparable and self.problem(name) is None else None
        return Term(self.label(name), ours, cell.paper, cell.name, cell.run, cell.protocol)

    def noise(self, names: list[CellName]) -> float:
        """The scale's noise, or two standard errors over seeds of a sum over `names` if that is more."""
        ours = [self.cells[name] for name in names]
        return noise(self.scale, [cell.values for cell in ours if cell.server is None])

    def samples(self, names: list[CellName]) -> np.ndarray | None:
        """The cells in bootstrap samples of the same images: (cells, samples); None where they have none.

        A cited number, and a test server's, is exact; of such numbers alone there is nothing to sample.
        """
        rows, images = [], set()
        for name in names:
            cell = self.cells[name]
            if not cell.run or cell.server is not None:
                rows.append(np.full(self.scale.measures.resamples, self.value(name)))
                continue
            class_name = self.tables.table(name[0]).all_columns[name[2]].class_name
            samples = self.results.samples(cell.run, cell.protocol, cell.metric, class_name)
            if samples is None:
                return None
            rows.append(samples.values)
            images.add(samples.images)
        # Sets of other images are not sampled alike.
        return np.array(rows) if len(images) == 1 else None

    def interval(self, names: list[CellName], signs: tuple[int, ...], minus: float = 0.0) -> Interval | None:
        """The confidence interval of a signed sum of cells, `minus` a constant; None where a run has no counts."""
        drawn = self.samples(names)
        return None if drawn is None else interval(np.array(signs) @ drawn - minus, self.scale.measures.level)


def noise(scale: ScaleInfo, by_seed: Iterable[Sequence[float]]) -> float:
    """The scale's noise, or two standard errors of a sum of means over seeds if that is more; one seed tells none."""
    variances = [statistics.variance(values) / len(values) for values in by_seed if len(values) > 1]
    return max(scale.noise, 2 * math.sqrt(sum(variances)))


def judge(margin: float, noise: float, interval: Interval | None = None) -> Verdict:
    """held above the noise, not held below its negative, within noise between or if `interval` contains 0."""
    # A difference of decimal fractions, such as 72.5 - 71.5, may miss the noise by a rounding error.
    if noise - abs(margin) > 1e-9 or (interval and interval[0] <= 0 <= interval[1]):
        return WITHIN_NOISE
    return HELD if margin > 0 else NOT_HELD


def combine(verdicts: list[Verdict]) -> Verdict:
    """The verdict of a statement whose steps must all hold: one that fails decides."""
    for verdict in (NOT_HELD, NOT_MEASURED, WITHIN_NOISE):
        if verdict in verdicts:
            return verdict
    return HELD


def cell_steps(claim: Claim, evidence: Evidence) -> list[Step]:
    """The steps of a claim over cells; they name their table where the claim spans several."""
    groups = claim.groups(evidence.tables)
    several = len({group[0][0] for group in groups}) > 1
    steps = []
    for group in groups:
        for step in _group_steps(claim.check, group, evidence):
            label = f"{heading(group[0][0])}: {step.label}" if several else step.label
            steps.append(dataclasses.replace(step, label=label))
    return steps


def _group_steps(check: str, group: list[CellName], evidence: Evidence) -> list[Step]:
    if check == "monotone":
        return [_step([later, earlier], (1, -1), evidence) for earlier, later in itertools.pairwise(group)]
    if check == "best":
        return [_best(group, evidence)]
    if check == "reached":
        return [_reached(group[0], evidence)]
    if check == "equal":
        return [_step(group, (1, -1), evidence, _judge_equal)]
    return [_step(group, (1, -1, -1, 1)[: len(group)], evidence)]


def count_best(claim: Claim, evidence: Evidence) -> list[Step]:
    """In how many classes `claim.row` is best or level, against the number the paper's cells give."""
    table_name, _, key = claim.row.partition(".")
    table, cells = evidence.tables.table(table_name), evidence.cells
    rivals = {
        column: [(table_name, row.key, column) for row in table.rows if not row.ours and row.per_class]
        for column in table.per_class or []
    }
    own = {column: (table_name, key, column) for column in rivals}
    label = f"classes, of {len(rivals)}, in which {table.row(key).method} is best or level"
    paper = float(sum(cells[own[c]].paper >= max(cells[n].paper for n in rivals[c]) for c in rivals))
    reason = evidence.first_problem([*own.values(), *itertools.chain.from_iterable(rivals.values())])
    if reason:
        return [Step(label, [], NOT_MEASURED, paper=paper, reason=reason)]

    def counted(allowance: float) -> int:
        return sum(evidence.value(own[c]) + allowance >= max(map(evidence.value, rivals[c])) for c in rivals)

    allowed, between = evidence.noise([]), None
    drawn = [evidence.samples([own[column], *rivals[column]]) for column in rivals]
    if all(one is not None for one in drawn):
        best = [one[0] >= one[1:].max(axis=0) for one in drawn]
        between = interval(np.sum(best, axis=0, dtype=np.float64), evidence.scale.measures.level)
    low, high = between or (claim.count, claim.count - 1)  # without an interval the noise alone decides
    certain, possible = counted(-allowed) >= claim.count <= low, counted(allowed) < claim.count > high
    verdict = HELD if certain else NOT_HELD if possible else WITHIN_NOISE
    terms = [evidence.term(name) for name in own.values()]
    return [Step(label, terms, verdict, float(counted(0.0)), paper, allowed, between)]


def _step(
    names: list[CellName],
    signs: tuple[int, ...],
    evidence: Evidence,
    decide: Callable[[float, float, Interval | None], Verdict] = judge,
) -> Step:
    """The signed sum of `names`."""
    pairs = [evidence.pair(*names[i : i + 2]) for i in range(0, len(names), 2)]
    label = pairs[0] if len(pairs) == 1 else " − ".join(f"({pair})" for pair in pairs)
    terms = [evidence.term(name) for name in names]
    printed = [evidence.cells[name].paper for name in names]
    paper = None if None in printed else _sum(signs, printed)
    if reason := evidence.first_problem(names):
        return Step(label, terms, NOT_MEASURED, paper=paper, reason=reason)
    ours, allowed = _sum(signs, map(evidence.value, names)), evidence.noise(names)
    between = evidence.interval(names, signs)
    return Step(label, terms, decide(ours, allowed, between), ours, paper, allowed, between)


def _best(group: list[CellName], evidence: Evidence) -> Step:
    """The first of `group` against the best of the others, which need not be the paper's runner-up."""
    first, *others = group
    printed = [evidence.cells[name].paper for name in others if evidence.cells[name].paper is not None]
    own = evidence.cells[first].paper
    paper = own - max(printed) if printed and own is not None else None
    terms = [evidence.term(name) for name in group]
    if reason := evidence.first_problem(group):
        label = f"{evidence.label(first)} − the best other"
        return Step(label, terms, NOT_MEASURED, paper=paper, reason=reason)
    step = _step([first, max(others, key=evidence.value)], (1, -1), evidence)
    return dataclasses.replace(step, paper=paper, terms=terms)


def _reached(name: CellName, evidence: Evidence) -> Step:
    label, terms = f"{evidence.label(name)} − the paper's", [evidence.term(name)]
    reason = evidence.first_problem([name]) if evidence.scale.comparable else _NOT_COMPARABLE
    if reason:
        return Step(label, terms, NOT_MEASURED, paper=0.0, reason=reason)
    cell, allowed = evidence.cells[name], evidence.noise([name])
    between = evidence.interval([name], (1,), minus=cell.paper)
    verdict = NOT_HELD if judge(cell.difference, allowed, between) == NOT_HELD else HELD
    return Step(label, terms, verdict, cell.difference, 0.0, allowed, between)


def _judge_equal(margin: float, noise: float, interval: Interval | None) -> Verdict:
    return HELD if margin == 0 or judge(margin, noise, interval) == WITHIN_NOISE else NOT_HELD


def _sum(signs: Iterable[int], values: Iterable[float]) -> float:
    return sum(sign * value for sign, value in zip(signs, values, strict=True))
