"""PDF files that have a text layer.

In: the bytes of a file. Out: its text as Markdown, page after page, and the title, language and date
that it states. Pages are taken apart one at a time (`pdf_chars`); of each only its lines are kept, out
of which `pdf_layout` writes the text once all are known.
"""

import ctypes
import re
from collections.abc import Iterator

import pypdfium2 as pdfium
from pypdfium2 import raw

from synth.config import DocumentsConfig
from synth.documents.content import Blob, Content, ReadError
from synth.documents.formats.pdf.chars import page_lines
from synth.documents.formats.pdf.headings import Bookmark
from synth.documents.formats.pdf.layout import markdown
from synth.documents.formats.pdf.pages import Page

_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?")
# What programs write where nobody gave a title.
_NO_TITLE = re.compile(r"untitled|unknown|title|.*\.(?:dvi|tex|docx?|pdf|indd|qxd|ps|rtf|odt)", re.IGNORECASE)
_WRITTEN_BY = re.compile(r"Microsoft (?:Word|PowerPoint) - ", re.IGNORECASE)
_HEADING = re.compile(r"#{1,6} (.{1,200})")
_MAX_BOOKMARKS = 10_000
# Fonts that do not say which letters they draw.
_MOST_UNKNOWN = 0.3


def read_pdf(blob: Blob, config: DocumentsConfig) -> Iterator[tuple[str, Content]]:
    """The document in a PDF.

    Raises:
        ReadError: it is broken, has a password, no text, or more text than a document may have.
    """
    yield "", read_pdf_bytes(blob.read(), config.max_bytes)


def read_pdf_bytes(data: bytes, max_chars: int) -> Content:
    """The document in the bytes of a PDF, of at most `max_chars` characters."""
    document = _open(data)
    try:
        pages = _pages(document, max_chars)
        text = markdown(pages, _bookmarks(document))
        stated = document.get_metadata_dict()
        return Content(
            text=text,
            title=_title(stated.get("Title", ""), text),
            language=_language(document),
            date=_date(stated.get("CreationDate", "")),
        )
    except pdfium.PdfiumError as fault:
        raise ReadError(f"broken PDF: {fault}") from fault
    finally:
        document.close()


def _open(data: bytes) -> pdfium.PdfDocument:
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as fault:
        if fault.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
            raise ReadError("a PDF with a password", "encrypted") from fault
        raise ReadError(f"broken PDF: {fault}") from fault
    if not len(document):
        document.close()
        raise ReadError("broken PDF: it has no pages")
    return document


def _pages(document: pdfium.PdfDocument, max_chars: int) -> list[Page]:
    """The lines of each page; a page that cannot be opened has none."""
    pages: list[Page] = []
    chars = broken = 0
    for number in range(len(document)):
        try:
            page = document[number]
        except pdfium.PdfiumError:
            broken += 1
            pages.append([])
            continue
        pages.append(page_lines(page))
        page.close()
        chars += sum(len(line.text) for line in pages[-1])
        if chars > max_chars:
            raise ReadError(f"more than {max_chars:,} characters", "too_large")
    _refuse_what_says_nothing(pages, chars, broken)
    return pages


def _refuse_what_says_nothing(pages: list[Page], chars: int, broken: int) -> None:
    if broken == len(pages):
        raise ReadError("broken PDF: none of its pages can be read")
    if not chars:
        raise ReadError("no text layer: pages that are pictures, such as scans, or blank", "empty")
    unknown = sum(line.text.count("\ufffd") for page in pages for line in page)
    if unknown > _MOST_UNKNOWN * chars:
        raise ReadError("its fonts do not say which letters they draw")


def _bookmarks(document: pdfium.PdfDocument) -> list[Bookmark]:
    found = []
    for item in document.get_toc():
        destination = item.get_dest()
        page = destination.get_index() if destination else None
        if page is not None:
            found.append(Bookmark(item.get_title(), page, item.level))
        if len(found) == _MAX_BOOKMARKS:
            break
    return found


def _title(stated: str, text: str) -> str | None:
    """The stated title where it is one, else the first heading."""
    title = _WRITTEN_BY.sub("", stated).strip("\x00 ")
    if title and not _NO_TITLE.fullmatch(title):
        return title
    heading = _HEADING.match(text)
    return heading[1] if heading else None


def _language(document: pdfium.PdfDocument) -> str | None:
    size = raw.FPDFCatalog_GetLanguage(document.raw, None, 0)
    if not 2 < size <= 200:
        return None
    buffer = ctypes.create_string_buffer(size)
    raw.FPDFCatalog_GetLanguage(document.raw, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return buffer.raw.decode("utf-16-le", "replace").strip("\x00 ") or None


def _date(stated: str) -> str | None:
    found = _DATE.match(stated)
    return "-".join(part for part in found.groups() if part) if found else None
