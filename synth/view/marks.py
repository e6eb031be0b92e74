"""Concepts marked in the passages they were found in. In: a text and names. Out: sentences, names in them.

A name is found whatever its case and white space. A model may name what the text does not say in those words:
then nothing is marked, and the page says so. Nothing is marked or cut inside mathematics, which is set whole.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from synth.view.text import formulas, shown

MOST_MARKS, MOST_CHARS = 400, 200_000
_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[^a-z])|\n\s*\n|(?<=[。！？])")


class Part(NamedTuple):
    """A stretch of a sentence; `concept` is the concept that is named there, else empty."""

    text: str
    concept: str = ""


class Sentence(NamedTuple):
    """A sentence with the white space after it; `near` ones are shown beside those that name a concept."""

    parts: tuple[Part, ...]
    named: bool
    near: bool


class Marked(NamedTuple):
    """A text by sentences, and the concepts that were found in it."""

    sentences: tuple[Sentence, ...]
    found: frozenset[str]


def mark(text: str, names: Mapping[str, str]) -> Marked:
    """The sentences of a text; `names` gives the concept of each way it is written."""
    whole = shown(text[:MOST_CHARS])
    closed = _Closed(formulas(whole))
    spots = _spots(whole, names, closed)
    bounds = [0, *(end.end() for end in _END.finditer(whole) if not closed.cuts(end.end())), len(whole)]
    cut = [_parts(whole, first, last, spots) for first, last in pairwise(bounds) if last > first]
    named = [any(part.concept for part in parts) for parts in cut]
    near = [any(named[max(0, i - 1) : i + 2]) for i in range(len(cut))]
    sentences = tuple(Sentence(*facts) for facts in zip(cut, named, near, strict=True))
    return Marked(sentences, frozenset(concept for _, _, concept in spots))


class _Closed:
    """Stretches that are not to be broken, in order and without overlaps."""

    def __init__(self, stretches: list[tuple[int, int]]) -> None:
        self._starts = [start for start, _ in stretches]
        self._ends = [end for _, end in stretches]

    def cuts(self, at: int) -> bool:
        """Whether a cut there would break one."""
        before = bisect_left(self._starts, at)
        return bool(before) and at < self._ends[before - 1]

    def touches(self, start: int, end: int) -> bool:
        """Whether anything between is part of one."""
        before = bisect_left(self._starts, end)
        return bool(before) and start < self._ends[before - 1]


def _spots(text: str, names: Mapping[str, str], closed: _Closed) -> list[tuple[int, int, str]]:
    """Where names stand, without overlaps; longer names first, as they say more."""
    taken: list[tuple[int, int, str]] = []
    for name in sorted(names, key=lambda name: (-len(name), name)):
        words = [re.escape(word) for word in name.split()]
        if not words:
            continue
        spaced = r"\s+".join(words)
        for match in re.finditer(rf"(?<![\w\\]){spaced}(?!\w)", text, re.IGNORECASE):
            if closed.touches(*match.span()):
                continue
            if len(taken) < MOST_MARKS and all(match.end() <= a or match.start() >= b for a, b, _ in taken):
                taken.append((match.start(), match.end(), names[name]))
    return sorted(taken)


def _parts(text: str, first: int, last: int, spots: list[tuple[int, int, str]]) -> tuple[Part, ...]:
    parts, at = [], first
    for start, end, concept in spots:
        start, end = max(start, first), min(end, last)
        if start < end and start >= at:
            if start > at:
                parts.append(Part(text[at:start]))
            parts.append(Part(text[start:end], concept))
            at = end
    if at < last:
        parts.append(Part(text[at:last]))
    return tuple(parts)
