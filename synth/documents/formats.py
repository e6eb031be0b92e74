"""Which reader reads a file: by its suffix, and by its first bytes where they say something else.

In: a blob. Out: the name of its format and the function that reads it. Readers of others join by the
entry points `synth.readers`, each named by the suffix it reads; `documents.formats` gives a further
suffix to a format that is there.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import PurePosixPath
from typing import NamedTuple

from synth.config import DocumentsConfig
from synth.documents.content import Blob, Content, ReadError
from synth.documents.html import read_html
from synth.documents.markup import read_markdown, read_text
from synth.documents.tables import Rows, read_jsonl, read_parquet

Read = Callable[[Blob, DocumentsConfig], Rows]
HEAD_BYTES = 4096


class Format(NamedTuple):
    """A kind of file, and the function that yields what is in it."""

    name: str
    read: Read


def one(read: Callable[[bytes], Content]) -> Read:
    """A reader of files that are one document each."""

    def rows(blob: Blob, config: DocumentsConfig) -> Rows:
        yield "", read(blob.read())

    return rows


FORMATS: dict[str, Read] = {
    "text": one(read_text),
    "markdown": one(read_markdown),
    "html": one(read_html),
    "jsonl": read_jsonl,
    "parquet": read_parquet,
}
SUFFIXES: dict[str, str] = {
    "": "text",
    ".txt": "text",
    ".text": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_MAGIC = {b"%PDF-": "pdf", b"PAR1": "parquet", b"ARROW1": "arrow"}
_BINARY = frozenset({"pdf", "parquet", "arrow", "docx", "epub"})
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*){0,3}<(?:!doctype\s+html|html)\b",
    re.IGNORECASE | re.DOTALL,
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def find_format(blob: Blob, config: DocumentsConfig) -> Format:
    """The format of a file.

    Raises:
        ReadError: there is no reader for it.
    """
    suffix = PurePosixPath(blob.name).suffix.lower()
    named = config.formats.get(suffix) or SUFFIXES.get(suffix)
    if (added := _added().get(suffix)) and suffix not in config.formats:
        return Format(suffix.removeprefix("."), added())
    with blob.open() as stream:
        name = _seen(stream.read(HEAD_BYTES), named)
    if name is None:
        raise ReadError(
            f"{suffix}; there are {known_suffixes()}; or give documents.formats", "unsupported_format"
        )
    return Format(name, FORMATS[name])


def known_suffixes() -> str:
    """The suffixes that have a reader, for people."""
    return ", ".join(sorted({s for s in SUFFIXES if s} | set(_added())))


def _seen(head: bytes, named: str | None) -> str | None:
    """The format that the first bytes show; else the one that the suffix names."""
    if head.startswith(_OLE):
        raise ReadError("an Office file of before 2007, or one with a password", "unsupported_format")
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    if named in _BINARY or (named == "text" and _HTML.match(head)):
        # No such file begins otherwise: it is called what it is not.
        return "html" if _HTML.match(head) else "text"
    return named


@cache
def _added() -> dict[str, Callable[[], Read]]:
    """Readers of others by suffix; each is loaded when its first file comes."""
    return {
        f".{point.name.lower().lstrip('.')}": _loader(point) for point in entry_points(group="synth.readers")
    }


def _loader(point: EntryPoint) -> Callable[[], Read]:
    return cache(lambda: _adapted(point.load()))


def _adapted(read: Callable[[bytes], Content | Iterable[Content]]) -> Read:
    """A reader of others: it takes bytes and gives one document, or several."""

    def rows(blob: Blob, config: DocumentsConfig) -> Iterator[tuple[str, Content | ReadError]]:
        found = read(blob.read())
        if isinstance(found, Content):
            yield "", found
        else:
            yield from ((f"#{n}", content) for n, content in enumerate(found))

    return rows
