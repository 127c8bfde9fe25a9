"""The part of a report that may go into git: tables, claims, charts; images only where they are generated."""

import itertools
import re
import shutil
from pathlib import Path

from acnet.errors import AcnetError
from acnet.files import replacing, write_text
from acnet.report.figures import class_gains
from acnet.report.page import write_page
from acnet.report.report import Report
from acnet.report.scale import ScaleInfo
from acnet.report.text import heading, number

_MEASURED = re.compile(r"^\| ([\w-]+) \| (\d+) \| ([\w-]+) \| \d", re.MULTILINE)  # a line of _runs with a score


def publish(report: Report) -> list[Path]:
    """Copy the report to out_root/published/{scale}, with a README.md that names every run; return the paths.

    Figures that show images, and the page with them inside, are published for generated data only. What was published
    before is replaced. Raises AcnetError naming the first file that the report has not written yet; where no run is
    measured; and where the report published before has scores of runs that are not at hand here, which it would lose.
    """
    scale, source = report.scale, report.folder
    target = report.out_root / "published" / scale.name
    contents = _contents(report)
    names, page = list(itertools.chain.from_iterable(contents.values())), ["index.html"] * scale.generated
    for name in names + page:
        if not (source / name).exists():
            raise AcnetError(f"{source / name}: not found; make the report of scale {scale.name} first")
    listed = _runs(report)
    _refuse_loss(scale, listed, target / "README.md")
    for name in names:
        with replacing(target / name) as temporary:
            shutil.copyfile(source / name, temporary)
    for name in page:
        write_page(report, published=target / name)
    kept = "" if scale.generated else " Figures that show images of the dataset, and the page, stay local."
    claims, *others = contents
    parts = [
        f"# {scale.title}",
        scale.banner.strip(),
        f"Made by {_command(report)}.{kept}",
        "\n".join(f"- {line}" for line in [*["[The page](index.html)"] * scale.generated, *others, claims]),
        "## Runs",
        "Scores in percent; parameters by the digest of the run's params.yaml.",
        "\n".join(listed),
    ]
    write_text(target / "README.md", "\n\n".join(parts) + "\n")
    written = [target / name for name in [*names, *page, "README.md"]]
    for path in target.rglob("*"):  # last, so that a failure before loses nothing
        # The records are what `acnet report publish-runs` writes.
        if path.is_file() and path not in written and path.relative_to(target).parts[0] != "runs":
            path.unlink()
    return written


def _contents(report: Report) -> dict[str, list[str]]:
    """The files that are copied, by the line that the README has for them."""
    scale, tables = report.scale, report.tables

    def drawn(*names: str) -> list[str]:
        return [f"figures/{name}.{kind}" for name in names for kind in ("png", "pdf")]

    found = {"Claims: [all](claims.json), [the primary ones](figures/forest.png)": ["claims.json", *drawn("forest")]}
    for name in scale.tables:
        line = f"[{heading(name)}](tables/{name}.md): {tables.table(name).title}"
        found[line] = [f"tables/{name}.{kind}" for kind in ("csv", "md", "tex")]
    for name in scale.figures:
        figure = tables.figure(name)
        drawable = figure.kind != "class_gains" or class_gains(figure, report.results)
        if drawable and (scale.generated or not figure.examples):
            found[f"[{heading(name)}](figures/{name}.png): {figure.title}"] = drawn(name)
    for name in scale.tables:
        if tables.table(name).against:
            found[f"[Scores against FLOPs](figures/{name}_cost.png)"] = drawn(f"{name}_cost")
    if (report.folder / "gates.csv").exists():  # not every scale has them
        figures = "[one network](figures/gates.png), [every network](figures/gates_runs.png)"
        numbers = [*drawn("gates", "gates_runs"), "gates.csv"]
        found[f"Where the gates are large: {figures},\n  [all numbers](gates.csv)"] = numbers
    line = "[Training curves](figures/curves.png), [alpha and beta over training](figures/factors.png)"
    return {**found, line: drawn("curves", "factors")}


def _refuse_loss(scale: ScaleInfo, listed: list[str], published: Path) -> None:
    """AcnetError if no run among the lines of _runs has a score, or one of those `published` has is missing there."""
    here = set(_MEASURED.findall("\n".join(listed)))
    if not here:
        raise AcnetError(f"scale '{scale.name}': no run of it is measured here, so there is nothing to publish")
    there = _MEASURED.findall(published.read_text(encoding="utf-8")) if published.exists() else []
    if lost := list(dict.fromkeys(run for run, seed, protocol in there if (run, seed, protocol) not in here)):
        raise AcnetError(
            f"{published}: lists scores of runs that are not measured here: {', '.join(lost)}; "
            f"move {published.parent} away first to publish without them"
        )


def _command(report: Report) -> str:
    """What makes the runs at hand: everything, or the networks that were trained by their names."""
    scale = report.scale
    trained = [run for run in report.runs if any(report.results.provenance(run, seed) for seed in scale.seeds)]
    if trained == report.runs:
        return f"`make reproduce SCALE={scale.name}`"
    command = f"snakemake --cores all runs --config scale={scale.name} runs={','.join(trained)}"
    return f"`{command}`, with `seeds=` for those of each run in the table below"


def _runs(report: Report) -> list[str]:
    """The table of runs, line by line: each trained run by each protocol that it is measured with."""
    lines = [
        "| run | seed | protocol | mIoU | parameters | precision | commit | initial weights |",
        "| --- | --- | --- | ---: | --- | --- | --- | --- |",
    ]
    results = report.results
    for run, seed in itertools.product(report.runs, report.scale.seeds):
        if (provenance := results.provenance(run, seed)) is None:
            continue
        for protocol in results.protocols(run, seed) or [""]:
            miou = (results.metrics(run, protocol, seed) or {}).get("miou")
            score = number(None if miou is None else 100 * miou)
            lines.append(f"| {run} | {seed} | {protocol} | {score} | {_origin(provenance)} |")
    return lines


def _origin(provenance: dict) -> str:
    commit = (provenance.get("commit") or "unknown")[:10] + (" (dirty)" if provenance.get("dirty") else "")
    digest, weights = provenance.get("params_hash", "unknown"), provenance.get("initial_weights") or "none"
    return f"`{digest}` | {provenance.get('precision', 'unknown')} | {commit} | {weights}"
