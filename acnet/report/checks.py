"""What decides a claim: differences between cells, each with a verdict of its own."""

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from acnet.evaluate.bootstrap import Interval, interval
from acnet.params.claims import CellName, Claim
from acnet.params.tables import Tables
from acnet.report.cells import NO_VALUE, Cell, cell
from acnet.report.results import Results
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
    """One comparison: `ours` and `paper` are the margins, `noise` what they must pass.

    `interval` is that of `ours` by resampling the images, the same ones for every run; it must not hold 0 either.
    """

    label: str
    terms: list[Term]
    verdict: Verdict
    ours: float | None = None
    paper: float | None = None
    noise: float | None = None
    interval: Interval | None = None
    reason: str | None = None


class Cells:
    """Looks cells up by name and says why one cannot be used at this scale."""

    def __init__(self, tables: Tables, results: Results):
        self.tables, self.results, self.scale = tables, results, results.scale
        self._found: dict[CellName, Cell] = {}

    def __getitem__(self, name: CellName) -> Cell:
        if name not in self._found:
            table = self.tables.table(name[0])
            self._found[name] = cell(name[0], table, table.row(name[1]), name[2], self.results)
        return self._found[name]

    def label(self, name: CellName) -> str:
        """The method, with the column where the table has several."""
        column = self._column(name)
        return f"{self._method(name)} ({column})" if column else self._method(name)

    def pair(self, first: CellName, second: CellName) -> str:
        """ "first − second", saying once what both share."""
        methods, columns = (self._method(first), self._method(second)), (self._column(first), self._column(second))
        if methods[0] == methods[1] and all(columns) and columns[0] != columns[1]:
            return f"{methods[0]}, {columns[0]} − {columns[1]}"
        if columns[0] == columns[1] and columns[0]:
            return f"{methods[0]} − {methods[1]}, {columns[0]}"
        return f"{self.label(first)} − {self.label(second)}"

    def _method(self, name: CellName) -> str:
        return self.tables.table(name[0]).row(name[1]).method

    def _column(self, name: CellName) -> str:
        table = self.tables.table(name[0])
        return table.all_columns[name[2]].label if len(table.columns) > 1 else ""

    def problem(self, name: CellName) -> str | None:
        """Why this cell has no number to compare; None if it has."""
        found = self[name]
        if name[0] not in self.scale.tables:
            return f"{LEFT_OUT}{heading(name[0])}"
        if found.state in ("cited", "empty"):
            return None if self.scale.comparable else _NOT_COMPARABLE
        if found.state == NO_VALUE:
            return f"no value: {found.name}"
        if found.ours is None:
            return f"{NOT_RUN}{found.run} ({found.protocol})"
        return None if found.comparable else "needs the test server's score"

    def value(self, name: CellName) -> float:
        """The number that counts: ours, or the paper's in a cited cell."""
        found = self[name]
        return found.ours if found.run else found.paper

    def variance(self, name: CellName) -> float:
        """The squared standard error over seeds; 0 for cited numbers and single seeds."""
        found = self[name]
        return found.score.variance_of_mean if found.score and found.server is None else 0.0

    def interval(self, names: list[CellName], signs: tuple[int, ...], less: float = 0.0) -> Interval | None:
        """The interval of a signed sum of cells, `less` a constant; None where a run of ours has no counts.

        A cited number, and a test server's, is taken as exact.
        """
        drawn = self.samples(names)
        if drawn is None:
            return None
        return interval(np.array(signs) @ drawn - less, self.scale.measures.level)

    def samples(self, names: list[CellName]) -> np.ndarray | None:
        """The cells for each resampled set of the same images: (cells, resamples); None where they have none.

        A cited number, and a test server's, is the same in each; of such numbers alone there is nothing to resample.
        """
        rows, images = [], set()
        for name in names:
            found = self[name]
            if not found.run or found.server is not None:
                rows.append(np.full(self.scale.measures.resamples, self.value(name)))
                continue
            column = self.tables.table(name[0]).all_columns[name[2]]
            samples = self.results.samples(found.run, found.protocol, column.metric, column.class_name)
            if samples is None:
                return None
            rows.append(samples.values)
            images.add(samples.images)
        # Sets of other images are not resampled alike.
        return np.array(rows) if len(images) == 1 else None

    def term(self, name: CellName) -> Term:
        """The cell as a term."""
        found = self[name]
        ours = found.ours if found.comparable and self.problem(name) is None else None
        return Term(self.label(name), ours, found.paper, found.name, found.run, found.protocol)

    def noise(self, names: list[CellName]) -> float:
        """The scale's noise, or two standard errors of a sum over `names` if that is more."""
        return max(self.scale.noise, 2 * math.sqrt(sum(self.variance(name) for name in names)))


def judge(margin: float, noise: float, interval: Interval | None = None) -> Verdict:
    """held above the noise, not held below its negative, within noise between or if the `interval` holds 0."""
    # A difference of decimal fractions, such as 72.5 - 71.5, may miss the noise by a rounding error.
    if noise - abs(margin) > 1e-9 or (interval and interval[0] <= 0 <= interval[1]):
        return WITHIN_NOISE
    return HELD if margin > 0 else NOT_HELD


def combine(verdicts: list[Verdict]) -> Verdict:
    """The verdict of a statement that asks for all of its steps: one that fails decides."""
    for verdict in (NOT_HELD, NOT_MEASURED, WITHIN_NOISE):
        if verdict in verdicts:
            return verdict
    return HELD


def cell_steps(claim: Claim, cells: Cells) -> list[Step]:
    """The steps of a claim over cells; they name their table where the claim spans several."""
    groups = claim.groups(cells.tables)
    several = len({group[0][0] for group in groups}) > 1
    steps = []
    for group in groups:
        for step in _group_steps(claim.check, group, cells):
            label = f"{heading(group[0][0])}: {step.label}" if several else step.label
            steps.append(dataclasses.replace(step, label=label))
    return steps


def _group_steps(check: str, group: list[CellName], cells: Cells) -> list[Step]:
    if check == "monotone":
        return [_step([later, earlier], (1, -1), cells) for earlier, later in itertools.pairwise(group)]
    if check == "best":
        return [_best(group, cells)]
    if check == "reached":
        return [_reached(group[0], cells)]
    if check == "equal":
        return [_step(group, (1, -1), cells, _judge_equal)]
    return [_step(group, (1, -1, -1, 1)[: len(group)], cells)]


def count_best(claim: Claim, cells: Cells) -> Step:
    """In how many classes `claim.row` is best or level, against the number the paper's cells give."""
    table_name, _, key = claim.row.partition(".")
    table = cells.tables.table(table_name)
    rivals = {
        column: [(table_name, row.key, column) for row in table.rows if not row.ours and row.per_class]
        for column in table.per_class or []
    }
    own = {column: (table_name, key, column) for column in rivals}
    label = f"classes, of {len(rivals)}, in which {table.row(key).method} is best or level"
    used = [*own.values(), *itertools.chain.from_iterable(rivals.values())]
    reason = _first_problem(used, cells)
    paper = float(sum(cells[own[c]].paper >= max(cells[n].paper for n in rivals[c]) for c in rivals))
    if reason:
        return Step(label, [], NOT_MEASURED, paper=paper, reason=reason)

    def counted(allowance: float) -> int:
        return sum(cells.value(own[c]) + allowance >= max(map(cells.value, rivals[c])) for c in rivals)

    noise, between = cells.noise([]), _count_interval(own, rivals, cells)
    low, high = between or (claim.count, claim.count - 1)  # without an interval the noise alone decides
    certain, possible = counted(-noise) >= claim.count <= low, counted(noise) < claim.count > high
    verdict = HELD if certain else NOT_HELD if possible else WITHIN_NOISE
    terms = [cells.term(name) for name in own.values()]
    return Step(label, terms, verdict, float(counted(0.0)), paper, noise, between)


def _count_interval(own: dict[str, CellName], rivals: dict[str, list[CellName]], cells: Cells) -> Interval | None:
    """The interval of the number of columns in which the cell of `own` is at least as high as all `rivals`."""
    drawn = [cells.samples([own[column], *rivals[column]]) for column in rivals]
    if any(one is None for one in drawn):
        return None
    best = [one[0] >= one[1:].max(axis=0) for one in drawn]
    return interval(np.sum(best, axis=0, dtype=np.float64), cells.scale.measures.level)


def _step(
    names: list[CellName],
    signs: tuple[int, ...],
    cells: Cells,
    decide: Callable[[float, float, Interval | None], Verdict] = judge,
) -> Step:
    """The signed sum of `names`."""
    label = cells.pair(*names) if len(names) == 2 else f"({cells.pair(*names[:2])}) − ({cells.pair(*names[2:])})"
    terms = [cells.term(name) for name in names]
    pairs = list(zip(signs, names, strict=True))
    paper = _sum([(sign, cells[name].paper) for sign, name in pairs])
    reason = _first_problem(names, cells)
    if reason:
        return Step(label, terms, NOT_MEASURED, paper=paper, reason=reason)
    ours, noise = _sum([(sign, cells.value(name)) for sign, name in pairs]), cells.noise(names)
    between = cells.interval(names, signs)
    return Step(label, terms, decide(ours, noise, between), ours, paper, noise, between)


def _best(group: list[CellName], cells: Cells) -> Step:
    """The first of `group` against the best of the others, which need not be the paper's runner-up."""
    first, others = group[0], group[1:]
    printed = [name for name in others if cells[name].paper is not None]
    paper_second = max(printed, key=lambda name: cells[name].paper, default=None)
    paper = None
    if paper_second and cells[first].paper is not None:
        paper = cells[first].paper - cells[paper_second].paper
    reason = _first_problem(group, cells)
    if reason:
        label = f"{cells.label(first)} − the best other"
        return Step(label, [cells.term(name) for name in group], NOT_MEASURED, paper=paper, reason=reason)
    step = _step([first, max(others, key=cells.value)], (1, -1), cells)
    return dataclasses.replace(step, paper=paper, terms=[cells.term(name) for name in group])


def _reached(name: CellName, cells: Cells) -> Step:
    label = f"{cells.label(name)} − the paper's"
    reason = _first_problem([name], cells) if cells.scale.comparable else _NOT_COMPARABLE
    if reason:
        return Step(label, [cells.term(name)], NOT_MEASURED, paper=0.0, reason=reason)
    margin, noise = cells[name].difference, cells.noise([name])
    between = cells.interval([name], (1,), less=cells[name].paper)
    verdict = NOT_HELD if judge(margin, noise, between) == NOT_HELD else HELD
    return Step(label, [cells.term(name)], verdict, margin, 0.0, noise, between)


def _judge_equal(margin: float, noise: float, interval: Interval | None) -> Verdict:
    return HELD if margin == 0 or judge(margin, noise, interval) == WITHIN_NOISE else NOT_HELD


def _first_problem(names: list[CellName], cells: Cells) -> str | None:
    """Why `names` cannot be compared: what no training would mend first, then every run that is missing."""
    problems = list(dict.fromkeys(problem for name in names if (problem := cells.problem(name))))
    lasting = [problem for problem in problems if not problem.startswith(NOT_RUN)]
    if lasting:
        return _NOT_COMPARABLE if _NOT_COMPARABLE in lasting else lasting[0]
    return NOT_RUN + ", ".join(problem.removeprefix(NOT_RUN) for problem in problems) if problems else None


def _sum(parts: list[tuple[int, float | None]]) -> float | None:
    if any(value is None for _, value in parts):
        return None
    return sum(sign * value for sign, value in parts)
