"""What single lines of reStructuredText are: titles, items of lists, fields, and how far a block goes."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1*\Z")
ITEM = re.compile(r"([-*+•]|(?:\d{1,4}|[a-zA-Z]|[ivxIVX]{2,6}|#)[.)]|\((?:\d{1,4}|[a-zA-Z]|#)\))( +|\Z)")
FIELD = re.compile(r":((?:[^:\\]|\\.|:(?!\s|`|\Z)){1,100}):(?: +|\Z)")
DIRECTIVE = re.compile(r"\.\. (?:\|([^|]{1,60})\| )?((?:[\w+.-]{1,40}:)?[\w+-]{1,40})::(?: +(.*))?\Z")
OPTION = re.compile(
    r"(?:--?|/)[A-Za-z?][\w-]{0,40}(?:[ =][<\w.>-]{1,40})?"
    r"(?:, (?:--?|/)[\w-]{1,40}(?:[ =][<\w.>-]{1,40})?){0,5}(?:  +|\Z)"
)
MIN_ADORNMENT = 3


class Title(NamedTuple):
    """A section title; `style` tells levels apart, `lines` is how many it takes."""

    text: str
    style: str
    lines: int


def indent_of(line: str) -> int:
    """The number of spaces a line begins with."""
    return len(line) - len(line.lstrip(" "))


def adornment(line: str) -> str:
    """The sign that a line repeats and consists of, if it does."""
    return line[0] if line and not line[0].isalnum() and _ADORNMENT.match(line) else ""


def title_at(lines: Sequence[str], i: int) -> Title | None:
    """The title that begins at a line: underlined, or between two lines."""
    line = lines[i]
    below = lines[i + 1] if i + 1 < len(lines) else ""
    sign = adornment(line)
    if sign and below.strip() and not adornment(below):
        under = lines[i + 2] if i + 2 < len(lines) else ""
        if len(line) >= MIN_ADORNMENT and under == line:
            return Title(below.strip(), f"over {sign}", 3)
        return None
    if not line or line[0] == " " or sign or not (sign := adornment(below)):
        return None
    if len(below) >= min(len(line), MIN_ADORNMENT + 1) and len(below) >= MIN_ADORNMENT:
        return Title(line.strip(), sign, 2)
    return None


def block_end(lines: Sequence[str], start: int, indent: int) -> int:
    """The end of the lines from `start` on that are indented by more than `indent`, or blank between such."""
    end = i = start
    while i < len(lines):
        if lines[i]:
            if indent_of(lines[i]) <= indent:
                break
            end = i + 1
        i += 1
    return end


def paragraph_end(lines: Sequence[str], start: int) -> int:
    """The end of the lines up to the next blank one."""
    end = start
    while end < len(lines) and lines[end]:
        end += 1
    return end


def dedented(lines: Sequence[str]) -> list[str]:
    """Lines without the indentation they share, and without blank lines at either end."""
    filled = [i for i, line in enumerate(lines) if line]
    if not filled:
        return []
    cut = min(indent_of(lines[i]) for i in filled)
    return [line[cut:] for line in lines[filled[0] : filled[-1] + 1]]
