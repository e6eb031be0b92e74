"""Web pages.

In: bytes of a page. Out: its main part as Markdown, and the title, language, licence, address
and date that it states. `page.py` takes the page apart; the converter turns what is left into Markdown.
"""

import re

import html_to_markdown
from html_to_markdown import ConversionOptions, PreprocessingOptions

from synth.documents.content import Content, ReadError, decode
from synth.documents.formats.html.page import BACKSLASH, Page, take_apart

_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([A-Za-z0-9_:.-]{1,40})""", re.IGNORECASE)
# `17.7 ` and `Chapter 3: ` before a heading.
_NUMBER = re.compile(
    r"^(?:(?:chapter|section|appendix)\s+)?(?:\d+(?:\.\d+)*|[A-Z](?:\.\d+)+)[.:]?\s+", re.IGNORECASE
)
_HEAD_BYTES = 4096

_OPTIONS = ConversionOptions(
    bullets="-",
    extract_metadata=False,
    expand_abbreviations=False,
    skip_images=True,
    # Solutions are often folded away.
    hidden_content="reachable",
    compact_tables=True,
    # Navigation and forms are gone already, and `page` knows better which.
    preprocessing=PreprocessingOptions(enabled=False),
)


def read_html(raw: bytes) -> Content:
    """The main part of a page.

    Raises:
        ReadError: the page is no text, or the converter cannot read it.
    """
    charset = _CHARSET.search(raw[:_HEAD_BYTES])
    page = take_apart(decode(raw, charset[1].decode("ascii") if charset else None))
    try:
        markdown = html_to_markdown.convert(page.main, _OPTIONS).content or ""
    except html_to_markdown.ConversionError as fault:
        raise ReadError(f"no HTML: {fault}") from fault
    text = markdown.replace(BACKSLASH, "\\")
    stated = page.stated
    return Content(text, _title(page), stated.language, stated.licence, stated.url, stated.date)


def _title(page: Page) -> str | None:
    """The heading where the page's title only adds the name of the site to it, or leaves out its number."""
    heading, title = page.heading or "", page.stated.title
    bare = _NUMBER.sub("", heading)
    return heading if bare and bare in (title or bare) else title
