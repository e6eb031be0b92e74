"""Takes a web page apart: its main part, and what it says of itself.

In: HTML as found. Out: HTML of the main part only, without navigation, forms, scripts, links and
permalink marks, with formulas written as TeX between dollar signs. Nothing in it is executed.
"""

import html
import re
from collections import Counter
from dataclasses import dataclass

from synth.documents.chrome import MARKS, RIGHTS, classes_of, is_bare_header, is_dropped
from synth.documents.tags import End, Start, tokens

# The converter escapes backslashes, which TeX is full of: this stands for one until it is done.
BACKSLASH = "\ue05c"

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track"}
    | {"wbr"}
)
# The slash of `<mspace/>` means something in formulas and drawings only.
_CLOSABLE = frozenset({"svg", "path", "mspace", "mrow", "mi", "mo", "mn", "mtext", "mprescripts", "none"})
_CLOSED_BY_NEXT = frozenset({"p", "li", "dt", "dd", "tr", "td", "th", "option"})
# Only their content is kept: links cost a prompt more than they tell it.
_UNWRAPPED = frozenset({"a", "var", "cite", "font", "center", "html", "head", "header", "main", "abbr"})
# Deeper than any page that people write; so each piece of output is looked at a bounded number of times.
_MAX_DEPTH = 300
_CODE_CLASS = re.compile(r"(?:language|lang)-[\w+#.-]{1,40}")
_ORDINAL = frozenset({"st", "nd", "rd", "th"})
_STYLED = re.compile(r"\{\\displaystyle\s*(.*)\}", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


@dataclass(slots=True)
class _Open:
    """An element whose end has not come yet; `at` is where its output begins."""

    tag: str
    attributes: dict[str, str]
    at: int


class Page:
    """A page's main part as HTML, and what the page states of itself.

    Broken HTML is read as far as it goes: what is never closed ends with what it stands in.
    """

    def __init__(self, text: str) -> None:
        self.title: str | None = None
        self.heading: str | None = None
        self.language: str | None = None
        self.licence: str | None = None
        self.url: str | None = None
        self._out: list[str] = []
        self._open: list[_Open] = []
        self._count: Counter[str] = Counter()
        self._mains: list[str] = []
        self._articles: list[str] = []
        self._tex = ""
        for token in tokens(text.replace(BACKSLASH, "")):
            if isinstance(token, Start):
                self._start(token)
            elif isinstance(token, End):
                self._end(token.tag)
            else:
                self._text(token)
        while self._open:
            self._close_last()

    @property
    def main(self) -> str:
        """The part marked as main, else the only article, else everything."""
        if self._mains:
            return self._mains[0]
        return self._articles[0] if len(self._articles) == 1 else "".join(self._out)

    def _start(self, token: Start) -> None:
        """Opens an element; one that is never closed closes its like before it."""
        tag, attributes, closed = token
        self._read_statements(tag, attributes)
        if tag in _VOID:
            self._void(tag, attributes)
            return
        if tag in _CLOSED_BY_NEXT and self._open and self._open[-1].tag == tag:
            self._close_last()
        if len(self._open) == _MAX_DEPTH:
            self._close_last()
        self._open.append(_Open(tag, attributes, len(self._out)))
        self._count[tag] += 1
        if tag not in _UNWRAPPED and not is_dropped(tag, attributes):
            self._out.append(_start_tag(tag, attributes))
        if closed and tag in _CLOSABLE:
            self._close_last()

    def _end(self, tag: str) -> None:
        """Closes an element and all in it that is still open; an end without a start is nothing."""
        while self._count[tag]:
            if self._close_last() == tag:
                return

    def _text(self, data: str) -> None:
        """Text, with its backslashes set aside."""
        self._out.append(html.escape(data, quote=False).replace("\\", BACKSLASH))

    def _read_statements(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in ("html", "body"):
            stated = attributes.get("lang") or attributes.get("xml:lang")
            self.language = self.language or stated
        rel = attributes.get("rel", "").lower().split()
        href = attributes.get("href", "")
        if "license" in rel and href.startswith("http"):
            self.licence = self.licence or href
        if tag == "link" and "canonical" in rel and href.startswith("http"):
            self.url = self.url or href
        if tag == "meta" and attributes.get("name", "").lower() in RIGHTS:
            self.licence = self.licence or attributes.get("content")

    def _void(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "br":
            self._out.append("<br>")
        elif tag == "img" and classes_of(attributes) & {"math", "tex", "latex"}:
            self._formula(attributes.get("alt", ""), display=False)

    def _close_last(self) -> str:
        """Ends the innermost element: its output is kept, dropped or written anew."""
        element = self._open.pop()
        tag, at = element.tag, element.at
        self._count[tag] -= 1
        inner = self._out[at:]
        if is_dropped(tag, element.attributes):
            del self._out[at:]
            self._source_of_formula(element, inner)
            if tag == "title" and self.title is None:
                self.title = _plain(inner)
        elif tag == "math" and (self._tex or "alttext" in element.attributes):
            del self._out[at:]
            shown = element.attributes.get("display") == "block"
            self._formula(self._tex or element.attributes["alttext"], shown)
            self._tex = ""
        elif tag in ("sup", "sub"):
            self._out[at:] = self._raised(tag, _plain(inner))
        elif self._is_chrome(element, inner):
            del self._out[at:]
        else:
            self._keep(element, inner)
        return tag

    def _keep(self, element: _Open, inner: list[str]) -> None:
        if element.tag not in _UNWRAPPED:
            self._out.append(f"</{element.tag}>")
        if element.tag == "h1" and self.heading is None:
            self.heading = _plain(inner)
        if element.tag == "main" or element.attributes.get("role") == "main":
            self._mains.append("".join(inner))
        elif element.tag == "article" and not self._count["article"]:
            self._articles.append("".join(inner))

    def _is_chrome(self, element: _Open, inner: list[str]) -> bool:
        """A header without a heading, a permalink mark, or a footnote's number."""
        if element.tag != "a":
            return is_bare_header(element.tag, element.attributes, inner)
        return _plain(inner) in MARKS or bool(self._open and self._open[-1].tag == "sup")

    def _source_of_formula(self, element: _Open, inner: list[str]) -> None:
        """TeX stands in annotations of MathML, and in scripts for MathJax."""
        if element.tag == "annotation" and "tex" in element.attributes.get("encoding", "").lower():
            self._tex = _plain(inner)
        kind = element.attributes.get("type", "").lower()
        if element.tag == "script" and kind.startswith("math/tex"):
            self._formula(_plain(inner), display="display" in kind)

    def _formula(self, tex: str, display: bool) -> None:
        tex = " ".join(tex.replace(BACKSLASH, "\\").split())
        styled = _STYLED.fullmatch(tex)
        tex = (styled[1] if styled else tex).strip()
        if tex:
            display = display or any("katex-display" in classes_of(e.attributes) for e in self._open)
            self._text(f" $${tex}$$ " if display else f"${tex}$")

    def _raised(self, tag: str, text: str) -> list[str]:
        """`x^2` and `x_{12}`; ordinals stay words, and the numbers of footnotes go."""
        if not text or (self._open and self._open[-1].tag == "a"):
            return []
        if text in _ORDINAL:
            return [text]
        sign = "^" if tag == "sup" else "_"
        return [html.escape(f"{sign}{text}" if len(text) == 1 else f"{sign}{{{text}}}", quote=False)]


def _start_tag(tag: str, attributes: dict[str, str]) -> str:
    """The start tag with nothing but what the converter needs: the language of code."""
    language = _CODE_CLASS.search(attributes.get("class", "")) if tag in ("pre", "code") else None
    return f'<{tag} class="{language[0]}">' if language else f"<{tag}>"


def _plain(inner: list[str]) -> str:
    text = html.unescape(_TAG.sub("", "".join(inner)))
    return " ".join(text.split())
