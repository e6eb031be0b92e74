r"""The options of a multiple-choice question, read out of its text.

In: a question. Out: the text of each option by its capital letter, empty where it offers none. Read are
options on lines of their own and in one line, as `(A) …`, `A) …`, `A. …`, `**A:** …`, `\textbf{(A)} …`, also
in small letters. They stand in order from A on; the longest such row counts, of several the last.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Options = Mapping[str, str]
MAX_CHARS = 20_000
_FEWEST = 2
_DRESS = r"\\(?:text|textbf|textrm|textit|mathrm|mathbf|bf|rm)\s*\{\s*"
# In brackets, or with one sign behind; that sign is followed by white space unless the option is dressed.
_MARKS = (
    re.compile(rf"(?:{_DRESS}|\*\*)?\(\s*([A-Ja-j])\s*\)\s*(?:[:.]?\s*(?:\}}|\*\*))?[:.]?"),
    re.compile(rf"(?:{_DRESS})([A-Ja-j])\s*[.):]?\s*\}}\s*[.):]?"),
    re.compile(r"(?<![\w\\({$])(?:\*\*)?([A-Ja-j])\s?[.):](?:\*\*)?(?=\s|\S)"),
)
_TRAILING = re.compile(r"(?:\s|\\q?quad\b|\\\\|\\ |\\[,;!]|[;,~&]|\bor\b|\band\b|\*\*|[-•]\s*$)+\Z")
_BEFORE = re.compile(r"\A(?:\s|\\q?quad\b|\\ |\\[,;!]|~|&)+")
_END = re.compile(r"\n\s*\n|\n(?=\s*\S)|\$\$|\\\]|\\end\{")


class Mark(NamedTuple):
    """Where an option begins: the place of its mark and of its text, and its letter as it is written."""

    start: int
    end: int
    letter: str


def read_options(question: str) -> dict[str, str]:
    """The options of a question by their capital letters, at least two, or none."""
    text = question[-MAX_CHARS:]
    rows = [
        row for pattern in _MARKS for row in _rows([Mark(*m.span(), m[1]) for m in pattern.finditer(text)])
    ]
    rows = [row for row in rows if len(row) >= _FEWEST]
    if not rows:
        return {}
    # The longest row; of several the last.
    row = max(rows, key=lambda found: (len(found), found[0].start))
    options = dict(zip((mark.letter.upper() for mark in row), _texts(text, row), strict=True))
    return options if all(options.values()) else {}


def _rows(marks: Sequence[Mark]) -> list[list[Mark]]:
    """Marks that follow each other from A on, all in capitals or all in small letters."""
    rows: list[list[Mark]] = []
    for mark in marks:
        if mark.letter in "Aa":
            rows.append([mark])
            continue
        for row in reversed(rows):
            if ord(mark.letter) == ord(row[-1].letter) + 1:
                row.append(mark)
                break
    return rows


def _texts(text: str, row: Sequence[Mark]) -> list[str]:
    ends = [mark.start for mark in row[1:]]
    pieces = [text[mark.end : end] for mark, end in zip(row, ends, strict=False)]
    return [_clean(piece) for piece in [*pieces, _last(text, row)]]


def _last(text: str, row: Sequence[Mark]) -> str:
    """The last option ends with its line, or with the formula that all options stand in."""
    rest = text[row[-1].end :]
    rest = rest[len(rest) - len(rest.lstrip()) :]
    end = _END.search(rest)
    return rest[: end.start()] if end else rest


def _clean(piece: str) -> str:
    """The text of an option without what sets it apart from the next."""
    piece = _TRAILING.sub("", _BEFORE.sub("", piece))
    piece = piece.strip()
    if piece.count("$") % 2:  # the formula that all options stand in
        piece = piece.strip("$").strip()
    return piece
