"""Writes a line of a PDF as text: raised and lowered characters, typewriter words, wide gaps.

In: the characters of a line with their places, the size and base of most of them. Out: its text, with
`^` and `_`, backticks and ` | ` for what type and place meant, and the number of pieces that wide gaps
part it into.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from synth.documents.formats.pdf.chars import Glyph

# In sizes of the line's own type.
_SMALLER, _SHIFTED, _GAP = 0.88, 0.1, 2.5
_LONGEST = 24
_PRIMES = {"′": "'", "″": "''", "′′": "''", "◦": "°", "∘": "°", "o": "°"}
_ORDINALS = frozenset({"st", "nd", "rd", "th", "TM", "®", "™"})
_NOTE = re.compile(r"[\d,]{1,4}|[*∗†‡§¶]{1,3}")
# What a footnote's number stands behind, and a power does not.
_NOTED = re.compile(r"(?:[^\W\d_]{5}|[.,;:!?”’\"])\Z")
_MARKED = re.compile(r"\w{4}\Z")
_COMBINING = {
    "´": "\u0301",
    "¨": "\u0308",
    "ˆ": "\u0302",
    "˜": "\u0303",
    "ˇ": "\u030c",
    "¸": "\u0327",
    "\u0338": "\u0338",
}
_OVER = re.compile(r"([´¨ˆ˜ˇ¸\u0338]) ?([^\s\d])")
_EQUATION_NUMBER = re.compile(r" \| (\(\w{0,3}[\d.]+\w?\))\Z")


class _Kind(NamedTuple):
    """How a piece of a line is set: raised (1) or lowered (-1), in typewriter."""

    level: int
    code: bool


_PLAIN = _Kind(0, False)


def compose(row: Sequence["Glyph"], size: float, base: float) -> tuple[str, int]:
    """The text of a line and the number of its cells."""
    pieces = _pieces(row, size, base)
    text = ""
    for kind, group in groupby(pieces, key=lambda piece: piece[0]):
        part = "".join(char for _, char in group)
        text += _scripted(text, part, kind.level) if kind.level else _typed(part) if kind.code else part
    cells = [" ".join(cell.split()) for cell in _composed(text).split("\t")]
    cells = [cell for cell in cells if cell]
    line = " | ".join(cells)
    numbered = _EQUATION_NUMBER.sub(r" \1", line)
    return numbered, len(cells) - (numbered != line)


def _pieces(row: Sequence["Glyph"], size: float, base: float) -> list[tuple[_Kind, str]]:
    """Each character with how it is set; white space goes with its neighbours where they agree."""
    pieces: list[tuple[_Kind, str]] = []
    before: Glyph | None = None
    blank = False
    for glyph in row:
        if glyph.run is None or glyph.char.isspace():
            blank = blank or glyph.char.isspace()
            if not glyph.char.isspace():
                pieces.append((_PLAIN, glyph.char))
            continue
        kind = _kind(glyph, size, base)
        if before and glyph.x - before.x > _GAP * size:
            pieces.append((_PLAIN, "\t"))
        elif blank and pieces:
            pieces.append((kind if kind == pieces[-1][0] else _PLAIN, " "))
        pieces.append((kind, glyph.char))
        before, blank = glyph, False
    return pieces


def _kind(glyph: "Glyph", size: float, base: float) -> _Kind:
    assert glyph.run
    shift = glyph.y - base
    if glyph.run.size < _SMALLER * size and abs(shift) > _SHIFTED * size:
        return _Kind(1 if shift > 0 else -1, False)
    return _Kind(0, glyph.run.font.typewriter)


def _scripted(before: str, part: str, level: int) -> str:
    """A raised or lowered piece: a power or index, an ordinal, a prime; a footnote's number goes."""
    script = "".join(part.split())
    if level > 0 and script in _PRIMES and before[-1:].strip():
        return _PRIMES[script]
    if level > 0 and _NOTE.fullmatch(script) and (not before or _noted(before[-6:], script)):
        return ""
    if not before[-1:].strip() or script in _ORDINALS or len(script) > _LONGEST:
        return part
    sign = "^" if level > 0 else "_"
    return f"{sign}{script}" if len(script) == 1 else f"{sign}{{{script}}}"


def _composed(text: str) -> str:
    """Signs that are drawn over others become one with them."""
    if _OVER.search(text):
        text = _OVER.sub(lambda m: _one(m[2] + _COMBINING[m[1]], m[0]), text)
    return text.replace("⃝c", "©") if "⃝" in text else text


def _one(parts: str, otherwise: str) -> str:
    whole = unicodedata.normalize("NFC", parts.replace("ı", "i"))
    return whole if len(whole) == 1 else otherwise


def _noted(before: str, script: str) -> bool:
    """Whether a raised number or mark leads to a footnote."""
    return bool(_NOTED.search(before) or (not script[0].isdigit() and _MARKED.search(before)))


def _typed(part: str) -> str:
    """A piece in typewriter, between backticks where there is something to mark."""
    inner = part.strip()
    if "`" in inner or "\t" in inner or not any(map(str.isalnum, inner)):
        return part
    return part.replace(inner, f"`{inner}`", 1)
