"""One table as CSV, Markdown and LaTeX."""

from pathlib import Path

from acnet.files import write_text
from acnet.report.cells import Cell, Cells, table_cells
from acnet.report.grid import Field, Grid, grid, interval_note, measured_on
from acnet.report.report import Report
from acnet.report.scale import ScaleInfo
from acnet.report.text import DASH, MINUS, csv_text, heading, plain

_ESCAPES = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\^{}"}
_ESCAPES |= {character: "\\" + character for character in "&%#_${}"}
_ESCAPES |= {"α": r"$\alpha$", "β": r"$\beta$", "δ": r"$\delta$", "±": r"$\pm$", MINUS: "$-$", DASH: "--"}


def write_table(name: str, report: Report) -> list[Path]:
    """Write tables/{name}.csv, .md and .tex; return the paths.

    Numbers are in percent. Cells of a run that is not at hand say "not run". Raises AcnetError for a table that
    the scale does not have and for a metrics file in the wrong place.
    """
    report.scale.require(name)
    cells, paths = table_cells(name, report.tables.table(name), report.results), []
    for suffix, text in table_texts(grid(name, cells, report), cells, report).items():
        paths.append(report.folder / "tables" / f"{name}.{suffix}")
        write_text(paths[-1], text)
    return paths


def table_texts(table: Grid, cells: Cells, report: Report) -> dict[str, str]:
    """A table in each of its forms: csv, md and tex."""
    # A line for each cell that has a number of either side or should have.
    shown = [cell for cell in cells.values() if cell.table == table.name and cell.state != "empty"]
    lines = csv_text([_csv_line(cell, report) for cell in shown])
    return {"csv": lines, "md": _markdown(table, report.scale), "tex": _latex(table, report.scale)}


def _csv_line(cell: Cell, report: Report) -> dict[str, str | int | None]:
    table, scale = report.tables.table(cell.table), report.scale
    row, size = table.row(cell.row), report.size(cell.run) if cell.run else None
    shown = cell.server is None  # a server's score has neither seeds nor spread
    return {
        "row": row.key,
        "method": row.method,
        "backbone": row.backbone or table.backbone,
        "ref": row.ref,
        "column": cell.column,
        "metric": cell.metric,
        "state": cell.state,
        "ours": plain(cell.ours),
        "low": plain(cell.low),
        "high": plain(cell.high),
        "std": plain(cell.std),
        "values": ";".join(map(plain, cell.values)) if shown else "",
        "seeds": ";".join(map(str, cell.seeds)) if shown else "",
        "paper": plain(cell.paper),
        "difference": plain(cell.difference if scale.comparable else None),
        "run": cell.run,
        "protocol": cell.protocol,
        "params": ";".join(f"{scale.name}/{cell.run}/seed{seed}/params.yaml" for seed in cell.seeds),
        "beside_protocol": cell.beside_protocol,
        "beside": plain(cell.beside),
        "measured_on": measured_on(cell),
        "fine_tuned": cell.fine_tuned,
        "validation": plain(cell.mean if cell.fine_tuned else None),
        "parameters": size and size.parameters,
        "flops": size and size.flops,
    }


def _markdown(table: Grid, scale: ScaleInfo) -> str:
    """Title, table, notes and the scale's banner."""
    heads, rule = list(table.heads), ["---"] * table.lead + ["---:"] * (len(table.heads) - table.lead)
    place = table.lead
    for label, span in table.groups:
        heads[place] = f"{label}, {heads[place]}"
        place += span
    lines = [heads, rule, *([_markdown_field(field) for field in line.fields] for line in table.lines)]
    notes = [f"- {note}" for note in _number_notes(table, scale)]
    notes += [f"- {row.method}: {text}." for row, text in table.notes]
    parts = [
        f"### {heading(table.name)}. {table.title}",
        table.about,
        "\n".join("| " + " | ".join(field.replace("|", "\\|") for field in line) + " |" for line in lines),
        "\n".join(notes),
        f"_{scale.title}: {scale.banner.strip()}_",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _number_notes(table: Grid, scale: ScaleInfo) -> list[str]:
    brackets = f"In brackets: {interval_note(scale, table.runs)}."
    notes = {"spread": "After ±: standard deviation over seeds.", "interval": brackets}
    return [note for part, note in notes.items() if table.shows(part)]


def _markdown_field(field: Field) -> str:
    text = f"**{field.text}**" if field.kind == "ours" and field.text else field.text
    text = f"{text} ± {field.spread}" if field.spread else text
    return f"{text} ({field.interval})" if field.interval else text


def _latex(table: Grid, scale: ScaleInfo) -> str:
    """A complete table environment with caption, label and notes; it needs the packages booktabs and graphicx."""
    caption = f"{heading(table.name)} of ACNet: {table.title}. {table.about} {scale.title}: {scale.banner.strip()}"
    caption = " ".join([caption, *_number_notes(table, scale)])
    if table.notes:
        caption += f" Notes: {'; '.join(f'{row.method}: {text}' for row, text in table.notes)}."
    lines = [
        "% packages: booktabs, graphicx",
        r"\begin{table}",
        r"\centering\small",
        *_tabular(table),
        rf"\caption{{{_escape(caption)}}}",
        rf"\label{{tab:acnet-{scale.name}-{table.name}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _tabular(table: Grid) -> list[str]:
    heads = [_escape(head) for head in table.heads]
    if table.wide:
        heads = heads[: table.lead] + [rf"\rotatebox{{90}}{{{head}}}" for head in heads[table.lead :]]
    columns = "l" * table.lead + "r" * (len(heads) - table.lead)
    lines = [r"\resizebox{\linewidth}{!}{%"] * table.wide + [rf"\begin{{tabular}}{{{columns}}}", r"\toprule"]
    if table.groups:
        top, rules, place = [""] * table.lead, "", table.lead + 1
        for label, span in table.groups:
            top.append(rf"\multicolumn{{{span}}}{{c}}{{{_escape(label)}}}")
            rules += rf"\cmidrule(lr){{{place}-{place + span - 1}}}"
            place += span
        lines += [_latex_line(top), rules]
    lines += [_latex_line(heads), r"\midrule"]
    for line in table.lines:
        lines += [r"\midrule"] * line.rule + [_latex_line([_latex_field(field) for field in line.fields])]
    return [*lines, r"\bottomrule", r"\end{tabular}" + "}" * table.wide]


def _latex_field(field: Field) -> str:
    text = _escape(field.text)
    if field.kind == "missing":
        return rf"\emph{{{text}}}"
    if field.kind == "ours" and text:
        text = rf"\textbf{{{text}}}"
    text = f"{text}{_escape(f' ± {field.spread}')}" if field.spread else text
    return rf"{text} {{\scriptsize ({_escape(field.interval)})}}" if field.interval else text


def _latex_line(fields: list[str]) -> str:
    return " & ".join(fields) + r" \\"


def _escape(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)
