"""What of a PDF's pages is not its text: running heads, page numbers, tables of contents, indexes.

In: the lines of all pages. Out: the lines that are text, page by page. What recurs at the edges of
pages is a running head, a number there that counts with the pages is theirs.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from synth.documents.formats.pdf.chars import Line

Page = list[Line]

_DIGITS = re.compile(r"\d+")
_ALONE = re.compile(r"[-–— ]*(?:(\d{1,4})|[ivxlc]{1,7})[-–— ]*")
_ENTRY = re.compile(r"[^\W\d_][^\n]{0,79}?,? \d{1,4}(?:, ?\d{1,4}|[–-]\d{1,4}){0,40}")
# A head recurs on so many pages, or on one of so many.
_FEWEST, _ONE_IN = 3, 60
_EDGE = 2
_LEADERS, _LEADER_SHARE = 4, 0.4
_TITLES, _ENTRIES, _ENTRY_SHARE, _BACK = 15, 8, 0.6, 0.8


def text_pages(pages: Sequence[Page]) -> list[Page]:
    """The pages without what is about pages."""
    edges = [_edges(page) for page in pages]
    recurring = Counter(head for i, page in enumerate(pages) for head in {_head(page[k]) for k in edges[i]})
    offsets = Counter(
        offset for i, page in enumerate(pages) for offset in {n - i for k in edges[i] for n in _ends(page[k])}
    )
    most = max(_FEWEST, len(pages) // _ONE_IN)
    kept = []
    for i, page in enumerate(pages):
        dropped = {
            k
            for k in edges[i]
            if (recurring[_head(page[k])] >= most and _head(page[k]).strip("# |"))
            or _is_number(page[k], i, offsets, min(len(pages), _FEWEST))
        }
        rest = [line for k, line in enumerate(page) if k not in dropped]
        kept.append(_without_lists(rest, at_back=i >= _BACK * len(pages)))
    return kept


def _edges(page: Page) -> list[int]:
    """The lines at the head and foot of a page, by place rather than by order."""
    order = sorted(range(len(page)), key=lambda k: -page[k].base)
    return order if len(order) <= 2 * _EDGE else order[:_EDGE] + order[-_EDGE:]


def _head(line: Line) -> str:
    return _DIGITS.sub("#", line.text.lower())


def _ends(line: Line) -> Iterator[int]:
    """The numbers at either end of a line."""
    words = line.text.split()
    for word in {words[0], words[-1]} if words else ():
        if word.isascii() and word.isdigit() and len(word) <= 4:
            yield int(word)


def _is_number(line: Line, page: int, offsets: Counter[int], most: int) -> bool:
    """Whether a line is no more than the number of its page."""
    alone = _ALONE.fullmatch(line.text)
    if not alone or line.code:
        return False
    return alone[1] is None or offsets[int(alone[1]) - page] >= most


def _without_lists(page: Page, at_back: bool) -> Page:
    """A page without entries of a table of contents or an index."""
    leaders = sum(map(_has_leader, page))
    if leaders >= _LEADERS and leaders >= _LEADER_SHARE * len(page):
        # The titles that are longer than a line have no leader on their first.
        return [line for line in page if line.size > 1.2 * page[-1].size]
    if leaders >= _LEADERS:
        return [line for line in page if not _has_leader(line) and not _ends_in_number(line)]
    entries = sum(map(_ends_in_number, page))
    if entries >= _TITLES and entries >= _ENTRY_SHARE * len(page):
        return [line for line in page if not _ends_in_number(line)]
    entries = sum(map(_is_entry, page)) if at_back else 0
    if entries >= _ENTRIES and entries >= _ENTRY_SHARE * len(page):
        return [line for line in page if len(line.text) > 100 or line.size > 1.2 * page[-1].size]
    return page


def _has_leader(line: Line) -> bool:
    """Whether a line ends in dots that lead to a number."""
    text = line.text.replace(" | ", " ").rstrip("0123456789ivxlc ")
    return len(text) < len(line.text) and text.replace(" ", "").endswith(".....")


def _ends_in_number(line: Line) -> bool:
    """Whether a line is a title and, far from it, a number."""
    return line.cells == 2 and line.text.rpartition(" | ")[2].isdecimal()


def _is_entry(line: Line) -> bool:
    return line.cells == 1 and not line.code and len(line.text) < 100 and bool(_ENTRY.fullmatch(line.text))
