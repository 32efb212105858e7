"""Tables of words: columns as wide as what stands in them, numbers to the right."""

from collections.abc import Sequence

GAP = "  "


def table(rows: Sequence[Sequence[str]], heading: Sequence[str] = ()) -> list[str]:
    """Lines of a table; a column of numbers is aligned to the right."""
    everything = [heading, *rows] if heading else list(rows)
    columns = list(zip(*everything, strict=True)) if everything else []
    widths = [max(map(len, column)) for column in columns]
    right = [all(_is_number(row[at]) for row in rows) for at in range(len(columns))]
    return [_line(row, widths, right) for row in everything]


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = (
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(row, widths, right, strict=True)
    )
    return GAP.join(cells).rstrip()


def _is_number(text: str) -> bool:
    return text.replace(",", "").isdecimal()
