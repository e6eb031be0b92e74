r"""The structure of a text that decides where it may be cut: headings, and what stays whole.

In: Markdown or plain text. Out: headings (`#`, or underlined as in Markdown and reStructuredText),
and the spans of fenced code and display formulas.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# Each begins with a line end, which is found much faster than the beginning of a line.
_FENCE = re.compile(r"\n[ \t]*(?:[-*+>][ \t]+)?(`{3,}|~{3,})([^\n`]*)$", re.MULTILINE)
_HASHES = re.compile(r"\n( {0,3}(#{1,6})[ \t]+(\S.{0,200}?)[ \t#]*)$", re.MULTILINE)
_UNDERLINED = re.compile(r"\n((?![ \t#>|*+-])(\S[^\n]{0,200})\n([=~^-])\3{2,})$", re.MULTILINE)
_FORMULA = re.compile(
    r"\$\$|\\\[|\\begin\{(?:equation|align|gather|multline|eqnarray|displaymath|flalign|alignat|math)\*?\}"
)
# `$5 and $6` are prices: behind the sign that ends a formula stands no letter and no digit.
_INLINE = re.compile(r"(?<![\\$\w])\$(?=[^\s$])[^$\n]{0,400}(?<=[^\s\\])\$(?![\w$])|\\\([^\n]{0,400}?\\\)")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
# A longer formula is an opening whose own end is missing.
_MAX_FORMULA = 20_000
# Anchors and labels that some dialects allow behind a heading.
_ATTRIBUTES = re.compile(r"[ \t]+\{(?:[:#.][^{}]*|[^{}]*=[^{}]*)\}$")
_BLANK = "blank line"
_CLOSINGS = {"$$": "$$", "\\[": "\\]"}
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
        formulas.extend(_formulas(text, at, start))
        at = end
    return sorted([*fences, *formulas])


def find_inline(text: str, whole: Sequence[Range]) -> list[Range]:
    """Spans of formulas within a line, outside of code and display formulas, in order."""
    starts = [start for start, _ in whole]

    def outside(at: int) -> bool:
        i = bisect_right(starts, at) - 1
        return i < 0 or at >= whole[i][1]

    return [match.span() for match in _INLINE.finditer(text) if outside(match.start())]


def _formulas(text: str, at: int, stop: int) -> Iterator[Range]:
    """Display formulas between two places; what opens one without a fitting end is text.

    Between `$$` or brackets stands no blank line: so one stray `$$` cannot turn all others inside out.
    """
    # Where each closing stands next: looked up once per place, however many openings precede it.
    ends: dict[str, int] = {}
    while opening := _FORMULA.search(text, at, stop):
        at = opening.end()
        closing = _CLOSINGS.get(opening[0]) or opening[0].replace("begin", "end", 1)
        end = _next(text, closing, at, stop, ends)
        blank = stop if opening[0].startswith("\\begin") else _next(text, _BLANK, at, stop, ends)
        if end < min(blank, stop, at + _MAX_FORMULA):
            at = end + len(closing)
            yield opening.start(), at


def _next(text: str, closing: str, at: int, stop: int, known: dict[str, int]) -> int:
    """Where a closing (or a blank line) stands next, `stop` where none does."""
    if known.get(closing, -1) < at:
        if closing == _BLANK:
            match = _BLANK_LINE.search(text, at, stop)
            known[closing] = match.start() if match else stop
        else:
            found = text.find(closing, at, stop)
            known[closing] = stop if found < 0 else found
    return known[closing]


def find_headings(text: str, whole: Sequence[Range] | None = None) -> list[Heading]:
    """Headings outside of code and formulas (`whole`, if they are known already), in order."""
    lines = "\n" + text
    found = [
        Heading(m.start(), m.end() - 1, len(m[2]), _ATTRIBUTES.sub("", m[3])) for m in _HASHES.finditer(lines)
    ]
    found += [
        Heading(m.start(), m.end() - 1, _LEVELS[m[3]], m[2].strip()) for m in _UNDERLINED.finditer(lines)
    ]
    if not found:
        return []
    whole = find_whole(text) if whole is None else whole
    starts = [start for start, _ in whole]

    def outside(heading: Heading) -> bool:
        i = bisect_right(starts, heading.start) - 1
        return i < 0 or heading.start >= whole[i][1]

    return sorted(filter(outside, found))


def _fences(text: str) -> Iterator[Range]:
    """Fenced code; a fence that is never closed is none, and neither is the underline of a heading."""
    opened: tuple[int, str] | None = None
    # A line end before the text, and one place less for each match.
    lines = "\n" + text
    for match in _FENCE.finditer(lines):
        at, fence = match.start(), match[1]
        if opened is None:
            if not (fence[0] == "~" and not match[2] and _line_before(text, at).strip()):
                opened = (at, fence)
        elif fence.startswith(opened[1]) and not match[2].strip():
            yield opened[0], match.end() - 1
            opened = None


def _line_before(text: str, at: int) -> str:
    """The line before the one that begins at a place."""
    return text[text.rfind("\n", 0, max(at - 1, 0)) + 1 : max(at - 1, 0)]
