"""Word files (.docx).

In: a blob. Out: its text as Markdown, and the title, language and date of its properties. The body is
written as simple HTML (`docx_html`), which the reader of web pages turns into Markdown.
"""

import posixpath
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from synth.config import DocumentsConfig
from synth.documents.content import Blob, Content, ReadError
from synth.documents.formats.html.reader import read_html
from synth.documents.formats.word.html import Body
from synth.documents.formats.word.styles import Styles
from synth.documents.formats.xml_tree import parse_xml, text_of
from synth.documents.formats.zipped import Parts

_RELATIONS = "_rels/.rels"
_PROPERTIES = "docProps/core.xml"
_MAIN = "word/document.xml"
_NOTES = {"footnotes.xml": "footnote", "endnotes.xml": "endnote"}


def read_docx(blob: Blob, config: DocumentsConfig) -> Iterator[tuple[str, Content]]:
    """The document in a Word file.

    Raises:
        ReadError: it is broken or has no text.
    """
    with Parts(blob) as parts:
        main = _main(parts)
        folder = posixpath.dirname(main)
        root = parse_xml(parts.read(main), main)
        styles = _tree(parts, posixpath.join(folder, "styles.xml"))
        numbering = _tree(parts, posixpath.join(folder, "numbering.xml"))
        notes = dict(_notes(parts, folder))
        stated = _tree(parts, _PROPERTIES)
    body = root.find("body")
    if body is None:
        raise ReadError(f"{main} has no body")
    written = Body(Styles(styles, numbering), notes).html(body)
    content = read_html(f'<html><head><meta charset="utf-8"></head><body>{written}</body></html>'.encode())
    if not content.text.strip():
        raise ReadError("a Word file without text", "empty")
    yield (
        "",
        Content(
            text=content.text,
            title=_property(stated, "title") or content.title,
            language=_property(stated, "language") or _language(styles),
            date=(_property(stated, "created") or _property(stated, "modified") or "")[:10] or None,
        ),
    )


def _main(parts: Parts) -> str:
    """Where the text stands; nearly always in the same part."""
    if _MAIN in parts:
        return _MAIN
    for relation in parse_xml(parts.read(_RELATIONS), _RELATIONS).iter("Relationship"):
        if relation.get("Type", "").endswith("/officeDocument"):
            return relation.get("Target", "").lstrip("/")
    raise ReadError("broken Word file: it does not say where its text stands")


def _tree(parts: Parts, name: str) -> Element | None:
    raw = parts.read_if_there(name)
    return None if raw is None else parse_xml(raw, name)


def _notes(parts: Parts, folder: str) -> Iterator[tuple[str, str]]:
    """Footnotes and endnotes by kind and number."""
    for name, kind in _NOTES.items():
        root = _tree(parts, posixpath.join(folder, name))
        for note in root.iter(kind) if root is not None else ():
            text = " ".join("".join(t.text or "" for t in p.iter("t")) for p in note.iter("p"))
            yield kind + note.get("id", ""), " ".join(text.split())


def _property(stated: Element | None, name: str) -> str | None:
    return text_of(stated.find(name)) or None if stated is not None else None


def _language(styles: Element | None) -> str | None:
    """The language that text is set in unless it says otherwise."""
    found = styles.find("docDefaults/rPrDefault/rPr/lang") if styles is not None else None
    return None if found is None else found.get("val") or None
