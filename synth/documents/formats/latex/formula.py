r"""Formulas in LaTeX: where they end, and what of them is no mathematics.

In: a source, its index and where a formula opens. Out: where it ends, and its TeX without labels and
entries of an index, between dollar signs.
"""

import re

from synth.documents.formats.latex.source import CLOSE, OPEN, Code, Index

_STOPS = re.compile(r"\\[\\${}]|\$|\{|\}|\n[ \t]*\n")
_NO_MATHEMATICS = re.compile(
    r"\\(?:label|symlabel|index|indexdef|symbolindex|includegraphics(?:\[[^\]]{0,200}\])?)\s{0,3}"
    r"\{(?:[^{}]{0,300}|\{[^{}]{0,300}\}){0,4}\}|\\(?:nonumber|notag|qedhere|phantomsection)(?![A-Za-z])"
)
_MARK = re.compile(f"{OPEN}(\\d+){CLOSE}")


def dollar_end(text: str, index: Index, at: int, sign: str) -> int:
    """Where the closing dollar signs stand: in the same group and paragraph; -1 where there are none."""
    while match := _STOPS.search(text, at):
        found = match[0]
        at = match.end()
        if found == "$":
            if sign == "$" or text.startswith("$", at):
                return match.start()
        elif found == "{":
            at = index.braces.get(match.start(), match.start()) + 1
        elif found[0] == "\n" or (found == "}" and match.start() in index.closings):
            return -1
    return -1


def inline(tex: str, code: list[Code]) -> str:
    """A formula within a line."""
    shown = " ".join(_mathematics(tex, code).split()).replace("$$", "$ $")
    return f"${shown}$" if shown else ""


def display(tex: str, code: list[Code], env: str = "") -> str:
    """A formula of its own, without blank lines in it."""
    lines = [line.strip() for line in _mathematics(tex, code).replace("$$", "$ $").split("\n")]
    body = "\n".join(filter(None, lines))
    if not body:
        return ""
    if env:
        body = f"\\begin{{{env}}}\n{body}\n\\end{{{env}}}"
    return f"\n$$\n{body}\n$$\n" if "\n" in body else f"\n$${body}$$\n"


def _mathematics(tex: str, code: list[Code]) -> str:
    return _MARK.sub(lambda match: code[int(match[1])].text, _NO_MATHEMATICS.sub("", tex))
