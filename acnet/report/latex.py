"""A table as LaTeX, ready to be input; it needs the packages booktabs and graphicx."""

from acnet.params.tables import Table
from acnet.report.grid import Field, Grid, Rows, grid
from acnet.report.labels import about, interval_note, notes
from acnet.report.scale import ScaleInfo
from acnet.report.text import DASH, MINUS, heading

_ESCAPES = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\^{}"}
_ESCAPES |= {character: "\\" + character for character in "&%#_${}"}
_ESCAPES |= {"α": r"$\alpha$", "β": r"$\beta$", "δ": r"$\delta$", "±": r"$\pm$", MINUS: "$-$", DASH: "--"}


def escape(text: str) -> str:
    """Plain text as LaTeX."""
    return "".join(_ESCAPES.get(character, character) for character in text)


def latex(name: str, table: Table, rows: Rows, scale: ScaleInfo) -> str:
    """A complete table environment with caption, label and notes."""
    footnotes = "; ".join(f"{table.row(key).method}: {text}" for key, text in notes(table, rows))
    caption = f"{heading(name)} of ACNet: {table.title}. {about(table, scale)} {scale.title}: {scale.banner.strip()}"
    drawn = grid(table, rows, scale)
    if drawn.intervals:
        caption += f" In brackets: {interval_note(scale.measures)}."
    if footnotes:
        caption += f" Notes: {footnotes}."
    lines = [
        "% packages: booktabs, graphicx",
        r"\begin{table}",
        r"\centering\small",
        *_tabular(drawn),
        rf"\caption{{{escape(caption)}}}",
        rf"\label{{tab:acnet-{scale.name}-{name}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _tabular(table: Grid) -> list[str]:
    heads = [escape(head) for head in table.heads]
    if table.wide:
        heads = heads[: table.lead] + [rf"\rotatebox{{90}}{{{head}}}" for head in heads[table.lead :]]
    columns = "l" * table.lead + "r" * (len(heads) - table.lead)
    lines = [r"\resizebox{\linewidth}{!}{%"] * table.wide + [rf"\begin{{tabular}}{{{columns}}}", r"\toprule"]
    if table.groups:
        lines += _groups(table)
    lines += [_line(heads), r"\midrule"]
    for line in table.lines:
        lines += [r"\midrule"] * line.rule + [_line([_text(field) for field in line.fields])]
    return [*lines, r"\bottomrule", r"\end{tabular}" + "}" * table.wide]


def _groups(table: Grid) -> list[str]:
    top, rules, position = [""] * table.lead, "", table.lead + 1
    for label, span in table.groups:
        top.append(rf"\multicolumn{{{span}}}{{c}}{{{escape(label)}}}")
        rules += rf"\cmidrule(lr){{{position}-{position + span - 1}}}"
        position += span
    return [_line(top), rules]


def _text(field: Field) -> str:
    text = escape(field.text)
    if field.kind == "missing":
        return rf"\emph{{{text}}}"
    if field.kind == "ours" and text:
        text = rf"\textbf{{{text}}}"
    text = f"{text}{escape(f' ± {field.spread}')}" if field.spread else text
    return rf"{text} {{\scriptsize ({escape(field.interval)})}}" if field.interval else text


def _line(fields: list[str]) -> str:
    return " & ".join(fields) + r" \\"
