r"""LaTeX without what is no LaTeX: comments go, code is set aside.

In: a source. Out: the source with marks where code stood, the code by its mark, and an index of what
belongs together in it: braces, environments, the ends of formulas. Everything is found in passes whose
time grows with the length only.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from synth.documents.formats.latex.names import DROPPED_RAW, VERBATIM

# Around the number of a piece of code.
OPEN, CLOSE = "\ue0f0", "\ue0f1"
_MARKS = str.maketrans("", "", OPEN + CLOSE)
_RAW = re.compile(
    r"\\begin\s{0,3}\{(?P<env>"
    + "|".join(sorted(map(re.escape, VERBATIM | DROPPED_RAW), key=len, reverse=True))
    + r")\}|\\(?P<verb>verb\*?|lstinline|mintinline|path)(?![A-Za-z])"
    r"|\\(?P<address>url|href|nolinkurl)\s{0,3}\{(?P<to>[^{}\n]{0,2000})\}"
    r"|(?P<hidden>\\iffalse(?![A-Za-z]))|\\[\\%]|(?P<comment>%)"
)
_COMMENT = re.compile(r"[^\n]*(?:\n[ \t]*(?=\S)|)")
_OPTIONS = re.compile(r"[ \t]*(?:\[[^\]\n]{0,500}\])?(?:\{(?P<language>[^{}\n]{0,60})\})?[ \t]*\n?")
_LANGUAGE = re.compile(r"language\s*=\s*\{?(?:\[[^\]]{0,40}\])?(\w{1,30})")
_VERB = re.compile(r"(?:\[[^\]\n]{0,200}\])?(?:\{(?P<language>\w{1,30})\}(?=\S))?(?P<mark>[^\w\s])")
_PARTS = re.compile(
    r"\\(?:(?P<side>begin|end)\s{0,3}\{(?P<name>[^{}\\$\n]{1,60})\}|(?P<sign>[\\{}\[\]()]))|(?P<brace>[{}])"
)


class Code(NamedTuple):
    """A piece of code; inline code has no language and no line break."""

    text: str
    language: str
    block: bool


class Source(NamedTuple):
    """A text with marks, and the code behind them."""

    text: str
    code: list[Code]


def clean(text: str) -> Source:
    """A source without comments, with its code set aside."""
    text = text.translate(_MARKS)
    code: list[Code] = []
    return Source("".join(_pieces(text, code)), code)


def _pieces(text: str, code: list[Code]) -> Iterator[str]:
    missing: set[str] = set()
    at = 0
    while match := _RAW.search(text, at):
        yield text[at : match.start()]
        at = match.end()
        if match["comment"]:
            comment = _COMMENT.match(text, at)
            at = comment.end() if comment else at
        elif match["address"] is not None:
            yield match[0].replace("\\%", "%").replace("%", "\\%")
        elif match["env"] or match["hidden"]:
            closing = f"\\end{{{match['env']}}}" if match["env"] else "\\fi"
            end = -1 if closing in missing else text.find(closing, at)
            if end < 0:
                missing.add(closing)
                continue
            if match["env"] in VERBATIM:
                yield _mark(code, _block(text[at:end], match["env"]))
            at = end + len(closing)
        elif match["verb"]:
            inline = _inline(text, at)
            if inline is None:
                yield match[0]
            else:
                found, at = inline
                yield _mark(code, found)
        else:
            yield match[0]
    yield text[at:]


def _mark(code: list[Code], found: Code) -> str:
    code.append(found)
    return f"{OPEN}{len(code) - 1}{CLOSE}"


def _block(inner: str, env: str) -> Code:
    options = _OPTIONS.match(inner) if env in ("lstlisting", "minted", "Verbatim", "BVerbatim") else None
    if options is None:
        return Code(inner.strip("\n"), "", True)
    stated = _LANGUAGE.search(options[0])
    language = (options["language"] or "") if env == "minted" else stated[1] if stated else ""
    return Code(inner[options.end() :].strip("\n"), language.lower(), True)


def _inline(text: str, at: int) -> tuple[Code, int] | None:
    """Code between two equal signs, or braces, on one line."""
    match = _VERB.match(text, at)
    if match is None:
        return None
    closing = "}" if match["mark"] == "{" else match["mark"]
    line_end = text.find("\n", match.end(), match.end() + 2000)
    end = text.find(closing, match.end(), line_end if line_end >= 0 else match.end() + 2000)
    return (Code(text[match.end() : end], "", False), end + 1) if end >= 0 else None


class Index:
    r"""Where things end: `braces` by where they open, `ends` of environments by where these begin.

    What is never closed has no end.
    """

    def __init__(self, text: str) -> None:
        self.braces: dict[int, int] = {}
        self.ends: dict[int, tuple[int, int]] = {}
        self.closings: set[int] = set()
        self._signs: dict[str, list[int]] = {"]": [], ")": []}
        opened: list[int] = []
        begun: dict[str, list[int]] = {}
        for match in _PARTS.finditer(text):
            at = match.start()
            if match["brace"] == "{":
                opened.append(at)
            elif match["brace"]:
                if opened:
                    self.braces[opened.pop()] = at
                    self.closings.add(at)
            elif match["side"] == "begin":
                begun.setdefault(match["name"], []).append(at)
            elif match["side"]:
                if begun.get(match["name"]):
                    self.ends[begun[match["name"]].pop()] = (at, match.end())
            elif match["sign"] in self._signs:
                self._signs[match["sign"]].append(at)

    def after(self, sign: str, at: int) -> int:
        r"""Where `\]` or `\)` stands next, -1 where it does not."""
        places = self._signs[sign]
        i = bisect_left(places, at)
        return places[i] if i < len(places) else -1
