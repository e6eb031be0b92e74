"""The text of a PDF as Markdown, out of its lines.

In: the lines of all pages and the bookmarks. Out: Markdown with headings, paragraphs whose lines are
joined, lists, rows of tables and fenced code. Lines belong together by their distance, indentation
and ends, as nothing in the file says so.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from synth.documents.formats.pdf.chars import Line
from synth.documents.formats.pdf.fonts import HYPHEN
from synth.documents.formats.pdf.headings import Bookmark, Headings
from synth.documents.formats.pdf.pages import Page, text_pages

_BULLETS = "•◦▪‣∙●○■–"
_ITEM = re.compile(rf"[{_BULLETS}](?:\s|(?=\w))|—\s|\(?(?:\d{{1,3}}|[a-z]|[ivx]{{1,4}})[.)]\s")
_BULLET = re.compile(rf"[{_BULLETS}]\s*")
_CHAPTER = re.compile(
    r"(?:chapter|appendix|part|kapitel|chapitre|capítulo|anhang)\s+[\dA-Z]{1,5}", re.IGNORECASE
)
_BROKEN = re.compile(rf"(\w+){HYPHEN}(\w+)")
_WORD = re.compile(r"\w+(?:-\w+)?")
_LISTS = frozenset(
    {"contents", "table of contents", "index", "list of figures", "list of tables", "inhaltsverzeichnis"}
)
_ENDS = (".", ":", "?", "!", "。", "．")
# In lines: from there on a gap parts paragraphs. In sizes: what is indented.
_GAP, _ALONE, _INDENT = 1.25, 1.1, 0.8
_MOST_BLANK = 2


def markdown(pages: Sequence[Page], bookmarks: Sequence[Bookmark] = ()) -> str:
    """The text of a document."""
    kept = text_pages(pages)
    headings = Headings(kept, bookmarks)
    writer = _Writer(headings, _usual(_steps(kept, headings.body), 1.2 * headings.body))
    for page in kept:
        writer.add_page(page)
    writer.flush()
    return _mend("\n\n".join(_without_empty_lists(writer.blocks)))


class _Writer:
    """Takes lines in order and puts blocks together."""

    def __init__(self, headings: Headings, step: float) -> None:
        self.blocks: list[str] = []
        self._headings = headings
        self._text: list[Line] = []
        self._code: list[tuple[int, Line]] = []
        self._rows: list[Line] = []
        self._chapter = ""
        self._bullet = ""
        self._last: Line | None = None
        self._heading: tuple[int, Line] | None = None
        self._step = self._usual_step = step

    def add_page(self, page: Page) -> None:
        """The lines of the next page."""
        step = _usual(_steps([page], self._headings.body), self._usual_step)
        # A page of short paragraphs shows their distance rather than that of its lines.
        self._step = step if step < 1.2 * self._usual_step else self._usual_step
        rows = _rows(page)
        for k, line in enumerate(page):
            if line.text.strip() in _BULLETS:
                self._bullet = "• "
            elif _says_something(line):
                if self._bullet:
                    line, self._bullet = line._replace(text=self._bullet + line.text), ""
                self._add(line, k in rows, page[k + 1 : k + 3])

    def flush(self) -> None:
        """End whatever block is open."""
        if self._text:
            self.blocks.append(_paragraph(self._text))
        if self._rows:
            self.blocks.append("\n".join(row.text for row in self._rows))
        if self._code:
            self.blocks.extend(_fenced(self._code))
        self._text, self._rows, self._code = [], [], []

    def _add(self, line: Line, row: bool, following: Page) -> None:
        level = 0 if row else self._level(line, following)
        if level:
            self._add_heading(line, level)
        elif line.code and self._is_in_text(line, following):
            self._text.append(line._replace(text=f"`{line.text}`", code=False))
        elif line.code:
            if self._text or self._rows:
                self.flush()
            self._code.append((self._blank_lines(line), line))
        elif row:
            if not self._rows:
                self.flush()
            self._rows.append(line)
        else:
            if self._code or self._rows or self._begins(line):
                self.flush()
            self._text.append(line)
        if not level:
            self._end_chapter()
            self._heading = None
        self._last = line

    def _level(self, line: Line, following: Page) -> int:
        """The level of a line as a heading; a bold one has to stand alone."""
        level = self._headings.level(line)
        if not level or self._headings.is_larger(line):
            return level
        last = self._last
        alone = (
            last is None or self._heading is not None or not 0 < last.base - line.base < _ALONE * self._step
        )
        # Two lines may be one heading, more of them are bold text.
        goes_on = len(following) == 2 and all(f.bold and f.size == line.size for f in following)
        return level if alone and not goes_on and line.text[:1] not in _BULLETS else 0

    def _add_heading(self, line: Line, level: int) -> None:
        self.flush()
        text = line.text.replace("`", "").replace(HYPHEN, "")
        above = self._heading
        if above and above[0] == level and self._is_next(above[1], line):
            self.blocks[-1] += f" {text}"
        elif _CHAPTER.fullmatch(text):
            self._end_chapter()
            self._chapter = text
        else:
            chapter, self._chapter = self._chapter, ""
            self.blocks.append(f"{'#' * level} {chapter + ': ' if chapter else ''}{text}")
            self._heading = (level, line)

    def _end_chapter(self) -> None:
        """A chapter without a title."""
        if self._chapter:
            self.blocks.append(f"# {self._chapter}")
            self._chapter = ""

    def _is_next(self, above: Line, line: Line) -> bool:
        return above.size == line.size and 0 < above.base - line.base < 1.8 * line.size

    def _begins(self, line: Line) -> bool:
        """Whether a line begins a new paragraph."""
        last = self._last
        if last is None or not self._text or _ITEM.match(line.text):
            return True
        gap, ended = last.base - line.base, last.text.endswith(_ENDS)
        if not -0.5 * self._step < gap < 4 * self._step:
            return ended
        if gap > _GAP * self._step:
            return True
        first = self._text[0]
        if _ITEM.match(first.text):
            return line.left < first.left - 1 and ended
        return ended and line.left - last.left > _INDENT * self._headings.body

    def _is_in_text(self, line: Line, following: Page) -> bool:
        """Whether a lone line in typewriter goes on with a sentence."""
        last = self._last
        return (
            last is not None
            and bool(self._text)
            and not last.text.endswith((*_ENDS, ",", ";"))
            and 0 < last.base - line.base <= _GAP * self._step
            and abs(line.left - last.left) < 1
            and not (following and following[0].code)
            and "`" not in line.text
        )

    def _blank_lines(self, line: Line) -> int:
        """How many blank lines of code stand above a line of it."""
        if not self._code or self._last is None:
            return 0
        gap = self._last.base - line.base
        return min(max(round(gap / (1.2 * line.size)) - 1, 0), _MOST_BLANK)


def _steps(pages: Sequence[Page], body: float) -> Counter[float]:
    """The distances of neighbouring lines of text."""
    return Counter(
        round(a.base - b.base, 1)
        for page in pages
        for a, b in pairwise(page)
        if 0.8 * body < a.base - b.base < 2.2 * body and not a.code and not b.code
    )


def _usual(steps: Counter[float], otherwise: float) -> float:
    return steps.most_common(1)[0][0] if steps else otherwise


def _rows(page: Page) -> set[int]:
    """Which lines are rows of a table: those in pieces next to others in pieces, and what stands between."""
    found = set()
    for k, line in enumerate(page):
        around = [page[n].cells > 1 for n in (k - 1, k + 1) if 0 <= n < len(page)]
        if (line.cells > 1 and any(around)) or (
            len(around) == 2 and all(around) and not line.code and not line.bold
        ):
            found.add(k)
    return found


def _without_empty_lists(blocks: Sequence[str]) -> list[str]:
    """The blocks without headings of lists of contents that were left out."""
    return [
        block
        for block, following in zip(blocks, [*blocks, "#"][1:], strict=True)
        if not (following.startswith("#") and block.startswith("#") and block.strip("# ").lower() in _LISTS)
    ]


def _says_something(line: Line) -> bool:
    """Whether a line is more than the pieces of a drawing."""
    if line.text.count("\ufffd") > 0.15 * len(line.text):
        return False
    return line.code or any(c.isalnum() or c in "∑∏∫√±=<>≤≥" for c in line.text)


def _paragraph(lines: Sequence[Line]) -> str:
    text = ""
    for line in lines:
        part = line.text.replace(" | ", " ") if line.cells > 1 else line.text
        if text.endswith(HYPHEN) or not text:
            text += part
        elif text.endswith("`") and part.startswith("`"):
            text = f"{text[:-1]} {part[1:]}"
        elif len(text) > 1 and text.endswith(("-", "‐")) and text[-2].isalpha() and part[:1].islower():
            text = text[:-1] + HYPHEN + part
        else:
            text += f" {part}"
    item = _BULLET.match(text)
    if item:
        return f"- {text[item.end() :]}"
    return f"\\{text}" if text.startswith("#") else text


def _fenced(lines: Sequence[tuple[int, Line]]) -> list[str]:
    """Code with its indentation; a title that is centred over it stands before it."""
    title = []
    if len(lines) > 1 and lines[0][1].left - min(line.left for _, line in lines[1:]) > 10 * lines[0][1].step:
        title, lines = [lines[0][1].text.strip()], lines[1:]
    left = min(line.left for _, line in lines)
    rows: list[str] = []
    for blank, line in lines:
        rows.extend([""] * (blank if rows else 0))
        rows.append(" " * min(round((line.left - left) / line.step), 200) + line.text)
    code = "\n".join(rows)
    fence = "````" if "```" in code else "```"
    return [*title, f"{fence}\n{code}\n{fence}"]


def _mend(text: str) -> str:
    """Joins broken words, unless the document itself mostly writes them with a hyphen."""
    if HYPHEN not in text:
        return text
    known = Counter(_WORD.findall(text))

    def joined(match: re.Match[str]) -> str:
        whole, parted = match[1] + match[2], f"{match[1]}-{match[2]}"
        compound = match[2][0].isupper() or match[1][-1].isdigit()
        return parted if known[parted] > known[whole] or (compound and not known[whole]) else whole

    return _BROKEN.sub(joined, text).replace(HYPHEN, "")
