"""Text of documents and models as a page shows it: in, any text; out, pieces of text, mathematics and code.

No piece is markup: the templates escape all of them, and the script sets mathematics from the text of its
element. Characters that turn the direction of writing, or cannot be seen, are named instead.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Literal, NamedTuple

MOST_CHARS = 40_000
# What is longer than any formula is none; and a page with more formulas would not come to rest. A browser
# draws what is nested by calling itself, and one formula of a few hundred levels ends the whole page.
MOST_FORMULA, MOST_FORMULAS, MOST_DEPTH = 3_000, 600, 50
_KEPT = "\n\t\u200c\u200d"
_UNSEEN = ("Cc", "Cf", "Cs", "Co")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_ENVIRONMENTS = "equation|align|gather|multline|matrix|pmatrix|bmatrix|cases|aligned|array"
# What may be a piece begins so. Where its end can be far away, only the beginning is matched here, and the
# end is looked for once: a text with many beginnings and no end would be read anew for each of them.
_STARTS = re.compile(
    r"^(?P<fence>`{3,20})[^\n`]*\n"
    r"|\$\$(?P<d1>(?:[^$\\]|\\.)+?)\$\$"
    rf"|(?P<open>\\\[|\\\(|\\begin\{{(?P<env>(?:{_ENVIRONMENTS})\*?)\}})"
    r"|(?P<i3>\\boxed\{(?:[^{}$]|\{[^{}$]*\})*\})"
    # As other readers of such text have it: no space inside the marks, no digit after the second.
    r"|(?<![\\$])\$(?P<i2>(?![\s$])(?:[^$\\\n]|\\.|\n(?!\n))*?(?<![\s\\]))\$(?![\d$])",
    re.DOTALL | re.MULTILINE,
)
_LEVELS = re.compile(r"\\(?:left|begin)(?![A-Za-z])|\\(?:right|end)(?![A-Za-z])|\\.|[{}]", re.DOTALL)
_DEEPER, _HIGHER = ("{", r"\left", r"\begin"), ("}", r"\right", r"\end")

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
    for first, last, piece in _pieces(text):
        if len(found) > 2 * MOST_FORMULAS:
            break
        if first > at:
            found.append(Piece("text", text[at:first]))
        found.append(piece)
        at = last
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
    said = text.strip("\\ ") and "\\" not in rest and not _WORD.search(rest)
    return bool(said) and _depth(text) <= MOST_DEPTH


def formulas(text: str) -> list[tuple[int, int]]:
    """Where mathematics and code stand in a text, with their marks."""
    return [(first, last) for first, last, _ in _pieces(text)]


def _pieces(text: str) -> Iterator[tuple[int, int, Piece]]:
    """Formulas and code, each with its first and its last place."""
    at, missing = 0, set[str]()
    while match := _STARTS.search(text, at):
        end = _end(text, match, missing)
        at = match.start() + 1 if end is None else end[1]
        if end and (piece := _piece(text, match, end[0])):
            yield match.start(), end[1], piece


def _end(text: str, match: re.Match[str], missing: set[str]) -> tuple[int, int] | None:
    """Where the mark at the end of a piece begins and ends; `missing` are marks that do not come any more."""
    if not match["fence"] and not match["open"]:
        return match.end(), match.end()
    mark = match["fence"] or {r"\[": r"\]", r"\(": r"\)"}.get(match["open"], rf"\end{{{match['env']}}}")
    if mark in missing:
        return None
    if match["fence"]:
        close = re.compile(rf"\n?{mark}[ \t]*$", re.MULTILINE).search(text, match.end())
        found = close.span() if close else None
    else:
        place = text.find(mark, match.end() + 1)
        found = (place, place + len(mark)) if place >= 0 else None
    if found is None:
        missing.add(mark)
    return found


def _piece(text: str, match: re.Match[str], end: int) -> Piece | None:
    if match["fence"]:
        return Piece("code", text[match.end() : end])
    if match["env"]:
        formula = text[match.start() : end] + rf"\end{{{match['env']}}}"
    else:
        formula = (
            text[match.end() : end] if match["open"] else match["d1"] or match["i2"] or match["i3"] or ""
        )
    if not formula.strip() or len(formula) > MOST_FORMULA or _depth(formula) > MOST_DEPTH:
        return None
    is_display = match["d1"] or match["env"] or match["open"] == r"\["
    return Piece("display" if is_display else "inline", formula.strip())


def _depth(formula: str) -> int:
    """How many braces, brackets that grow, and environments are open at once."""
    depth = most = 0
    for mark in _LEVELS.findall(formula):
        depth += (mark in _DEEPER) - (mark in _HIGHER)
        most = max(most, depth)
    return most


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
