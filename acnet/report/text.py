"""Numbers and names as the report prints them: each number is rounded here, once, from its full value."""

import csv
import io
import re
from collections.abc import Mapping, Sequence

MINUS = "\u2212"
DASH = "\u2013"


def number(value: float | None, digits: int = 2) -> str:
    """`value` with `digits` decimals and a true minus sign, none before zero; a dash for None."""
    return DASH if value is None else f"{value:z.{digits}f}".replace("-", MINUS)


def plain(value: float | None) -> str:
    """`value` for a CSV file, with so many decimals that rounding it gives what `number` prints; nothing for None."""
    return "" if value is None else str(round(value, 6))


def csv_text(rows: Sequence[Mapping[str, object]], columns: Sequence[str] | None = None) -> str:
    """CSV of `rows` with a header of `columns`, by default the keys of the first row; what a row lacks is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns or list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def signed(value: float | None, digits: int = 2) -> str:
    """`value` with its sign; zero has none; a dash for None."""
    if value is None:
        return DASH
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)


def span(interval: tuple[float, float]) -> str:
    """ "51.2–57.9" for an interval; "to" between its ends where one is negative."""
    low, high = (number(value, 1) for value in interval)
    return f"{low} to {high}" if min(interval) < 0 else f"{low}{DASH}{high}"


def heading(name: str) -> str:
    """ "Table 4" for table4, "Figure 1" for figure1, "Controls" for controls."""
    name = re.sub(r"^(table|figure)(?=\d)", r"\1 ", name)
    return name[:1].upper() + name[1:]


def backbone(name: str) -> str:
    """ "ResNet-18" for resnet18."""
    return name.replace("resnet", "ResNet-")
