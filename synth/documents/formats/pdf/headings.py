"""Which lines of a PDF are headings, and of which level.

In: the lines of all pages, and the bookmarks of the file. Out: a level for a line, or none. A heading
is set larger than the text, or bold and alone on its line; what bookmarks call by name gives all
headings of its kind their level, the others follow by size.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from synth.documents.formats.pdf.chars import Line
from synth.documents.formats.pdf.pages import Page

# From so much above the size of most text on type is a heading's.
_LARGER = 1.08
_LONGEST, _LONGEST_BOLD = 160, 90
_DEEPEST = 6
_NOT_WORDS = re.compile(r"[\W\d_]+")


class Bookmark(NamedTuple):
    """An entry of the file's outline; pages count from 0, levels too."""

    title: str
    page: int
    level: int


class Headings:
    """Knows the headings of a document."""

    def __init__(self, pages: Sequence[Page], bookmarks: Iterable[Bookmark]) -> None:
        self.body = _body(pages)
        self._levels = self._rank(pages, bookmarks)

    def level(self, line: Line) -> int:
        """The level of a line as a heading by its type alone; 0 where it is none."""
        return self._levels.get(self._kind(line), _DEEPEST) if self._may_be(line) else 0

    def is_larger(self, line: Line) -> bool:
        """Whether a line is set larger than the text."""
        return line.size > _LARGER * self.body

    def _may_be(self, line: Line) -> bool:
        text = line.text
        if line.code or line.cells > 1 or sum(map(str.isalpha, text[:_LONGEST])) < 2:
            return False
        if self.is_larger(line):
            return len(text) <= _LONGEST
        return (
            line.bold
            and len(text) <= _LONGEST_BOLD
            and line.size >= 0.95 * self.body
            and not text.endswith((".", ",", ";", ")."))
        )

    def _kind(self, line: Line) -> tuple[float, bool]:
        """Headings of one size are of one level; in the size of the text, bold ones are below them all."""
        return (round(line.size * 2) / 2, False) if self.is_larger(line) else (self.body, True)

    def _rank(self, pages: Sequence[Page], bookmarks: Iterable[Bookmark]) -> dict[tuple[float, bool], int]:
        kinds = {self._kind(line) for page in pages for line in page if self._may_be(line)}
        votes = self._votes(pages, bookmarks)
        levels: dict[tuple[float, bool], int] = {}
        above = 0
        for kind in sorted(kinds, key=lambda kind: (kind[1], -kind[0])):
            found = votes[kind].most_common(1)[0][0] + 1 if kind in votes else above + 1
            # What only the title page has in its size does not push the chapters down.
            first = bool(votes) and kind not in votes and not above
            levels[kind] = min(max(found, 1), _DEEPEST)
            above = 0 if first else max(above, levels[kind])
        return levels

    def _votes(
        self, pages: Sequence[Page], bookmarks: Iterable[Bookmark]
    ) -> dict[tuple[float, bool], Counter[int]]:
        votes: dict[tuple[float, bool], Counter[int]] = defaultdict(Counter)
        for title, page, level in bookmarks:
            named = _letters(title)
            for line in pages[page] if named and page < len(pages) else ():
                if self._may_be(line) and _letters(line.text) == named:
                    votes[self._kind(line)][level] += 1
                    break
        return votes


def _body(pages: Sequence[Page]) -> float:
    """The size in which most text is set."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page:
            sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 10.0


def _letters(text: str) -> str:
    return _NOT_WORDS.sub("", text).casefold()
