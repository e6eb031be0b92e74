"""Tables of reStructuredText as Markdown tables.

In: the lines of a table drawn with `+---+` (grid) or `===  ===` (simple). Out: rows of cells, or None
where cells span several columns: such a table is kept as it is drawn.
"""

import re
from collections.abc import Callable, Sequence

_GRID_LINE = re.compile(r"\+(?:[-=]+\+)+\Z")
_SIMPLE_LINE = re.compile(r"=+(?: +=+)+\Z|={3,}\Z")

Rows = list[list[str]]


def is_grid_line(line: str) -> bool:
    """Whether a grid table begins with this line."""
    return line.startswith("+-") and bool(_GRID_LINE.match(line.strip()))


def is_simple_line(line: str) -> bool:
    """Whether a simple table of at least two columns begins with this line."""
    return line.startswith("=") and " " in line.strip() and bool(_SIMPLE_LINE.match(line.strip()))


def markdown_table(rows: Rows, header: bool, inline: Callable[[str], str]) -> list[str]:
    """Rows as lines of Markdown; the first stands above the line whether or not it is a header."""
    width = max(map(len, rows))
    shown = [
        "| " + " | ".join(_cell(c, inline) for c in [*row, *[""] * (width - len(row))]) + " |" for row in rows
    ]
    return [shown[0], "|" + " --- |" * width, *shown[1:]]


def _cell(text: str, inline: Callable[[str], str]) -> str:
    return inline(" ".join(text.split())).replace("|", "\\|")


def grid_rows(lines: Sequence[str]) -> Rows | None:
    """The rows of a grid table; all its lines must be drawn between the same columns."""
    edges = [i for i, c in enumerate(lines[0].strip()) if c == "+"]
    rows: Rows = []
    cells: list[list[str]] = [[] for _ in edges[1:]]
    for line in (line.strip() for line in lines[1:]):
        if [i for i, c in enumerate(line) if c == "+" and _GRID_LINE.match(line)] == edges:
            rows.append([" ".join(cell) for cell in cells])
            cells = [[] for _ in edges[1:]]
        elif len(line) == edges[-1] + 1 and all(line[i] == "|" for i in edges):
            for cell, a, b in zip(cells, edges, edges[1:], strict=False):
                cell.append(line[a + 1 : b].strip())
        else:
            return None
    return rows


def simple_rows(lines: Sequence[str]) -> tuple[Rows, bool] | None:
    """The rows of a simple table, from its first border to its last, and whether the first is a header."""
    columns = [m.span() for m in re.finditer("=+", lines[0])]
    rows: Rows = []
    header = False
    for line in lines[1:-1]:
        if is_simple_line(line) or line.startswith("=="):
            header = bool(rows)
        elif set(line) <= set("- "):
            continue
        elif (cells := _split(line, columns)) is None:
            return None
        elif cells[0] or not rows:
            rows.append(cells)
        else:
            # A line without a first cell carries the row above on.
            rows[-1] = [f"{above} {cell}" for above, cell in zip(rows[-1], cells, strict=True)]
    return (rows, header) if rows else None


def _split(line: str, columns: Sequence[tuple[int, int]]) -> list[str] | None:
    """The cells of a line; text between two columns belongs to a cell that spans both."""
    cells = []
    for i, (start, end) in enumerate(columns):
        last = i + 1 == len(columns)
        cells.append(line[start:] if last else line[start:end])
        if not last and line[end : columns[i + 1][0]].strip():
            return None
    return [cell.strip() for cell in cells]
