"""CNXML, the format of open textbooks, as Markdown.

In: bytes of a module. Out: its text, title, language, licence and date. The module is written as simple
HTML (`cnxml_html`), and the converter that also serves web pages makes Markdown of it. A module that
declares entities of its own is refused: nothing else in XML can grow.
"""

import html
import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import html_to_markdown
from html_to_markdown import ConversionOptions, PreprocessingOptions

from synth.documents.content import Content, ReadError, decode
from synth.documents.formats.cnxml.html import BACKSLASH, to_html
from synth.documents.formats.mathml.tex import local_name

_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_OWN = ("amp", "lt", "gt", "quot", "apos")
_DECLARATION = re.compile(r"\s*<\?xml[^>]{0,200}\?>")
_ENCODING = re.compile(rb"""<\?xml[^>]{0,100}encoding\s*=\s*["']([A-Za-z0-9_.:-]{1,40})""")
_OPTIONS = ConversionOptions(
    bullets="-",
    extract_metadata=False,
    skip_images=True,
    compact_tables=True,
    preprocessing=PreprocessingOptions(enabled=False),
)


def read_cnxml(raw: bytes) -> Content:
    """A module of a textbook.

    Raises:
        ReadError: it is no XML, no CNXML, or declares entities.
    """
    root = _parsed(raw)
    if local_name(root) != "document" or "cnx" not in root.tag:
        raise ReadError("XML, but no CNXML", "unsupported_format")
    about = {local_name(e): e for e in root.iterfind("{*}metadata/*")}
    title = _said(root.find("{*}title")) or _said(about.get("title"))
    body = to_html([e for e in root if local_name(e) in ("content", "glossary")], title)
    try:
        markdown = html_to_markdown.convert(body, _OPTIONS).content or ""
    except html_to_markdown.ConversionError as fault:
        raise ReadError(f"no CNXML that can be converted: {fault}") from fault
    licence = about.get("license")
    return Content(
        markdown.replace(BACKSLASH, "\\"),
        title=title,
        language=_said(about.get("language")) or root.get("{http://www.w3.org/XML/1998/namespace}lang"),
        licence=None if licence is None else licence.get("url") or _said(licence),
        url=_said(about.get("content-url")),
        date=_said(about.get("revised")) or _said(about.get("created")),
    )


def _parsed(raw: bytes) -> Element:
    declared = _ENCODING.match(raw.lstrip())
    text = decode(raw, declared[1].decode("ascii") if declared else None).removeprefix("\ufeff")
    if "<!ENTITY" in text:
        raise ReadError("XML that declares entities of its own")
    # The text is decoded already, whatever the declaration says of its bytes.
    text = _ENTITY.sub(_resolved, _DECLARATION.sub("", text, count=1).replace(BACKSLASH, ""))
    try:
        return ElementTree.fromstring(text)  # noqa: S314  (no entities, no network)
    except (ElementTree.ParseError, ValueError) as fault:
        raise ReadError(f"no XML: {fault}") from fault


def _resolved(match: re.Match[str]) -> str:
    """`&nbsp;` and its like, which XML knows only where a document type is at hand."""
    return match[0] if match[1] in _OWN else html.unescape(match[0])


def _said(element: Element | None) -> str | None:
    return (" ".join("".join(element.itertext()).split()) or None) if element is not None else None
