"""What a person sees: two consoles, tables, and text of sources and models made harmless.

Nothing is read as markup. Escape sequences, control characters and marks that turn the direction of writing
are taken out of every text: neither a document nor a model may steer the reader's terminal.
"""

import re
import shlex
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

NAME = "synth"
# What begins each line beside the result, where processes share a terminal.
_heads: list[Callable[[], str]] = []

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~])", re.DOTALL)
# As a table writes one, with its sign, a percent sign, or nothing at all.
_NUMBER = re.compile(r"(?:[+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]\d+)? ?%?)?")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Joiners of letters and emoji belong to the text; they hide and turn nothing.
_KEPT = "\n\t\u200c\u200d"
_UNSEEN = frozenset(("Cc", "Cf", "Cs"))


def plain(value: object) -> str:
    """Any text as it may be shown: no escape sequence, control character or mark of direction."""
    text = _LINE_ENDS.sub("\n", _ESCAPES.sub("", str(value)))
    return "".join(c for c in text if c in _KEPT or unicodedata.category(c) not in _UNSEEN)


def line(value: object, limit: int = 300) -> str:
    """A text on one line of at most `limit` characters."""
    text = " ".join(plain(value).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def say(*texts: object, style: str = "") -> None:
    """Print paragraphs; on a screen they are wrapped between words, in a pipe never."""
    from rich.text import Text

    from flows.console import out

    for text in texts or ("",):
        out.print(Text(plain(text), style), soft_wrap=not out.is_terminal)


def copy(*lines: object) -> None:
    """Print lines that are meant to be copied: indented, never wrapped, and with a `synth` that is found."""
    from rich.text import Text

    from flows.console import out

    for text in lines:
        shown = plain(text)
        called = f"{program()} {shown.removeprefix('synth ')}" if shown.startswith("synth ") else shown
        out.print(Text(f"  {called}", "bold"), soft_wrap=True)


def program() -> str:
    """How this program can be called again: by its name where that leads here, else as it was called."""
    here = Path(sys.argv[0])
    found = shutil.which(NAME)
    if here.name != NAME:  # it was called by its module, or stands in another program
        return NAME if found else f"{shlex.quote(sys.executable)} -m flows.cli"
    leads_here = found and Path(found).resolve() == here.resolve()
    return NAME if leads_here else shlex.quote(str(here))


def note(text: object) -> None:
    """Say something beside the result: on standard error."""
    _beside(text, "dim")


def begin_lines(head: Callable[[], str]) -> None:
    """From now on begin each line that is said beside the result with this."""
    _heads[:] = [head]


def complain(text: object) -> None:
    """Print the sentences of a fault, one on each line, on standard error."""
    _beside(text, "red")


def _beside(text: object, style: str) -> None:
    from rich.text import Text

    from flows.console import err

    head = plain("".join(one() for one in _heads))
    for sentence in plain(text).splitlines():
        err.print(Text(head + sentence, style), soft_wrap=True)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Print a table: numbers right, text left; only cells of the last column may be broken into lines.

    Numbers may be written out (`+0.0125`, `12.5%`). The title has a line of its own, as wide as the screen.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from flows.console import out

    if title:  # Rich would wrap it at the width of the columns
        say(title, style="bold")
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    cells = [list(row) for row in rows]
    for place, head in enumerate(heads):
        number = all(_is_number(row[place]) for row in cells) and any(row[place] != "" for row in cells)
        breaks = place == len(heads) - 1
        drawn.add_column(
            Text(head), justify="right" if number else "left", no_wrap=not breaks, overflow="fold"
        )
    for row in cells:
        drawn.add_row(*(Text(cell(value)) for value in row))
    out.print(drawn)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | None) or (
        isinstance(value, str) and bool(_NUMBER.fullmatch(value))
    )


def cell(value: object) -> str:
    """A value as it stands in a table: whole numbers with separators, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return plain(value)


def print_json(value: object) -> None:
    """Print for machines: ASCII only, so that no text can steer a terminal either."""
    import json

    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=True, default=str) + "\n")
    sys.stdout.flush()
