r"""The structure of a text that decides where it may be cut: headings, and what stays whole.

In: Markdown or plain text. Out: headings (`#`, or underlined as in Markdown and reStructuredText),
and the spans of fenced code and display formulas.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

_FENCE = re.compile(r"[ \t]*(?:[-*+>][ \t]+)?(`{3,}|~{3,})([^\n`]*)$")
# A formula holds no blank line; so one stray `$$` cannot turn all others inside out. The bound keeps
# an unclosed environment from being searched for to the end of the text again and again.
_FORMULA = re.compile(
    r"\$\$(?:(?!\n[ \t]*\n).){1,20000}?\$\$"
    r"|\\\[(?:(?!\n[ \t]*\n).){1,20000}?\\\]"
    r"|\\begin\{((?:equation|align|gather|multline|eqnarray|displaymath|flalign|alignat|math)\*?)\}"
    r".{0,20000}?\\end\{\1\}",
    re.DOTALL,
)
_HASHES = re.compile(r"^ {0,3}(#{1,6})[ \t]+(\S.{0,200}?)[ \t#]*$", re.MULTILINE)
_UNDERLINED = re.compile(r"^(?![ \t#>|*+-])(\S[^\n]{0,200})\n([=~^-])\2{2,}$", re.MULTILINE)
# Anchors and labels that some dialects allow behind a heading.
_ATTRIBUTES = re.compile(r"[ \t]+\{(?:[:#.][^{}]*|[^{}]*=[^{}]*)\}$")
_LEVELS = {"=": 1, "-": 2, "~": 3, "^": 4}

Range = tuple[int, int]


class Heading(NamedTuple):
    """A heading, from its first character up to the end of its line or underline."""

    start: int
    end: int
    level: int
    title: str


def find_whole(text: str) -> list[Range]:
    """Spans of fenced code and display formulas, in order and apart from each other."""
    fences = list(_fences(text))
    formulas: list[Range] = []
    at = 0
    for start, end in [*fences, (len(text), len(text))]:
        # No formula begins or ends inside code.
        formulas.extend(m.span() for m in _FORMULA.finditer(text, at, start))
        at = end
    return sorted([*fences, *formulas])


def find_headings(text: str) -> list[Heading]:
    """Headings outside of code and formulas, in order."""
    whole = find_whole(text)
    starts = [start for start, _ in whole]
    found = [Heading(*m.span(), len(m[1]), _ATTRIBUTES.sub("", m[2])) for m in _HASHES.finditer(text)]
    found += [Heading(*m.span(), _LEVELS[m[2]], m[1].strip()) for m in _UNDERLINED.finditer(text)]

    def outside(heading: Heading) -> bool:
        i = bisect_right(starts, heading.start) - 1
        return i < 0 or heading.start >= whole[i][1]

    return sorted(filter(outside, found))


def _fences(text: str) -> Iterator[Range]:
    """Fenced code; a fence that is never closed is none, and neither is the underline of a heading."""
    opened: tuple[int, str] | None = None
    before, at = "", 0
    for line in text.split("\n"):
        end = at + len(line)
        match = _FENCE.match(line)
        if match and opened is None:
            if not (match[1][0] == "~" and before.strip() and not match[2]):
                opened = (at, match[1])
        elif match and opened and match[1].startswith(opened[1]) and not match[2].strip():
            yield opened[0], end
            opened = None
        before, at = line, end + 1
