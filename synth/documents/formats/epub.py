"""E-books in EPUB.

In: a blob. Out: one document, its chapters in reading order, and the title, language, date, rights
and address that the book states. Its own table of contents is left out.
"""

import posixpath
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from synth.config import DocumentsConfig
from synth.documents.content import Blob, Content, ReadError
from synth.documents.formats.html.reader import read_html
from synth.documents.formats.xml_tree import parse_xml, text_of
from synth.documents.formats.zipped import Parts

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
# Fonts may be disguised; the text of the book is open all the same.
_FONTS_ONLY = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_CHAPTERS = frozenset({"application/xhtml+xml", "text/html", "application/html+xml", ""})
_MAX_CHAPTERS = 20_000


class _Item(NamedTuple):
    """A file of the book."""

    path: str
    kind: str
    properties: str


def read_epub(blob: Blob, config: DocumentsConfig) -> Iterator[tuple[str, Content]]:
    """The book.

    Raises:
        ReadError: it is broken, protected against reading, or has no text.
    """
    with Parts(blob) as parts:
        _refuse_protected(parts)
        package, folder = _package(parts)
        text = "\n\n".join(_chapters(parts, package, folder))
    if not text.strip():
        raise ReadError("a book without text: its pages are pictures", "empty")
    stated = _Stated(package.find("metadata"))
    yield (
        "",
        Content(
            text=text,
            title=stated.first("title"),
            language=stated.first("language"),
            licence=stated.first("license") or stated.first("rights"),
            url=next(
                (u for u in stated.all("source") + stated.all("identifier") if u.startswith("http")), None
            ),
            date=stated.first("date"),
        ),
    )


def _refuse_protected(parts: Parts) -> None:
    raw = parts.read_if_there(_ENCRYPTION)
    if raw is None:
        return
    for data in parse_xml(raw, _ENCRYPTION).iter("EncryptedData"):
        method = data.find("EncryptionMethod")
        if method is None or method.get("Algorithm", "") not in _FONTS_ONLY:
            raise ReadError("a book protected against reading", "encrypted")


def _package(parts: Parts) -> tuple[Element, str]:
    """The description of the book, and the folder that its paths begin in."""
    container = parse_xml(parts.read(_CONTAINER), _CONTAINER)
    path = next((found for f in container.iter("rootfile") if (found := f.get("full-path"))), None)
    if path is None:
        raise ReadError("broken book: it does not say where its description stands")
    return parse_xml(parts.read(path), path), posixpath.dirname(path)


def _chapters(parts: Parts, package: Element, folder: str) -> Iterator[str]:
    """The text of each chapter, in the order of reading."""
    items = {
        item.get("id", ""): _Item(
            posixpath.join(folder, unquote(urlsplit(item.get("href", "")).path)),
            item.get("media-type", ""),
            item.get("properties", ""),
        )
        for item in package.iterfind("manifest/item")
    }
    order = [ref.get("idref", "") for ref in package.iterfind("spine/itemref")]
    if not order:
        raise ReadError("broken book: it has no order of reading")
    read: set[str] = set()
    for name in order[:_MAX_CHAPTERS]:
        item = items.get(name)
        if (
            item is None
            or item.kind not in _CHAPTERS
            or item.path in read
            or "nav" in item.properties.split()
        ):
            continue
        read.add(item.path)
        # A book that lacks a page is a book all the same.
        if item.path in parts and (text := read_html(parts.read(item.path)).text.strip()):
            yield text


class _Stated:
    """What a book states of itself."""

    def __init__(self, metadata: Element | None) -> None:
        self._elements = list(metadata.iter()) if metadata is not None else []

    def all(self, name: str) -> list[str]:
        """Every statement of a name, in elements and in `meta`."""
        found = [text_of(e) for e in self._elements if e.tag == name]
        found += [
            e.get("content", "") or text_of(e)
            for e in self._elements
            if e.tag == "meta" and name in (e.get("property", "").rpartition(":")[2], e.get("name", ""))
        ]
        return [text for text in found if text]

    def first(self, name: str) -> str | None:
        """The first statement of a name."""
        return next(iter(self.all(name)), None)
