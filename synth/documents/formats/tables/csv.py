"""CSV and TSV: one document a row, under a line of headings.

In: a blob. Out: (place, content or fault) for each row, counted from 0 without the headings. The
delimiter is the one that makes a known column of the headings; one bad row never costs a neighbour, be
it a quote that is never closed.
"""

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress

from synth.config import DocumentsConfig
from synth.documents.content import Blob, Content, ReadError, decode
from synth.documents.formats.added import Rows
from synth.documents.formats.tables.columns import read_row, text_columns

_DELIMITERS = ",\t;|"
# Behind the last line: a row that ends with it has a quote that was never closed. No text holds it, as
# text with zero bytes is none.
_END = "\x00end\x00"
# Each such quote makes the rest of the file be gone through once more.
_MAX_UNCLOSED = 100
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_csv(blob: Blob, config: DocumentsConfig) -> Rows:
    """One document per row; the delimiter is found out.

    Raises:
        ReadError: this is no text, or no column holds any.
    """
    csv.field_size_limit(config.max_bytes)
    lines = _Lines(_text_lines(blob))
    headings, delimiter = _headings(lines, config)
    for number, row in enumerate(_rows(lines, delimiter)):
        yield f"#{number}", row if isinstance(row, ReadError) else _read(headings, row, config)


def _read(headings: list[str], row: list[str], config: DocumentsConfig) -> Content | ReadError:
    if len(row) > len(headings):
        return ReadError(f"{len(row)} columns under {len(headings)} headings")
    # Of headings that stand twice the first counts.
    return read_row(dict(reversed(list(zip(headings, row, strict=False)))), config)


def _headings(lines: "_Lines", config: DocumentsConfig) -> tuple[list[str], str]:
    """The headings, and the delimiter that they are told apart by."""
    tried: list[list[str]] = []
    for delimiter in _DELIMITERS:
        found = next(_rows(lines, delimiter), [])
        if isinstance(found, list):
            names = [name.strip() for name in found]
            tried.append(names)
            with suppress(ReadError):
                text_columns(names, config)
                return names, delimiter
        lines.back()
    if not any(map(any, tried)):
        raise ReadError("no row in it", "empty")
    # Nobody knows the text: the fault names the columns, however they can be told apart best.
    longest = max(tried, key=lambda names: len(names))
    text_columns(longest, config)
    raise AssertionError("there was no column of text")


class _Lines(Iterator[str]):
    """Lines that can be gone back to, as far as the row that is being read."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._again: deque[str] = deque()
        self._taken: list[str] = []

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self._taken.append(line)
        return line

    def begin(self) -> None:
        """A row begins here."""
        self._taken.clear()

    @property
    def several(self) -> bool:
        """Whether the row has more than one line; an endless one comes in pieces."""
        return any(line.endswith(("\n", "\r")) for line in self._taken[:-1])

    def back(self, skipped: int = 0) -> None:
        """Go back to where the row began, or to so many lines after that."""
        self._again.extendleft(reversed(self._taken[skipped:]))
        self._taken.clear()


def _rows(lines: _Lines, delimiter: str) -> Iterator[list[str] | ReadError]:
    """The rows that are not empty; the first line of a row that never ends is a fault of its own."""
    unclosed = 0
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        lines.begin()
        row: list[str] | None
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            # A field over many lines that is larger than a document: its neighbours are in it.
            if not lines.several or "limit" not in str(fault):
                kind = "too_large" if "limit" in str(fault) else "unreadable"
                yield ReadError(f"a broken row: {fault}", kind)
                continue
            row = None
        if row is None or (row and row[-1].endswith(_END)):
            if row == [_END]:
                return
            unclosed += 1
            if unclosed > _MAX_UNCLOSED:
                raise ReadError(f"more than {_MAX_UNCLOSED} quotes that are never closed")
            lines.back(skipped=1)
            reader = csv.reader(lines, delimiter=delimiter)
            yield ReadError("a quote that is never closed")
        elif any(row):
            yield row


def _text_lines(blob: Blob) -> Iterator[str]:
    """The lines with their ends, and the mark behind the last.

    A file that is no larger than one document is decoded as one; of a larger one nobody guesses more
    than the mark at its beginning.
    """
    try:
        yield from io.StringIO(decode(blob.read()), newline="")
    except ReadError as fault:
        if fault.reason != "too_large":
            raise
        yield from _streamed(blob)
    yield _END


def _streamed(blob: Blob) -> Iterator[str]:
    with blob.open() as stream:
        head = stream.read(4)
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
    with io.TextIOWrapper(blob.open(), encoding, errors="replace", newline="") as text:
        while line := text.readline(blob.max_bytes):
            if "\x00" in line:
                raise ReadError("binary content, not text")
            yield line
