"""Reads one source into documents: a file is one, a table has one per row.

In: a source. Out: for each document in it, the document or the reason why it could not be read, so
that every file and every row is accounted for. Which reader reads a file is decided by its suffix;
`.gz` behind it is unpacked first.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from synth.config import DocumentsConfig
from synth.documents.content import Content, ReadError, load
from synth.documents.find import Source
from synth.documents.html import read_html
from synth.documents.markup import read_markdown, read_text
from synth.documents.tables import Rows, read_jsonl, read_parquet
from synth.text import normalise, one_line


@dataclass(frozen=True, slots=True)
class Document:
    """One document as read: `text` is normalised, the rest is as its source states it."""

    source: str
    title: str
    language: str | None
    licence: str | None
    url: str | None
    format: str
    sha256: str
    text: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A file or row of which no document came; `reason` is one of `schemas.REASONS`."""

    source: str
    reason: str
    detail: str


FILES: dict[str, tuple[str, Callable[[bytes], Content]]] = {
    ".txt": ("text", read_text),
    ".md": ("markdown", read_markdown),
    ".markdown": ("markdown", read_markdown),
    ".html": ("html", read_html),
    ".htm": ("html", read_html),
}
TABLES: dict[str, tuple[str, Callable[[bytes, DocumentsConfig], Rows]]] = {
    ".jsonl": ("jsonl", read_jsonl),
    ".ndjson": ("jsonl", read_jsonl),
    ".parquet": ("parquet", read_parquet),
}


def read(source: Source, config: DocumentsConfig) -> list[Document | Unread]:
    """Everything in a source, in its order; never empty."""
    found: list[Document | Unread] = []
    try:
        found.extend(_read(source, config))
    except ReadError as fault:
        # Rows before the fault would be a part of a table that nobody asked for.
        return [Unread(source.name, fault.reason, fault.detail)]
    return found or [Unread(source.name, "empty", "no row in it")]


def _read(source: Source, config: DocumentsConfig) -> Iterator[Document | Unread]:
    suffix = _suffix(source.path)
    if suffix not in FILES and suffix not in TABLES:
        raise ReadError(f"{suffix or 'no suffix'}; there are {_known()}", "unsupported_format")
    raw, sha = load(source.path, config.max_bytes)
    if suffix in FILES:
        name, read_file = FILES[suffix]
        yield _document(source.name, name, sha, read_file(raw))
        return
    name, read_rows = TABLES[suffix]
    for number, row in read_rows(raw, config):
        key = f"{source.name}#{number}"
        if isinstance(row, Content):
            yield _document(key, name, sha, row)
        else:
            yield Unread(key, row.reason, one_line(row.detail))


def _suffix(path: Path) -> str:
    suffixes = [s.lower() for s in path.suffixes]
    return (suffixes[-2:-1] if suffixes[-1:] == [".gz"] else suffixes[-1:] or [""])[0] if suffixes else ""


def _known() -> str:
    return ", ".join(sorted([*FILES, *TABLES])) + ", each also with .gz"


def _document(key: str, name: str, sha: str, content: Content) -> Document:
    return Document(
        source=key,
        title=one_line(content.title or "") or key.rsplit("/", 1)[-1],
        language=content.language,
        licence=one_line(content.licence or "") or None,
        url=one_line(content.url or "", 2000) or None,
        format=name,
        sha256=sha,
        text=normalise(content.text),
    )
