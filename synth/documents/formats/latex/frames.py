"""What is open while LaTeX is read, and how it is written when it ends.

In: the output that came since something was opened. Out: what stands in its place: items behind their
marks, tables as Markdown, arguments between their signs.
"""

import re
from dataclasses import dataclass

# Stand for the borders of cells and rows until their table ends.
CELL, ROW = "\ue0f2", "\ue0f3"
# Wider ones are no tables but layout.
MAX_CELLS = 50
_LINES = re.compile(r"\n{3,}")
_EDGE = re.compile(r"\n (?=\S)")


@dataclass(slots=True)
class Frame:
    """Something open: `at` is where its output begins, `close` the brace that ends it.

    Kinds: `group`, `wrap` (between `before` and `after`), `list`, `item`, `table`, `env`.
    """

    kind: str
    at: int
    name: str = ""
    close: int = -1
    before: str = ""
    after: str = ""
    count: int = 0


def tidied(text: str) -> str:
    """Without blanks at the ends of lines and more than one blank line; code keeps its indentation."""
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    return _EDGE.sub("\n", _LINES.sub("\n\n", text))


def ended(frame: Frame, inner: str) -> str:
    """What stands where a frame ended."""
    if frame.kind == "wrap":
        return _wrapped(frame, inner)
    if frame.kind == "item":
        return _item(frame.before, tidied(inner).strip())
    if frame.kind == "list":
        return f"\n{inner}\n" if frame.before else f"\n\n{inner}\n\n"
    if frame.kind == "table":
        return _table(inner)
    return f"{frame.before}{inner}{frame.after}"


def _wrapped(frame: Frame, inner: str) -> str:
    """An argument between signs, which touch it; what goes over several lines stays bare."""
    said = " ".join(inner.split())
    if not said:
        return ""
    if frame.before in ("*", "**", "`") and (
        "\n\n" in inner.strip() or "$$" in inner or frame.before[0] in said
    ):
        return inner
    if frame.before == "`" and "$" in said:
        return inner
    left = " " if inner[0].isspace() and frame.before[0] in "*`" else ""
    right = " " if inner[-1].isspace() and frame.before[0] in "*`" else ""
    return f"{left}{frame.before}{said if '$$' not in inner else inner.strip()}{frame.after}{right}"


def _item(mark: str, inner: str) -> str:
    room = " " * (len(mark.split(" ", 1)[0]) + 1)
    first, *others = inner.split("\n")
    lines = [f"{mark} {first}".rstrip(), *(f"{room}{line}" if line else "" for line in others)]
    return "\n" + "\n".join(lines)


def _table(inner: str) -> str:
    """Rows of cells; what has one column only is no table."""
    rows = [[" ".join(cell.split()) for cell in row.split(CELL)] for row in inner.split(ROW)]
    rows = [row for row in rows if any(row)]
    width = max(map(len, rows), default=0)
    if not 1 < width <= MAX_CELLS:
        return "\n\n" + "\n\n".join("; ".join(filter(None, row)) for row in rows) + "\n\n"
    shown = ["| " + " | ".join(map(_escaped, [*row, *[""] * (width - len(row))])) + " |" for row in rows]
    return "\n\n" + "\n".join([shown[0], "|" + " --- |" * width, *shown[1:]]) + "\n\n"


def _escaped(cell: str) -> str:
    """In formulas a bar has a name; elsewhere it is escaped."""
    if "|" not in cell:
        return cell
    parts = cell.split("$")
    return "$".join(
        p.replace("\\|", "\\Vert ").replace("|", "\\vert ") if i % 2 else p.replace("|", "\\|")
        for i, p in enumerate(parts)
    )
