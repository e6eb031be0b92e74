"""Cuts HTML into tags and text, in one pass whose time grows with the length of the page only.

In: HTML as found. Out: starts and ends of elements, and the text between them. It follows the HTML
standard in what hostile or broken pages get wrong: a tag, a comment or a script that is never closed
takes the rest of the page with it. The standard library's parser tries such a tag again from every
`<` on, and reads broken pages differently from one release of Python to the next.
"""

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

_TAG = re.compile(r"</?([A-Za-z][^\s/>]*)")
_ATTRIBUTE = re.compile(
    r"""[\s/]*([^\s/>=][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?""",
)
_END = re.compile(r"[\s/=]*>")
# What stands in these is text, whatever it looks like.
_RAW = frozenset({"script", "style", "textarea", "title", "xmp", "noframes", "iframe"})


class Start(NamedTuple):
    """The start tag of an element."""

    tag: str
    attributes: dict[str, str]
    closed: bool


class End(NamedTuple):
    """The end tag of an element."""

    tag: str


Token = Start | End | str


def tokens(text: str) -> Iterator[Token]:
    """Tags in lower case and text with its entities resolved, in order; comments are skipped."""
    at = 0
    while at < len(text):
        begin = text.find("<", at)
        if begin != at:
            yield html.unescape(text[at : begin if begin > 0 else len(text)])
        if begin < 0:
            return
        match = _TAG.match(text, begin)
        if match is None:
            at = _skip(text, begin)
            if at == begin + 1:
                yield "<"
            continue
        token, at = _tag(text, match)
        if token is None:
            return
        yield token
        if isinstance(token, Start) and token.tag in _RAW:
            raw, at = _raw(text, at, token.tag)
            yield raw
            yield End(token.tag)


def _skip(text: str, begin: int) -> int:
    """The end of a comment or declaration; a `<` that opens nothing is one character of text."""
    if text.startswith("<!--", begin):
        # `<!-->` and `<!--->` are whole comments.
        end = text.find("-->", begin + 2)
        return len(text) if end < 0 else end + 3
    if text.startswith(("<!", "<?", "</"), begin):
        end = text.find(">", begin)
        return len(text) if end < 0 else end + 1
    return begin + 1


def _tag(text: str, match: re.Match[str]) -> tuple[Token | None, int]:
    """The tag that begins at a match, and where it ends; none where it never does."""
    tag, at = match[1].lower(), match.end()
    attributes: dict[str, str] = {}
    while (end := _END.match(text, at)) is None:
        found = _ATTRIBUTE.match(text, at)
        if found is None:
            return None, len(text)
        value = found[2] or found[3] or found[4] or ""
        # Of two attributes of one name the first counts.
        attributes.setdefault(found[1].lower(), html.unescape(value))
        at = found.end()
    if match[0].startswith("</"):
        return End(tag), end.end()
    return Start(tag, attributes, "/" in end[0]), end.end()


def _raw(text: str, at: int, tag: str) -> tuple[str, int]:
    """What stands in a script or its like, and where its end tag ends."""
    end = re.compile(rf"</{re.escape(tag)}(?=[\s/>])[^>]*>?", re.IGNORECASE).search(text, at)
    inner = text[at : end.start() if end else len(text)]
    return html.unescape(inner) if tag in ("title", "textarea") else inner, end.end() if end else len(text)
