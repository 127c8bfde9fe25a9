"""A table as Markdown."""

from acnet.params.tables import Table
from acnet.report.grid import Field, Grid, Rows, grid
from acnet.report.labels import about, interval_note, notes
from acnet.report.scale import ScaleInfo
from acnet.report.text import heading


def markdown(name: str, table: Table, rows: Rows, scale: ScaleInfo) -> str:
    """Title, table, notes and the scale's banner."""
    drawn = grid(table, rows, scale)
    parts = [f"### {heading(name)}. {table.title}", about(table, scale), "\n".join(_lines(drawn))]
    footnotes = [f"- {table.row(key).method}: {text}." for key, text in notes(table, rows)]
    if drawn.intervals:
        footnotes.insert(0, f"- In brackets: {interval_note(scale.measures)}.")
    if footnotes:
        parts.append("\n".join(footnotes))
    parts.append(f"_{scale.title}: {scale.banner.strip()}_")
    return "\n\n".join(parts) + "\n"


def _lines(table: Grid) -> list[str]:
    heads = list(table.heads)
    position = table.lead
    for label, span in table.groups:
        heads[position] = f"{label}, {heads[position]}"
        position += span
    rule = ["---"] * table.lead + ["---:"] * (len(heads) - table.lead)
    return [_line(heads), _line(rule), *(_line([_text(field) for field in line.fields]) for line in table.lines)]


def _text(field: Field) -> str:
    text = f"**{field.text}**" if field.kind == "ours" and field.text else field.text
    text = f"{text} ± {field.spread}" if field.spread else text
    return f"{text} ({field.interval})" if field.interval else text


def _line(fields: list[str]) -> str:
    return "| " + " | ".join(field.replace("|", "\\|") for field in fields) + " |"
