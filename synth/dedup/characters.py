"""What the kernel must know of a character, asked of `normalise` itself: so the rules stand in one place.

In: a code point. Out: the characters that it folds to, each with its classes in the bits above the code
point (native/kernel.h), or that it cannot be folded without its neighbours: such rows are Python's.
"""

import unicodedata
from functools import cache
from typing import NamedTuple

from synth.dedup import normalise

SINGLE, MANY, UNSAFE = 1, 2, 3
_SPACE, _WORD, _DIGIT, _ALPHA, _NUMBER, _ITSELF, _APART = (1 << bit for bit in range(21, 28))


class Folded(NamedTuple):
    """How the kernel treats a character: its kind, whether it is a superscript, what it folds to."""

    kind: int
    superscript: bool
    chars: tuple[int, ...]


def folded(code: int) -> Folded:
    """The entry of a code point."""
    char = chr(code)
    # Texts with controls of ASCII never reach the kernel's table (`synth_scan`).
    if code >= 128 and normalise.is_invisible(code):
        return Folded(MANY, False, ())
    if _joins(char):
        return Folded(UNSAFE, False, ())
    superscript = bool(normalise.SUPERSCRIPTS.fullmatch(char))
    text = normalise.fold(char)[1 if superscript else 0 :] if code >= 128 else char.lower()
    if any(map(_joins, text)):
        return Folded(UNSAFE, False, ())
    chars = tuple(map(classed, text))
    return Folded(SINGLE if len(chars) == 1 else MANY, superscript, chars)


@cache
def classed(char: str) -> int:
    """A folded character as the kernel has it."""
    placed = normalise.APART[ord(char)]
    bits = (
        (_SPACE, char.isspace()),
        (_WORD, char.isalnum() or char == "_"),
        (_DIGIT, char.isdecimal()),
        (_ALPHA, char.isalpha()),
        (_NUMBER, char.isdigit()),
        (_ITSELF, placed == char and not char.isspace()),
        (_APART, placed != char and not placed.isspace()),
    )
    return ord(char) | sum(bit for bit, holds in bits if holds)


def _joins(char: str) -> bool:
    """Whether Unicode's forms may join or reorder it with its neighbours: marks, and parts of Hangul."""
    hangul = "\u1100" <= char <= "\u11ff" or "\ua960" <= char <= "\ua97f" or "\ud7b0" <= char <= "\ud7ff"
    return hangul or unicodedata.category(char)[0] == "M"
