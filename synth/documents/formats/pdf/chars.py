"""One page of a PDF as lines: what stands on each, where, how large and in what kind of font.

In: an open page. Out: lines in the order in which the file draws them, which is reading order in what
text programs write, columns included. Raised and lowered characters are written `x^2`, `x_{12}`, words
in a typewriter font between backticks, and lines wholly in one keep their columns. Lines that run in
another direction than the page, such as stamps in its margin, are left out.
"""

import ctypes
import math
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pypdfium2 as pdfium
from pypdfium2 import raw

from synth.documents.formats.pdf.fonts import HYPHEN, Font
from synth.documents.formats.pdf.marks import compose

# The letters of East Asia all take the same room.
_EAST_ASIA = "\u2e7f"
_COLUMNS = 400
# In sizes of the type: how far behind a row its rest may stand, and from where a space is between.
_NEAR, _LEVEL, _WORD_GAP, _WIDE_ROOM = 3.0, 0.1, 0.8, 1.15
_WIDE = frozenset("mwMWQGOD@%—…∑∏√")


class Line(NamedTuple):
    """A line: lengths in points, `base` from the foot of the page, `step` the room of a character of code.

    `cells` counts the pieces that wide gaps part it into.
    """

    text: str
    size: float
    code: bool
    bold: bool
    left: float
    right: float
    base: float
    step: float
    cells: int


class Run(NamedTuple):
    """Characters that are drawn in one go: their font, size and direction."""

    font: Font
    size: float
    across: float
    up: float


class Glyph(NamedTuple):
    """A character, its place along and above the line; white space that the page only implies has no run."""

    char: str
    x: float
    y: float
    run: Run | None


_NO_FONT = Font("", 0)
_NO_RUN = Run(_NO_FONT, 10.0, 1.0, 0.0)
_BLANK = Glyph(" ", 0.0, 0.0, None)


def page_lines(page: pdfium.PdfPage) -> list[Line]:
    """The lines of a page, those without a visible character left out."""
    text = page.get_textpage()
    try:
        reader = _Reader(text)
        rows = list(reader.rows())
    finally:
        text.close()
    for font in reader.fonts.values():
        font.decide()
    heading = _direction(rows)
    return [line for row in _visual(rows) if (line := _line(row, heading)) is not None]


def _visual(rows: list[list[Glyph]]) -> Iterator[list[Glyph]]:
    """Rows as one sees them: the library parts them at powers, and not where a word is broken."""
    held: list[Glyph] = []
    for row in (part for whole in rows for part in _parted(whole)):
        if held and _goes_on(held[-1], row[0]):
            if _is_apart(held[-1], row[0]):
                held.append(_BLANK)
            held.extend(row)
            continue
        if held:
            yield held
        held = row
    if held:
        yield held


def _is_apart(last: Glyph, first: Glyph) -> bool:
    """Whether there is a space between two characters, by what letters are wide."""
    size = (last.run or _NO_RUN).size
    # A power stands right behind its base, however wide that is.
    raised = abs(first.y - last.y) > _LEVEL * size and (first.run or _NO_RUN).size < size
    return first.x - last.x > (_WIDE_ROOM if raised or last.char in _WIDE else _WORD_GAP) * size


def _parted(row: list[Glyph]) -> Iterator[list[Glyph]]:
    """The lines that a broken word joins."""
    begin, broken = 0, False
    for i, glyph in enumerate(row):
        if broken and glyph.run and i > begin:
            yield row[begin:i]
            begin, broken = i, False
        broken = broken or glyph.char == HYPHEN
    yield row[begin:]


def _goes_on(last: Glyph, first: Glyph) -> bool:
    """Whether a row goes on behind another: right there at about the same height, or further at the same."""
    if last.run is None or first.run is None:
        return False
    size, gap = max(last.run.size, first.run.size), first.x - last.x
    return gap > -0.1 * size and abs(first.y - last.y) < (1 if gap < _NEAR * size else _LEVEL) * size


def _direction(rows: list[list[Glyph]]) -> tuple[float, float]:
    """The direction in which most of a page's text runs."""
    found = Counter((g.run.across, g.run.up) for row in rows for g in row[:1] if g.run for _ in row)
    return found.most_common(1)[0][0] if found else (1.0, 0.0)


class _Reader:
    """Takes the characters of a page out of the library, line by line."""

    def __init__(self, text: pdfium.PdfTextPage) -> None:
        self.fonts: dict[int, Font] = {}
        self._text = text.raw
        self._count = text.count_chars()
        self._runs: dict[int, Run] = {}

    def rows(self) -> Iterator[list[Glyph]]:
        """The characters of each line."""
        text, x, y = self._text, ctypes.c_double(), ctypes.c_double()
        at_x, at_y = ctypes.byref(x), ctypes.byref(y)
        row: list[Glyph] = []
        last = 0
        for i in range(self._count):
            code = raw.FPDFText_GetUnicode(text, i)
            if code in (10, 13):
                if row:
                    yield row
                row, last = [], 0
                continue
            drawn = raw.FPDFText_GetTextObject(text, i)
            if not drawn:
                row.append(_BLANK if code == 32 else Glyph(_NO_FONT.character(code), 0, 0, None))
                last = 0
                continue
            key = ctypes.addressof(drawn.contents)
            run = self._runs.get(key) or self._run(i, drawn, key)
            raw.FPDFText_GetCharOrigin(text, i, at_x, at_y)
            along = x.value * run.across + y.value * run.up
            above = y.value * run.across - x.value * run.up
            glyph = Glyph(run.font.character(code), along, above, run)
            if last == key and glyph.char.isalpha() and row[-1].char.isalpha() and glyph.char < _EAST_ASIA:
                run.font.advances[round((glyph.x - row[-1].x) / run.size, 2)] += 1
                run.font.letters.add(row[-1].char)
            row.append(glyph)
            last = key
        if row:
            yield row

    def _run(self, i: int, drawn: "ctypes._Pointer[ctypes.Structure]", key: int) -> Run:
        matrix = raw.FS_MATRIX()
        raw.FPDFText_GetMatrix(self._text, i, ctypes.byref(matrix))
        width, height = math.hypot(matrix.a, matrix.b), math.hypot(matrix.c, matrix.d)
        across, up = (matrix.a / width, matrix.b / width) if width else (1.0, 0.0)
        size = raw.FPDFText_GetFontSize(self._text, i) * (height or 1)
        run = Run(self._font(i, drawn), max(round(size, 1), 0.1), round(across, 2), round(up, 2))
        self._runs[key] = run
        return run

    def _font(self, i: int, drawn: "ctypes._Pointer[ctypes.Structure]") -> Font:
        found = raw.FPDFTextObj_GetFont(drawn)
        key = ctypes.addressof(found.contents) if found else 0
        if key not in self.fonts:
            name, flags = ctypes.create_string_buffer(128), ctypes.c_int()
            raw.FPDFText_GetFontInfo(self._text, i, name, 128, ctypes.byref(flags))
            self.fonts[key] = Font(name.value.decode("latin-1"), flags.value)
        return self.fonts[key]


def _line(row: list[Glyph], heading: tuple[float, float]) -> Line | None:
    """The line that a row of characters makes; none where it is blank or runs another way."""
    seen = [(g, g.run) for g in row if g.run and not g.char.isspace()]
    if not seen or (seen[0][1].across, seen[0][1].up) != heading:
        return None
    size = Counter(run.size for _, run in seen).most_common(1)[0][0]
    base = Counter(round(g.y, 1) for g, run in seen if run.size == size).most_common(1)[0][0]
    code = sum(run.font.typewriter for _, run in seen) >= 0.9 * len(seen)
    bold = all(run.font.bold for g, run in seen if g.char.isalpha()) and any(
        g.char.isalpha() for g, _ in seen
    )
    left, right = seen[0][0].x, seen[-1][0].x + size / 2
    step = _step([run for _, run in seen])
    if code and step > 0:
        return Line(_columns(row, step), size, True, bold, left, right, base, step, 1)
    text, cells = compose(row, size, base)
    return Line(text, size, False, bold, left, right, base, 0.0, cells) if text else None


def _step(runs: list[Run]) -> float:
    """The room of a character in the font that most of a line is set in."""
    return Counter(run.font.room * run.size for run in runs).most_common(1)[0][0]


def _columns(row: list[Glyph], step: float) -> str:
    """A line of code with each character in its column."""
    seen = [g for g in row if g.run and not g.char.isspace()]
    columns: list[str] = []
    for glyph in seen:
        at = round((glyph.x - seen[0].x) / step)
        columns.extend(" " * (min(at, _COLUMNS) - len(columns)))
        columns.append("-" if glyph.char == HYPHEN else glyph.char)
    return "".join(columns)
