"""Text of documents and models as a page shows it: in, any text; out, pieces of text, mathematics and code.

No piece is markup: the templates escape all of them, and the script sets mathematics from the text of its
element. Characters that turn the direction of writing, or cannot be seen, are named instead.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import groupby
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

# A short text that is one formula without marks, as answers are: commands, and no words outside them.
MOST_BARE = 200
# Only by such commands: a path of Windows has others.
_KNOWN = (
    "frac dfrac tfrac cfrac sqrt binom text mathrm mbox textbf operatorname mathbb mathbf boldsymbol left "
    "right cdot cdots ldots dots times div pm mp le leq leqslant ge geq geqslant ne neq lt gt approx "
    "equiv sim in notin cup cap setminus subset subseteq emptyset varnothing infty circ degree angle "
    "triangle parallel perp to rightarrow mapsto quad qquad sum prod int lim log ln exp sin cos tan cot "
    "sec csc arcsin arccos arctan min max gcd mod pmod bmod overline underline vec hat bar lfloor rfloor "
    "lceil rceil langle rangle mid pi alpha beta gamma delta epsilon varepsilon theta lambda mu nu rho "
    "sigma tau phi varphi omega Delta Gamma Omega Sigma Phi"
)
_COMMAND = re.compile(rf"\\(?:{'|'.join(_KNOWN.split())})(?![a-zA-Z])|\\[%$,;:! {{}}]")
_SAID = re.compile(r"\\(?:text|mathrm|mbox|textbf|operatorname)\s*\{[^{}]*\}")
_WORD = re.compile(r"[^\W\d_]{3,}")
_SPACES = re.compile(r"\s+")
# What may open a formula whose end was cut off.
_OPENED = re.compile(r"(?<!\\)\$|\\[(\[]|\\begin\{|\\boxed\{|```")

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
    if _is_bare(text):
        return [Piece("inline", text.strip())]
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


def brief(value: object, limit: int = 240) -> list[Piece]:
    """The beginning of a text on one line, cut between words and never inside mathematics."""
    text = str(value)
    if not any(mark in text for mark in "$\\`"):
        return begun([("text", shown(text[: 2 * limit]).strip())], limit, len(text) > 2 * limit)
    return begun(pieces(text[: 2 * limit]), limit, len(text) > 2 * limit)


def begun(found: Iterable[tuple[Form, str]], limit: int, more: bool = False) -> list[Piece]:
    """The first pieces of a text, of so many characters in all; `more` says that the text went on."""
    kept: list[Piece] = []
    for form, text in found:
        words = form in ("text", "code")
        said = _SPACES.sub(" ", text) if words else text
        if len(said) > limit:
            kept += [Piece("text", _cut(said, limit))] if words else []
            more = True
            break
        limit -= len(said)
        piece = Piece("text" if words else "inline", said)
        kept += [Piece("text", " "), piece, Piece("text", " ")] if form in ("display", "code") else [piece]
    return _on_a_line(kept, more)


def _cut(text: str, limit: int) -> str:
    """The beginning of a text, to the end of a word where words are not endless."""
    head = text[:limit]
    return head[: head.rfind(" ")] if " " in head[-40:] else head


def _on_a_line(kept: list[Piece], more: bool) -> list[Piece]:
    """Texts that touch as one, without double spaces; what an unfinished formula begins is left out."""
    if more:
        last = kept.pop().text if kept and kept[-1].form == "text" else ""
        opened = list(_OPENED.finditer(last))
        kept = [*kept, Piece("text", (last[: opened[-1].start()] if opened else last).rstrip() + "…")]
    found = []
    for form, group in groupby(kept, key=lambda piece: piece.form):
        parts = [piece.text for piece in group]
        found += (
            [Piece(form, _SPACES.sub(" ", "".join(parts)))]
            if form == "text"
            else [Piece(form, one) for one in parts]
        )
    return found


def _is_bare(text: str) -> bool:
    if "\\" not in text or len(text) > MOST_BARE or "\n" in text.strip() or _OPENED.search(text):
        return False
    rest = _COMMAND.sub(" ", _SAID.sub(" ", text))
    return bool(text.strip("\\ ")) and "\\" not in rest and not _WORD.search(rest)


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
