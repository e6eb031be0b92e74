"""Zipped documents that tests write: parts by name, packed in this order."""

import io
import zipfile

from synth.config import DocumentsConfig
from synth.documents.content import Blob

CONFIG = DocumentsConfig()
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
M = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/c.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)


def zipped(parts: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return stream.getvalue()


def blob(raw: bytes, name: str = "a", max_bytes: int = 10**7) -> Blob:
    return Blob(name, max_bytes, lambda: io.BytesIO(raw))


def docx(body: str, **parts: str) -> bytes:
    """A Word file with this body; further parts by what they are called in `word/`."""
    document = f"<w:document {W} {M}><w:body>{body}</w:body></w:document>"
    further: dict[str, str | bytes] = {
        f"word/{name}.xml": part for name, part in parts.items() if name != "core"
    }
    if "core" in parts:
        further["docProps/core.xml"] = parts["core"]
    return zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": document, **further})


def epub(
    chapters: dict[str, str], metadata: str = "", order: list[str] | None = None, **parts: str | bytes
) -> bytes:
    """A book with these chapters; `order` names them in the order of reading."""
    items = "".join(
        f'<item id="{name}" href="{name}%20x.xhtml" media-type="application/xhtml+xml"/>' for name in chapters
    )
    refs = "".join(f'<itemref idref="{name}"/>' for name in order or chapters)
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"{metadata}</metadata><manifest>{items}</manifest><spine>{refs}</spine></package>"
    )
    pages = {
        f"OEBPS/{name} x.xhtml": f"<html><head><title>{name}</title></head><body>{text}</body></html>"
        for name, text in chapters.items()
    }
    start: dict[str, str | bytes] = {"mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER}
    return zipped({**start, "OEBPS/c.opf": package, **pages, **parts})
