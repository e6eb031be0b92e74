"""JSON and JSON Lines: one document a row, or one in all.

In: a blob. Out: (place, content or fault) for each row. Lines are counted from 0, so that a fault can be
found with an editor; they are gone through one by one, so a file may be larger than any one document.
JSON proper is read at once. One bad row never costs a neighbour.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from synth.config import DocumentsConfig
from synth.documents.content import Blob, Content, ReadError, decode
from synth.documents.formats.added import Rows
from synth.documents.formats.tables.cards import check_object
from synth.documents.formats.tables.columns import read_row, text_columns

_SHOWN = 20


def read_jsonl(blob: Blob, config: DocumentsConfig) -> Rows:
    """One document per line; blank lines are none."""
    with blob.open() as stream:
        for number, line in enumerate(_lines(stream, blob.max_bytes)):
            if line is None:
                fault = ReadError(f"a line of more than {blob.max_bytes:,} bytes", "too_large")
                yield f"#{number}", fault
            elif line.strip():
                yield f"#{number}", _read_line(line, config)


def read_json(blob: Blob, config: DocumentsConfig) -> Rows:
    """The objects of an array, of the one array of objects in an object, or an object with a text column.

    Raises:
        ReadError: it is no JSON, describes a data set, or holds no such thing.
    """
    if _is_lines(blob):
        yield from read_jsonl(blob, config)
        return
    value = _parsed(blob.read())
    if isinstance(value, Mapping):
        check_object(value)
        if _has_text(value, config):
            yield "", _raised(read_row(value, config))
            return
        value = _only_rows(value)
    if not isinstance(value, list):
        raise ReadError(f"JSON that is no object and no array but {type(value).__name__}")
    if value and not any(isinstance(row, Mapping) for row in value):
        raise ReadError("an array without objects")
    for number, row in enumerate(value):
        yield f"#{number}", _read_row(row, config)


def _lines(stream: BinaryIO, limit: int) -> Iterator[bytes | None]:
    """The lines of a stream; None for one that is too long, of which no more is held than the limit."""
    while line := stream.readline(limit + 1):
        if len(line) <= limit or line.endswith(b"\n"):
            yield line
            continue
        # In blocks, as a long line is mostly one that has no end.
        while line and not line.endswith(b"\n"):
            line = stream.readline(1 << 16)
        yield None


def _read_line(line: bytes, config: DocumentsConfig) -> Content | ReadError:
    try:
        return _read_row(_parsed(line), config)
    except ReadError as fault:
        return fault


def _read_row(row: Any, config: DocumentsConfig) -> Content | ReadError:
    return read_row(row, config) if isinstance(row, Mapping) else ReadError("not a JSON object")


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(decode(raw).removeprefix("\ufeff"))
    except RecursionError as fault:
        raise ReadError("JSON that is nested too deeply") from fault
    except ValueError as fault:
        raise ReadError(f"no JSON: {fault}") from fault


def _is_lines(blob: Blob) -> bool:
    """Whether a file called JSON is JSON Lines: its first line is an object, and there is a second."""
    with blob.open() as stream:
        first = stream.readline(blob.max_bytes)
        if not (first.startswith(b"{") and first.rstrip().endswith(b"}") and stream.read(1)):
            return False
    try:
        return isinstance(_parsed(first), Mapping)
    except ReadError:
        return False


def _has_text(row: Mapping[str, Any], config: DocumentsConfig) -> bool:
    try:
        columns = text_columns(row, config)
    except ReadError:
        return False
    # `{"document": [{…}]}` is no document but holds some.
    return not isinstance(row[columns[0]], list) or _is_chat(row[columns[0]])


def _is_chat(value: list[Any]) -> bool:
    return all(isinstance(m, Mapping) and ("role" in m or "from" in m) for m in value)


def _only_rows(value: Mapping[str, Any]) -> list[Any]:
    """The one list of objects in an object."""
    found = [v for v in value.values() if isinstance(v, list) and any(isinstance(row, Mapping) for row in v)]
    if len(found) == 1:
        return found[0]
    there = ", ".join(map(str, list(value)[:_SHOWN])) or "nothing"
    lists = f"{len(found)} lists of objects" if found else "no list of objects"
    raise ReadError(f"an object without text, with {lists} (there: {there}); set documents.text_column")


def _raised(found: Content | ReadError) -> Content:
    if isinstance(found, ReadError):
        raise found
    return found
