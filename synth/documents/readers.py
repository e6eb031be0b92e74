"""Reads one file: a document, the rows of a table, or the members of an archive.

In: a path. Out: a `Reading` for each document in it, with the text or the reason why there is none,
so that every file, every row and every member is accounted for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from synth.config import DocumentsConfig
from synth.documents.archives import is_archive, members
from synth.documents.content import Blob, Content, ReadError
from synth.documents.formats.registry import find_format
from synth.documents.packing import unpacked
from synth.documents.reading import Reading, read_content
from synth.text import one_line

# A row takes a byte of its file at the least, packed or not; a few bytes can claim a million million rows.
# So small a file may have this many all the same.
_FREE_ROWS = 10_000


@dataclass(slots=True)
class _Bound:
    """How many rows a file may have, with all its members; counts them."""

    rows: int
    taken: int = 0

    def take(self) -> None:
        """One more row.

        Raises:
            ReadError: that is one too many.
        """
        if self.taken == self.rows:
            raise ReadError(f"more than {self.rows:,} rows, which is too many for its size", "too_large")
        self.taken += 1


def read(path: Path, config: DocumentsConfig) -> Iterator[Reading]:
    """Everything in a file, in its order; never nothing."""
    bound = _Bound(min(config.max_rows, _FREE_ROWS + _size(path)))
    return _read("", Blob(path.name, config.max_bytes, lambda: path.open("rb")), config, bound)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _read(place: str, blob: Blob, config: DocumentsConfig, bound: _Bound) -> Iterator[Reading]:
    """What is in a file that stands at `place`; a fault ends it, and what came before stays."""
    empty = True
    try:
        blob = unpacked(blob)
        read_it = _archive if is_archive(blob) else _document
        found = read_it(place, blob, config, bound)
        for reading in found:
            empty = False
            yield reading
        if empty:
            yield _unread(place, ReadError("nothing in it", "empty"))
    except ReadError as fault:
        yield _unread(place, fault)
    except MemoryError:
        raise
    except (Exception, SystemExit) as fault:  # noqa: BLE001  (a reader costs its own file, whatever it does)
        failed = ReadError(f"its reader failed: {type(fault).__name__}: {fault}")
        yield _unread(place, failed).model_copy(update={"lasting": False})


def _document(place: str, blob: Blob, config: DocumentsConfig, bound: _Bound) -> Iterator[Reading]:
    kind, rows = find_format(blob, config)
    for inner, found in rows(blob, config):
        if inner:
            bound.take()
        if isinstance(found, Content):
            yield read_content(place + inner, kind, found, config)
        else:
            yield _unread(place + inner, found, kind)


def _archive(place: str, blob: Blob, config: DocumentsConfig, bound: _Bound) -> Iterator[Reading]:
    if place:
        raise ReadError("an archive inside an archive: unpack the outer one", "unsupported_format")
    for name, member in members(blob, config):
        if isinstance(member, ReadError):
            yield _unread(f"!/{name}", member)
        else:
            yield from _read(f"!/{name}", member, config, bound)


def _unread(place: str, fault: ReadError, kind: str = "") -> Reading:
    licence = one_line(fault.licence or "") or None
    return Reading(
        place=place, format=kind, reason=fault.reason, detail=one_line(fault.detail), licence=licence
    )
