"""What a web page says of itself: title, language, licence, address, date.

In: a parsed page, before anything is taken off it. Out: its statements as they are written there.
Linked data is parsed as JSON and nothing else.
"""

import json
import re
from collections import deque
from dataclasses import dataclass
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

_STATEMENTS = 'title,link[rel],a[rel~="license" i],meta[content],time[datetime],script[type*="ld+json" i]'
_RIGHTS = frozenset(["license", "licence", "dc.rights", "dcterms.license", "dcterms.rights", "dc.license"])
# From the surest on: when the text was published, rather than when the page was last built.
_DATES = (
    "article:published_time", "datepublished", "citation_publication_date", "citation_date", "dc.date.issued",
    "dcterms.issued", "dc.date", "dcterms.date", "dcterms.created", "dc.date.created", "date",
)  # fmt: skip
_DATE = re.compile(r"\d{4}(?:[-/]\d{1,2}(?:[-/]\d{1,2})?)?(?!\d)")
_MAX_JSON_CHARS = 500_000
_MAX_JSON_VALUES = 1_000


@dataclass(slots=True)
class Stated:
    """The statements of a page; None for what it does not say."""

    title: str | None = None
    language: str | None = None
    licence: str | None = None
    url: str | None = None
    date: str | None = None


def stated_in(tree: LexborHTMLParser) -> Stated:
    """Everything that a page says of itself; of two statements the first counts."""
    stated = Stated(language=_language(tree))
    dates: dict[str, str] = {}
    for node in tree.css(_STATEMENTS):
        match node.tag:
            case "title":
                stated.title = stated.title or " ".join(node.text_lexbor().split())
            case "meta":
                _read_meta(node, stated, dates)
            case "time":
                dates.setdefault("time", node.attributes["datetime"] or "")
            case "script":
                dates.setdefault("linked data", _published(node.text_lexbor()))
            case _:
                _read_link(node, stated)
    order = (*_DATES[:1], "linked data", *_DATES[1:], "time")
    stated.date = next(
        (found.strip() for name in order if _DATE.match(found := dates.get(name, "").strip())), None
    )
    return stated


def _language(tree: LexborHTMLParser) -> str | None:
    for node in (tree.root, tree.body):
        stated = node.attributes if node else {}
        if language := stated.get("lang") or stated.get("xml:lang"):
            return language
    return None


def _read_meta(node: LexborNode, stated: Stated, dates: dict[str, str]) -> None:
    attributes = node.attributes
    content = attributes["content"] or ""
    name = (attributes.get("name") or attributes.get("property") or attributes.get("itemprop") or "").lower()
    if name in _RIGHTS:
        stated.licence = stated.licence or content
    elif name in _DATES:
        dates.setdefault(name, content)


def _read_link(node: LexborNode, stated: Stated) -> None:
    attributes = node.attributes
    href = attributes.get("href") or ""
    if not href.startswith("http"):
        return
    rel = (attributes["rel"] or "").lower().split()
    if "license" in rel:
        stated.licence = stated.licence or href
    if node.tag == "link" and "canonical" in rel:
        stated.url = stated.url or href


def _published(written: str) -> str:
    """The date of publication in linked data, empty where there is none; the outermost one counts."""
    try:
        waiting: deque[Any] = deque([json.loads(written[:_MAX_JSON_CHARS])])
    except (ValueError, RecursionError):
        return ""
    for _ in range(_MAX_JSON_VALUES):
        if not waiting:
            break
        value = waiting.popleft()
        if isinstance(value, dict):
            if isinstance(found := value.get("datePublished"), str):
                return found
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return ""
