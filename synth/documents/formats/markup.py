"""Plain text and Markdown.

In: bytes. Out: the text, and what a front matter (YAML between two lines of `---`) says of it. The
front matter is read as plain data, is bounded, and is cut off the text.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from synth.documents.blocks import find_headings
from synth.documents.content import Content, decode
from synth.documents.formats.tables.cards import check_card

_FRONT_MATTER = re.compile(r"\s*---[ \t]*\n(.{0,8000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
# Brackets in brackets cost the YAML parser the square of their depth.
_MAX_BRACKETS = 200
_TITLE_LINE = re.compile(r"\s*(\w[^\n]{0,79}[^\n.:;,])\n[ \t]*\n")
# Roles that documentation tools allow within Markdown: marks and sizes go, references leave their words.
_ROLE_GONE = re.compile(r"[ \t]*:(?:label|eqlabel|width|height|begin_tab|end_tab|bookmark):`[^`\n]{0,200}`")
_ROLE_KEPT = re.compile(r":(?:numref|eqref|ref|doc|term|cite|citet|citep):`([^`\n]{1,200})`")
_ROLE = re.compile(r":[a-z_]{3,12}:`")
_HEAD_CHARS = 2000
# Behind one of these a line that looks like a heading may be none.
_OPENING = re.compile(r"```|~~~|\$\$|\\\[|\\begin\{")
# Ten times as fast, where the library was built with it.
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
# How YAML says that there is nothing.
_NOTHING = ("~", "null", "Null", "NULL")

FIELDS: dict[str, tuple[str, ...]] = {
    "title": ("title", "name"),
    "licence": ("licence", "license"),
    "language": ("language", "lang"),
    "url": ("url", "link", "canonical_url"),
    "date": ("date", "published", "created", "updated", "timestamp"),
}


def read_text(raw: bytes) -> Content:
    """Plain text; its title is a heading that stands for the whole, or a first line that stands alone."""
    text = _unix(decode(raw))
    line = _TITLE_LINE.match(text)
    return Content(text, title=title_of(text) or (line[1] if line else None))


def read_markdown(raw: bytes) -> Content:
    """Markdown, with its front matter read and cut off.

    Raises:
        ReadError: it is no text, or the card of a data set.
    """
    text = _unix(decode(raw))
    check_card(text)
    match = _FRONT_MATTER.match(text)
    stated = _front_matter(match[1]) if match else None
    if match and stated is not None:
        text = text[match.end() :]
    if _ROLE.search(text):
        text = _ROLE_KEPT.sub(r"[\1]", _ROLE_GONE.sub("", text))
    fields = stated_fields(stated or {})
    return Content(text, **{**fields, "title": fields["title"] or title_of(text)})


def title_of(text: str) -> str | None:
    """A heading that stands for the whole: one that opens the text, or the only one of the first level."""
    # Most texts begin with one, so the rest need not be gone through.
    head = text[: text.rfind("\n", 0, _HEAD_CHARS) + 1]
    first = next(iter(find_headings(head, whole=())), None)
    if first and not text[: first.start].strip() and not _OPENING.search(head, 0, first.end):
        return first.title
    headings = find_headings(text)
    if headings and not text[: headings[0].start].strip():
        return headings[0].title
    top = [heading for heading in headings if heading.level == 1]
    return top[0].title if len(top) == 1 else None


def stated_fields(row: Mapping[str, Any]) -> dict[str, str | None]:
    """Title, licence, language and address, as far as a row or front matter states them in words."""

    def stated(names: tuple[str, ...]) -> str | None:
        values = (row.get(name) for name in names)
        return next((v.strip() for v in values if isinstance(v, str) and v.strip()), None)

    # A work may be given under several licences; nothing else is stated in a list.
    row = {name: _joined(value) if name in FIELDS["licence"] else value for name, value in row.items()}
    return {field: stated(names) for field, names in FIELDS.items()}


def _joined(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return ", ".join(v.strip() for v in value if v.strip())
    return value


def _front_matter(written: str) -> dict[str, Any] | None:
    """None where it is no mapping: then the lines belong to the text."""
    if written.count("[") + written.count("{") > _MAX_BRACKETS:
        return None
    try:
        # Nothing but text is looked for, and as anything else one impossible date would cost all fields.
        value = yaml.load(written, Loader=_Loader)  # noqa: S506  (makes strings, lists and mappings only)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    return {str(k).lower(): v for k, v in value.items() if v not in _NOTHING}


def _unix(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
