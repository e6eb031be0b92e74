r"""Cuts a text into passages at its natural borders.

In: a normalised text and the longest passage in characters. Out: spans, each with the headings it
stands under. Borders are tried from the strongest to the weakest: headings by level, blocks,
sentences, lines, words. Fenced code and formulas (`$`, `$$`, `\[`, `\begin{equation}`) stay whole
unless one alone is too long. Neighbours that fit together are joined, so that passages are near the
limit rather than tiny.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence, Set
from functools import cache, partial
from typing import NamedTuple

from synth.documents.blocks import Heading, Range, find_headings, find_inline, find_whole

_BLOCK = re.compile(r"\n[ \t]*\n\s*")
_SENTENCE = re.compile(
    r"[.!?][\"'”’)\]]*\s+(?=[^\sa-z])|[。！？][”’」』）]*\s*|\n(?=[ \t]*(?:[-*+|]|\d+[.)])\s)"
)
_LINE = re.compile(r"\n")
_WORD = re.compile(r"\s+")
_TITLE_CHARS = 120


class Span(NamedTuple):
    """A piece of a text, from `start` up to `end`, and the headings it stands under, outermost first."""

    start: int
    end: int
    headings: tuple[str, ...]


Border = Callable[[], list[int]]


class _Text(NamedTuple):
    """A text with what finds its borders, strongest first: most texts never need the weaker ones."""

    text: str
    limit: int
    levels: Sequence[Border]
    sentences: Border


def cut(text: str, passage_chars: int, overlap: int = 0) -> list[Span]:
    """Spans of at most `passage_chars` that together hold every character which is not white space.

    No two neighbours would fit into one span. With an overlap a span begins up to so many characters
    before the end of the one before, where that gives it whole sentences; under a heading none does.
    """
    whole = find_whole(text)
    headings = find_headings(text, whole)
    marked = _mark(text, passage_chars - overlap, headings, whole)
    pieces = _split(marked, *_trim(text, 0, len(text)), 0) if text.strip() else []
    starts = [start for start, _ in pieces]
    if overlap:
        starts = _reach_back(pieces, {heading.start for heading in headings}, marked.sentences(), overlap)
    trails = _trails(headings, [start for start, _ in pieces])
    ends = (end for _, end in pieces)
    return [Span(start, end, trail) for start, end, trail in zip(starts, ends, trails, strict=True)]


def _reach_back(
    pieces: Sequence[tuple[int, int]], headings: Set[int], sentences: Sequence[int], overlap: int
) -> list[int]:
    """Where each piece begins once it may repeat the last sentences of the one before."""
    starts = []
    for (before, _), (start, _) in zip([(0, 0), *pieces], pieces, strict=False):
        at = bisect_left(sentences, max(before, start - overlap))
        near = sentences[at] if at < len(sentences) else start
        starts.append(start if start in headings else min(start, near))
    return starts


def _mark(text: str, limit: int, headings: Sequence[Heading], whole: Sequence[Range]) -> _Text:
    @cache
    def ends(pattern: re.Pattern[str]) -> list[int]:
        return [m.end() for m in pattern.finditer(text)]

    def blocks() -> list[int]:
        # A heading never stands alone at the end of a passage while there is room for it elsewhere.
        below = {_trim(text, h.end, len(text))[0] for h in headings}
        return [at for at in sorted({*ends(_BLOCK), *edges}) if at not in below]

    edges = sorted(edge for span in whole for edge in span)
    levels = [[h.start for h in headings if h.level == n] for n in sorted({h.level for h in headings})]
    spans = cache(lambda: sorted([*whole, *find_inline(text, whole)]))

    def outside(pattern: re.Pattern[str]) -> Border:
        return cache(lambda: _outside(partial(ends, pattern), spans()))

    strong: list[Border] = [*(partial(list, level) for level in levels), blocks, partial(list, edges)]
    *upper, between = (cache(partial(_outside, border, whole)) for border in strong)
    sentences, lines, words = (outside(pattern) for pattern in (_SENTENCE, _LINE, _WORD))
    # What is too long to stay whole is cut at its lines and words.
    inner: list[Border] = [partial(ends, pattern) for pattern in (_LINE, _WORD)]
    return _Text(text, limit, [*upper, sentences, lines, words, between, *inner], sentences)


def _outside(borders: Border, whole: Sequence[Range]) -> list[int]:
    """The borders that do not lie inside something that should stay whole."""
    if not whole:
        return borders()
    starts = [start for start, _ in whole]
    kept = []
    for at in borders():
        i = bisect_left(starts, at) - 1
        if i < 0 or at >= whole[i][1]:
            kept.append(at)
    return kept


def _split(marked: _Text, start: int, end: int, level: int) -> list[tuple[int, int]]:
    """The pieces of one piece, cut at the borders of `level`, and at weaker ones where that is not enough."""
    if end - start <= marked.limit:
        return [(start, end)]
    if level == len(marked.levels):
        return [(at, min(at + marked.limit, end)) for at in range(start, end, marked.limit)]
    borders = marked.levels[level]()
    inside = borders[bisect_right(borders, start) : bisect_left(borders, end)]
    pieces = []
    for a, b in zip([start, *inside], [*inside, end], strict=True):
        a, b = _trim(marked.text, a, b)
        if a < b:
            pieces.extend(_split(marked, a, b, level + 1))
    return list(_join(pieces, marked.limit))


def _join(pieces: Sequence[tuple[int, int]], limit: int) -> Iterator[tuple[int, int]]:
    """Neighbours become one piece as long as they fit."""
    start, end = pieces[0]
    for a, b in pieces[1:]:
        if b - start > limit:
            yield start, end
            start = a
        end = b
    yield start, end


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _trails(headings: Sequence[Heading], places: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """For each place, in order, the headings above it, one that stands right there included."""
    open_headings: list[Heading] = []
    coming = iter(headings)
    heading = next(coming, None)
    for at in places:
        while heading and heading.start <= at:
            while open_headings and open_headings[-1].level >= heading.level:
                open_headings.pop()
            open_headings.append(heading)
            heading = next(coming, None)
        yield tuple(h.title[:_TITLE_CHARS] for h in open_headings)
