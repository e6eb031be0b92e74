"""Text of documents and models as a page shows it: in, any text; out, pieces of text, mathematics and code.

No piece is markup: the templates escape all of them, and the script sets mathematics from the text of its
element. Characters that turn the direction of writing, or cannot be seen, are named instead.
"""

import re
import unicodedata
from typing import Literal, NamedTuple

MOST_CHARS = 40_000
# What is longer than any formula is none; and a page with more formulas would not come to rest.
MOST_FORMULA, MOST_FORMULAS = 3_000, 600
_KEPT = "\n\t\u200c\u200d"
_UNSEEN = ("Cc", "Cf", "Cs", "Co")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_ENVIRONMENTS = "equation|align|gather|multline|matrix|pmatrix|bmatrix|cases|aligned|array"
_PIECES = re.compile(
    r"^(?P<fence>```+)[^\n`]*\n(?P<code>.*?)\n?(?P=fence)[ \t]*$"
    r"|\$\$(?P<d1>(?:[^$\\]|\\.)+?)\$\$"
    r"|\\\[(?P<d2>.+?)\\\]"
    rf"|(?P<d3>\\begin\{{(?P<env>(?:{_ENVIRONMENTS})\*?)\}}.+?\\end\{{(?P=env)\}})"
    r"|\\\((?P<i1>.+?)\\\)"
    r"|(?P<i3>\\boxed\{(?:[^{}$]|\{[^{}$]*\})*\})"
    # As other readers of such text have it: no space inside the marks, no digit after the second.
    r"|(?<![\\$])\$(?P<i2>(?![\s$])(?:[^$\\\n]|\\.|\n(?!\n))*?(?<![\s\\]))\$(?![\d$])",
    re.DOTALL | re.MULTILINE,
)

Form = Literal["text", "inline", "display", "code"]


class Piece(NamedTuple):
    """A stretch of text in one form."""

    form: Form
    text: str


def shown(value: object) -> str:
    """A text with the names of what could not be seen in it, or would turn what follows."""
    text = _LINE_ENDS.sub("\n", str(value))
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(map(_seen, text))


def _seen(char: str) -> str:
    if char in _KEPT or unicodedata.category(char) not in _UNSEEN:
        return char
    return f"⟨U+{ord(char):04X}⟩"


def line(value: object, limit: int = 300) -> str:
    """A text on one line of at most `limit` characters."""
    text = " ".join(shown(str(value)[: 4 * limit]).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def pieces(value: object, limit: int = MOST_CHARS) -> list[Piece]:
    """The pieces of a text, of which no more than `limit` characters are shown."""
    text = shown(str(value)[:limit])
    found: list[Piece] = []
    at = 0
    for match in _PIECES.finditer(text):
        piece = _piece(match)
        if piece is None or len(found) > 2 * MOST_FORMULAS:
            continue
        if match.start() > at:
            found.append(Piece("text", text[at : match.start()]))
        found.append(piece)
        at = match.end()
    if at < len(text):
        found.append(Piece("text", text[at:]))
    return _trimmed(found)


def formulas(text: str) -> list[tuple[int, int]]:
    """Where mathematics and code stand in a text, with their marks."""
    return [match.span() for match in _PIECES.finditer(text) if _piece(match) is not None]


def _piece(match: re.Match[str]) -> Piece | None:
    if (code := match["code"]) is not None:
        return Piece("code", code)
    display = match["d1"] or match["d2"] or match["d3"]
    formula = display or match["i1"] or match["i2"] or match["i3"]
    if formula is None or not formula.strip() or len(formula) > MOST_FORMULA:
        return None
    return Piece("display" if display else "inline", formula.strip())


def _trimmed(found: list[Piece]) -> list[Piece]:
    """Without the line ends beside what stands on lines of its own: they would be seen twice."""
    blocks = [piece.form in ("display", "code") for piece in found]
    trimmed = []
    for place, piece in enumerate(found):
        text = piece.text
        if piece.form == "text":
            if place and blocks[place - 1]:
                text = text.removeprefix(" ").lstrip("\n")
            if place + 1 < len(found) and blocks[place + 1]:
                text = text.rstrip("\n ")
        if text:
            trimmed.append(Piece(piece.form, text))
    return trimmed
