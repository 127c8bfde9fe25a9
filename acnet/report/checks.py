"""Differences between networks, one for each seed, and the rule by which they decide a claim."""

import dataclasses
import itertools
import statistics
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from acnet.evaluate.bootstrap import Interval
from acnet.params.claims import CellName, Claim
from acnet.params.tables import Source, Tables
from acnet.report.cells import NO_VALUE, Cells
from acnet.report.results import Results, Samples
from acnet.report.scale import ScaleInfo
from acnet.report.text import heading
from acnet.report.uncertainty import hierarchical_interval, p_above, seeds_needed, t_interval

Verdict = Literal["held", "contradicted", "equivalent", "undecided", "not judged (one seed)", "not measured"]
HELD, CONTRADICTED, EQUIVALENT, UNDECIDED, ONE_SEED, NOT_MEASURED = VERDICTS = Verdict.__args__
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


class Summand(NamedTuple):
    """A number by seed, in percent, with its bootstrap samples."""

    by_seed: dict[int, float]
    samples: Samples | None = None


@dataclasses.dataclass(frozen=True)
class Step:
    """One comparison: `ours` and `paper` are the margins, which must exceed `above`; `seeds` are ours, one by one.

    `interval` is the t interval of several seeds, `images` that of the hierarchical bootstrap over seeds, blocks of
    images and images; `needed` the number of seeds that an undecided step would take. A step without seeds, such as a
    property, comes with its verdict; the others get one from `judged`.
    """

    label: str
    terms: list[Term]
    verdict: Verdict | None = None
    ours: float | None = None
    paper: float | None = None
    seeds: tuple[float, ...] = ()
    above: float = 0.0
    interval: Interval | None = None
    images: Interval | None = None
    needed: int | None = None
    reason: str | None = None

    @property
    def open(self) -> bool:
        """Whether the seeds decide."""
        return self.verdict is None and len(self.seeds) > 1

    @property
    def p_above(self) -> float:
        """The one-sided p-value of "the margin is above `above`"; 1 without seeds."""
        return float(p_above(self.seeds, self.above)) if self.open else 1.0

    @property
    def p_below(self) -> float:
        """The one-sided p-value of "the margin is below `above`"; 1 without seeds."""
        return float(p_above(np.negative(self.seeds), -self.above)) if self.open else 1.0

    def judged(self, level: float, steps: int, scale: ScaleInfo) -> "Step":
        """This step, one of `steps` of a claim, with the verdict of a two-sided test at `level`."""
        if self.verdict is not None:
            return self
        if not self.open:
            return dataclasses.replace(self, verdict=ONE_SEED)
        if self.p_above <= level / 2:
            return dataclasses.replace(self, verdict=HELD)
        if steps * self.p_below <= level / 2:
            return dataclasses.replace(self, verdict=CONTRADICTED)
        low, high = t_interval(self.seeds, 1 - level)
        if not self.above and -scale.rule.margin < low and high < scale.rule.margin:
            return dataclasses.replace(self, verdict=EQUIVALENT)
        difference = abs(self.paper or scale.rule.margin)
        needed = seeds_needed(statistics.stdev(self.seeds), difference, level, scale.rule.power)
        return dataclasses.replace(self, verdict=UNDECIDED, needed=needed)


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

    def run_pair(self, first: str, second: str) -> str:
        """The pair of two runs' mIoU, of one table if it has both; their names if a run is in no table."""
        shown = [(name, cell.run) for name, cell in self.cells.items() if cell.metric == "miou"]
        cells = [[name for name, run in shown if run == one] for one in (first, second)]
        found = min(itertools.product(*cells), key=lambda pair: pair[0][0] != pair[1][0], default=None)
        return self.pair(*found) if found else f"{first} − {second}"

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

    def first_problem(self, names: Iterable[CellName]) -> str | None:
        """Why `names` cannot be compared: first what no training would change, then every run that is missing."""
        names = list(names)
        problems = list(dict.fromkeys(problem for name in names if (problem := self.problem(name))))
        cells = [self.cells[name] for name in names]
        if not problems and (other := self.other_settings((cell.run, cell.protocol) for cell in cells if cell.run)):
            return other
        lasting = [problem for problem in problems if not problem.startswith(NOT_RUN)]
        if lasting:
            return _NOT_COMPARABLE if _NOT_COMPARABLE in lasting else lasting[0]
        return NOT_RUN + ", ".join(problem.removeprefix(NOT_RUN) for problem in problems) if problems else None

    def other_settings(self, sources: Iterable[Source]) -> str | None:
        """Why the measurements of these (run, protocol) cannot be compared; None if they can."""
        other = self.results.other_settings(sources)
        return f"measured with different settings, evaluate again: {', '.join(other)}" if other else None

    def term(self, name: CellName) -> Term:
        """The cell as a term."""
        cell = self.cells[name]
        ours = None if self.problem(name) else cell.ours
        return Term(self.label(name), ours, cell.paper, cell.name, cell.run, cell.protocol)

    def summand(self, name: CellName) -> Summand:
        """Our cell as a summand; a test server's score is that of one seed."""
        cell = self.cells[name]
        if cell.server is not None:
            return Summand({self.scale.seeds[0]: cell.server})
        classes = self.tables.table(name[0]).all_columns[name[2]].classes
        samples = self.results.samples(cell.run, cell.protocol, cell.metric, classes)
        return Summand(dict(zip(cell.seeds, cell.values, strict=True)), samples)

    def step(
        self, label: str, terms: list[Term], summed: Sequence[tuple[int, Summand]], cited: float = 0.0, **more
    ) -> Step:
        """The sum of signed summands, seed by seed over those that all have, and of an exact number, `cited`.

        Those of `terms` that have a run are the summands in their order, and get the mean over these seeds. `more` are
        fields of Step.
        """
        seeds = sorted(set.intersection(*(set(one.by_seed) for _, one in summed)))
        if not seeds:
            return Step(label, terms, NOT_MEASURED, reason="its runs have no seed in common", **more)
        means = iter([statistics.fmean(one.by_seed[seed] for seed in seeds) for _, one in summed])
        terms = [dataclasses.replace(term, ours=next(means)) if term.run else term for term in terms]
        values = [cited + sum(sign * one.by_seed[seed] for sign, one in summed) for seed in seeds]
        images, samples = None, [one.samples for _, one in summed]
        # Runs that were scored on different images have no common resamples.
        if all(samples) and len({one.images for one in samples}) == 1:
            drawn = [cited + sum(sign * one.samples.values[seed] for sign, one in summed) for seed in seeds]
            images = hierarchical_interval(np.array(drawn), self.scale.measures)
        between = t_interval(values, self.scale.measures.level) if len(values) > 1 else None
        more = {"ours": statistics.fmean(values), "seeds": tuple(values), "interval": between, "images": images, **more}
        return Step(label, terms, **more)


def combine(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict of a statement whose steps must all hold: one that is contradicted decides."""
    for verdict in (CONTRADICTED, NOT_MEASURED, ONE_SEED):
        if verdict in verdicts:
            return verdict
    return verdicts[0] if len(set(verdicts)) == 1 else UNDECIDED


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
        return [_step([later, earlier], evidence) for earlier, later in itertools.pairwise(group)]
    if check == "best":
        return [_step([group[0], other], evidence) for other in _rivals(group[1:], evidence)]
    if check == "reached":
        return [_reached(group[0], evidence)]
    step = _step(group, evidence)
    if check == "equal" and step.verdict is None:
        return [dataclasses.replace(step, verdict=CONTRADICTED if any(step.seeds) else HELD)]
    return [step]


def _rivals(names: list[CellName], evidence: Evidence) -> list[CellName]:
    """All of our cells, and the best of the cited numbers, which are exact."""
    cited = [name for name in names if not evidence.cells[name].run]
    best = [max(cited, key=lambda name: evidence.cells[name].paper)] if cited else []
    return [name for name in names if evidence.cells[name].run] + best


def count_best(claim: Claim, evidence: Evidence) -> list[Step]:
    """In how many classes `claim.row` is best or tied for best, against the number the paper's cells give.

    `interval` is the number of classes whose t interval of the lead over the best cited method is at or above 0, and
    the number whose interval reaches 0; the classes' levels add up to one level for the count.
    """
    table_name, _, key = claim.row.partition(".")
    table, cells, level = evidence.tables.table(table_name), evidence.cells, evidence.scale.measures.level
    rivals = {
        column: [(table_name, row.key, column) for row in table.rows if not row.ours and row.per_class]
        for column in table.per_class or []
    }
    own = {column: (table_name, key, column) for column in rivals}
    label = f"classes, of {len(rivals)}, in which {table.row(key).method} is best or tied for best"
    best = {column: max(cells[name].paper for name in names) for column, names in rivals.items()}
    paper = float(sum(cells[own[column]].paper >= best[column] for column in rivals))
    reason = evidence.first_problem([*own.values(), *itertools.chain.from_iterable(rivals.values())])
    if reason:
        return [Step(label, [], NOT_MEASURED, paper=paper, reason=reason)]
    leads = [np.subtract(list(evidence.summand(own[column]).by_seed.values()), best[column]) for column in rivals]
    count, terms = float(sum(lead.mean() >= 0 for lead in leads)), [evidence.term(name) for name in own.values()]
    if any(len(lead) < 2 for lead in leads):
        return [Step(label, terms, ONE_SEED, count, paper)]
    ends = [t_interval(lead, 1 - (1 - level) / len(leads)) for lead in leads]
    sure, possible = sum(low >= 0 for low, _ in ends), sum(high >= 0 for _, high in ends)
    verdict = HELD if sure >= claim.count else CONTRADICTED if possible < claim.count else UNDECIDED
    return [Step(label, terms, verdict, count, paper, interval=(sure, possible))]


def _step(names: list[CellName], evidence: Evidence) -> Step:
    """The first cell minus the second; of four, minus the third minus the fourth."""
    signs = (1, -1, -1, 1)[: len(names)]
    pairs = [evidence.pair(*names[i : i + 2]) for i in range(0, len(names), 2)]
    label = pairs[0] if len(pairs) == 1 else " − ".join(f"({pair})" for pair in pairs)
    terms = [evidence.term(name) for name in names]
    printed = [evidence.cells[name].paper for name in names]
    paper = None if None in printed else sum(sign * value for sign, value in zip(signs, printed, strict=True))
    if reason := evidence.first_problem(names):
        return Step(label, terms, NOT_MEASURED, paper=paper, reason=reason)
    signed = [(sign, name, evidence.cells[name]) for sign, name in zip(signs, names, strict=True)]
    ours = [(sign, evidence.summand(name)) for sign, name, cell in signed if cell.run]
    cited = sum(sign * cell.paper for sign, _, cell in signed if not cell.run)
    return evidence.step(label, terms, ours, cited, paper=paper)


def _reached(name: CellName, evidence: Evidence) -> Step:
    label, terms = f"{evidence.label(name)} − the paper's", [evidence.term(name)]
    reason = evidence.first_problem([name]) if evidence.scale.comparable else _NOT_COMPARABLE
    if reason:
        return Step(label, terms, NOT_MEASURED, paper=0.0, reason=reason)
    ours, cited = [(1, evidence.summand(name))], -evidence.cells[name].paper
    return evidence.step(label, terms, ours, cited, paper=0.0, above=-evidence.scale.rule.margin)
