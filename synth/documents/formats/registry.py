"""Which reader reads a file: by its suffix, and by its first bytes where they say something else.

In: a blob. Out: the name of its format and the function that reads it. Readers of others join by the
entry points `synth.readers`, each named by the suffix it reads; `documents.formats` gives a further
suffix to a format that is there.
"""

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import NamedTuple

from synth.config import DocumentsConfig
from synth.documents.content import Blob, Content, ReadError
from synth.documents.formats.added import Read, Rows, added
from synth.documents.formats.cnxml.reader import read_cnxml
from synth.documents.formats.epub import read_epub
from synth.documents.formats.html.reader import read_html
from synth.documents.formats.ipynb import read_ipynb
from synth.documents.formats.latex.reader import read_tex
from synth.documents.formats.markup import read_markdown, read_text
from synth.documents.formats.pdf.reader import read_pdf
from synth.documents.formats.rst.reader import looks_like_rst, read_rst
from synth.documents.formats.tables.arrow import read_arrow, read_parquet
from synth.documents.formats.tables.csv import read_csv
from synth.documents.formats.tables.json import read_json, read_jsonl
from synth.documents.formats.word.reader import read_docx
from synth.documents.formats.zipped import zipped_format

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
    "rst": one(read_rst),
    "tex": one(read_tex),
    "cnxml": one(read_cnxml),
    "pdf": read_pdf,
    "docx": read_docx,
    "epub": read_epub,
    "ipynb": one(read_ipynb),
    "jsonl": read_jsonl,
    "json": read_json,
    "csv": read_csv,
    "parquet": read_parquet,
    "arrow": read_arrow,
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
    ".rst": "rst",
    ".rest": "rst",
    ".tex": "tex",
    ".ltx": "tex",
    ".latex": "tex",
    ".cnxml": "cnxml",
    ".xml": "cnxml",
    ".pdf": "pdf",
    ".docx": "docx",
    ".epub": "epub",
    ".ipynb": "ipynb",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
_MAGIC = {b"%PDF-": "pdf", b"ARROW1\0\0": "arrow", b"\xff\xff\xff\xff": "arrow"}
_PARQUET, _ZIP = b"PAR1", b"PK\x03\x04"
_BINARY = frozenset({"pdf", "parquet", "arrow", "docx", "epub"})
# What may stand before the first tag is skipped one piece at a time: of a lazy pattern for all of it a
# hostile file could make millions of attempts.
_BEFORE_HTML = re.compile(rb"\s+|<\?xml[^>]*>|<!--.*?-->", re.DOTALL)
_HTML = re.compile(rb"<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_BOM = b"\xef\xbb\xbf"
_MAGIC_PDF = b"%PDF-"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def find_format(blob: Blob, config: DocumentsConfig) -> Format:
    """The format of a file.

    Raises:
        ReadError: there is no reader for it.
    """
    suffix = PurePosixPath(blob.name).suffix.lower()
    named = config.formats.get(suffix) or SUFFIXES.get(suffix)
    if (load := added().get(suffix)) and suffix not in config.formats:
        return Format(suffix.removeprefix("."), load())
    with blob.open() as stream:
        head = stream.read(HEAD_BYTES)
    name = zipped_format(blob) if head.startswith(_ZIP) else _seen(head, named)
    if suffix == ".txt" and name == "text" and suffix not in config.formats and _is_rst(head):
        name = "rst"
    if name not in FORMATS:
        raise ReadError(
            f"no reader for {suffix or 'such files'}; documents.formats may name one", "unsupported_format"
        )
    return Format(name, FORMATS[name])


def _seen(head: bytes, named: str | None) -> str | None:
    """The format that the first bytes show; else the one that the suffix names."""
    if head.startswith(_OLE):
        raise ReadError("an Office file of before 2007, or one with a password", "unsupported_format")
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    if head.startswith(_PARQUET) and (named == "parquet" or b"\0" in head):
        return "parquet"
    if named == "pdf" and _MAGIC_PDF in head[:1024]:
        # Mail and scanners put lines of their own before it.
        return named
    html = _is_html(head)
    if named in _BINARY or (named in ("text", "cnxml") and html):
        # No such file begins otherwise: it is called what it is not.
        return "html" if html else "text"
    return named


def _is_rst(head: bytes) -> bool:
    """Plain text in reStructuredText is often called so; in another encoding the marks are the same."""
    return looks_like_rst(head.decode("utf-8", errors="replace"))


def _is_html(head: bytes) -> bool:
    at = len(_BOM) if head.startswith(_BOM) else 0
    while match := _BEFORE_HTML.match(head, at):
        at = match.end()
    return _HTML.match(head, at) is not None
