"""Reads one file: a document, the rows of a table, or the members of an archive.

In: a path. Out: a `Reading` for each document in it, with the text or the reason why there is none,
so that every file, every row and every member is accounted for.
"""

from collections.abc import Iterator
from pathlib import Path

from synth.config import DocumentsConfig
from synth.documents.archives import is_archive, members
from synth.documents.content import Blob, Content, ReadError
from synth.documents.formats.registry import find_format
from synth.documents.packing import unpacked
from synth.documents.reading import Reading, read_content
from synth.text import one_line


def read(path: Path, config: DocumentsConfig) -> Iterator[Reading]:
    """Everything in a file, in its order; never nothing."""
    return _read("", Blob(path.name, config.max_bytes, lambda: path.open("rb")), config)


def _read(place: str, blob: Blob, config: DocumentsConfig) -> Iterator[Reading]:
    """What is in a file that stands at `place`; a fault ends it, and what came before stays."""
    empty = True
    try:
        blob = unpacked(blob)
        found = _archive(place, blob, config) if is_archive(blob) else _document(place, blob, config)
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


def _document(place: str, blob: Blob, config: DocumentsConfig) -> Iterator[Reading]:
    kind, rows = find_format(blob, config)
    for inner, found in rows(blob, config):
        if isinstance(found, Content):
            yield read_content(place + inner, kind, found, config)
        else:
            yield _unread(place + inner, found, kind)


def _archive(place: str, blob: Blob, config: DocumentsConfig) -> Iterator[Reading]:
    if place:
        raise ReadError("an archive inside an archive: unpack the outer one", "unsupported_format")
    for name, member in members(blob, config):
        if isinstance(member, ReadError):
            yield _unread(f"!/{name}", member)
        else:
            yield from _read(f"!/{name}", member, config)


def _unread(place: str, fault: ReadError, kind: str = "") -> Reading:
    licence = one_line(fault.licence or "") or None
    return Reading(
        place=place, format=kind, reason=fault.reason, detail=one_line(fault.detail), licence=licence
    )
