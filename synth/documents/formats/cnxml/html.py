"""Writes CNXML as simple HTML.

In: the elements that hold a module's text. Out: HTML of headings, paragraphs, lists, tables and code,
with formulas as TeX between dollar signs. Exercises, notes and examples in which nothing stands (they
only embed something from elsewhere) are left out.
"""

import html
import textwrap
from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element

from synth.documents.formats.mathml.tex import local_name, mathml_to_tex

# The converter escapes backslashes, which TeX is full of: this stands for one until it is done.
BACKSLASH = "\ue05c"
# Deeper than any book; what stands below is kept as text.
_MAX_DEPTH = 80
_DROPPED = frozenset(
    {"metadata", "iframe", "image", "colspec", "spanspec", "label", "audio", "video", "flash", "object"}
)
_SAME = {
    "para": "p",
    "item": "li",
    "thead": "thead",
    "tbody": "tbody",
    "row": "tr",
    "entry": "td",
    "term": "em",
    "foreign": "em",
    "cite": "em",
    "cite-title": "em",
    "quote": "blockquote",
    "tfoot": "tbody",
    "equation": "p",
    "meaning": "p",
    "caption": "p",
    "subfigure": "div",
    "figure": "div",
    "preformat": "pre",
}
_KINDS = ("exercise", "example", "note", "rule", "proof", "statement", "solution", "commentary", "hint")
_EFFECTS = {"bold": "strong", "italics": "em", "underline": "em"}


def to_html(parts: Sequence[Element], title: str | None) -> str:
    """The parts one after the other, under a title."""
    writer = _Writer({e.get("id", ""): e for part in parts for e in part.iter() if e.get("id")})
    writer.out.append(f"<h1>{_escaped(title)}</h1>" if title else "")
    for part in parts:
        writer.write(part, 0)
    return "".join(writer.out)


def _escaped(text: str | None) -> str:
    return html.escape(text or "", quote=False)


class _Writer:
    """Writes elements to `out`; `named` are the elements that links may lead to."""

    def __init__(self, named: dict[str, Element]) -> None:
        self.out: list[str] = []
        self._named = named
        self._level = 2
        self._cells = 0
        self._special: dict[str, Callable[[Element, int], None]] = {
            "math": self._math,
            "title": self._title,
            "section": self._section,
            "code": self._code,
            "list": self._list,
            "emphasis": self._emphasis,
            "link": self._link,
            "table": self._table,
            "media": self._media,
            "definition": self._definition,
            "footnote": self._footnote,
            "sup": self._raised,
            "sub": self._raised,
            **dict.fromkeys(_KINDS, self._kind),
        }

    def write(self, element: Element, depth: int) -> None:
        """An element, without what follows it."""
        tag = local_name(element)
        if not tag or tag in _DROPPED:
            return
        if depth > _MAX_DEPTH:
            self.out.append(_escaped(" ".join("".join(element.itertext()).split())))
        elif tag == "newline":
            self.out.append("<br>")
        elif write := self._special.get(tag):
            write(element, depth)
        elif same := _SAME.get(tag):
            self._wrapped(same, element, depth)
        else:
            self._inner(element, depth)

    def _inner(self, element: Element, depth: int, without: str = "") -> None:
        self.out.append(_escaped(element.text))
        for child in element:
            if local_name(child) != without:
                self.write(child, depth + 1)
            self.out.append(_escaped(child.tail))

    def _wrapped(self, tag: str, element: Element, depth: int, without: str = "") -> None:
        self.out.append(f"<{tag}>")
        self._cells += tag == "td"
        self._inner(element, depth, without)
        self._cells -= tag == "td"
        self.out.append(f"</{tag}>")

    def _math(self, element: Element, _: int) -> None:
        tex = _escaped(mathml_to_tex(element)).replace("\\", BACKSLASH)
        if tex:
            self.out.append(f" $${tex}$$ " if element.get("display") == "block" else f"${tex}$")

    def _title(self, element: Element, depth: int) -> None:
        """A heading; the title of a paragraph, list or box is bold and no place to cut at."""
        self._wrapped(f"h{min(self._level, 6)}", element, depth)

    def _section(self, element: Element, depth: int) -> None:
        for child in element:
            if local_name(child) == "title":
                self.write(child, depth)
        self._level += 1
        self._wrapped("div", element, depth, without="title")
        self._level -= 1

    def _kind(self, element: Element, depth: int) -> None:
        """A box: its kind, its title, and what is in it; an empty one is nothing."""
        if not _says_something(element):
            return
        kind = local_name(element)
        if kind == "note":
            kind = (element.get("type") or element.get("class") or kind).split()[0].replace("-", " ")
        shown = _text(element, "label") or kind.capitalize()
        title = _text(element, "title")
        # Notes are often called by their title alone.
        named = f"{shown}: {title}" if title and local_name(element) != "note" else title or shown
        # A statement is named by the rule that it stands in.
        if local_name(element) != "statement":
            self.out.append(f"<p><strong>{_escaped(named)}</strong></p>")
        self._wrapped("div", element, depth, without="title")

    def _code(self, element: Element, depth: int) -> None:
        written = "".join(element.itertext())
        if element.get("display") != "block" and "\n" not in written.strip("\n"):
            self.out.append(f"<code>{_escaped(' '.join(written.split()))}</code>")
            return
        lines = textwrap.dedent(written.strip("\n").rstrip()).split("\n")
        if self._cells:
            # Tables have no room for a block.
            self.out.append("<br>".join(f"<code>{_escaped(line)}</code>" for line in lines if line.strip()))
            return
        language = "".join(c for c in element.get("lang", "") if c.isalnum() or c in "+#-")
        named = f' class="language-{language}"' if language else ""
        self.out.append(f"<pre><code{named}>{_escaped(chr(10).join(lines))}\n</code></pre>")

    def _list(self, element: Element, depth: int) -> None:
        if title := _text(element, "title"):
            self.out.append(f"<p><strong>{_escaped(title)}</strong></p>")
        ordered = element.get("list-type") == "enumerated"
        self._wrapped("ol" if ordered else "ul", element, depth, without="title")

    def _emphasis(self, element: Element, depth: int) -> None:
        tag = _EFFECTS.get(element.get("effect", "bold"), "span")
        self._wrapped(tag if _says_something(element) else "span", element, depth)

    def _link(self, element: Element, depth: int) -> None:
        """The text of a link; one without text is called by what it leads to."""
        if _says_something(element):
            self._inner(element, depth)
        elif (target := self._named.get(element.get("target-id", ""))) is not None:
            self.out.append(f"the {local_name(target)}")
        elif (url := element.get("url", "")).startswith("http"):
            self.out.append(_escaped(url))

    def _table(self, element: Element, depth: int) -> None:
        for part in ("title", "caption"):
            if said := _text(element, part):
                self.out.append(f"<p>{_escaped(said)}</p>")
        self.out.append("<table>")
        for child in element:
            if local_name(child) not in ("title", "caption"):
                self.write(child, depth + 1)
        self.out.append("</table>")

    def _media(self, element: Element, _: int) -> None:
        """What a picture shows, where its book says so in words."""
        alt = " ".join(element.get("alt", "").split())
        if " " in alt and any(local_name(e) == "image" for e in element):
            self.out.append(f" (Figure: {_escaped(alt)}) ")

    def _definition(self, element: Element, depth: int) -> None:
        self.out.append(f"<p><strong>{_escaped(_text(element, 'term'))}</strong></p>")
        self._wrapped("div", element, depth, without="term")

    def _footnote(self, element: Element, depth: int) -> None:
        self.out.append(" (")
        self._inner(element, depth)
        self.out.append(")")

    def _raised(self, element: Element, _: int) -> None:
        text = " ".join("".join(element.itertext()).split())
        sign = "^" if local_name(element) == "sup" else "_"
        self.out.append(_escaped(f"{sign}{text}" if len(text) == 1 else f"{sign}{{{text}}}") if text else "")


def _text(element: Element, tag: str) -> str:
    """The text of the first child of that name."""
    found = next((e for e in element if local_name(e) == tag), None)
    return "" if found is None else " ".join("".join(found.itertext()).split())


def _says_something(element: Element) -> bool:
    """Whether there is text in an element beside its titles, or a picture that is described."""
    titles = {id(e) for e in element if local_name(e) in ("title", "label")}
    return any(
        (id(e) not in titles and (e.text or "").strip() and local_name(e) not in ("title", "label"))
        or (e is not element and (e.tail or "").strip())
        or (local_name(e) == "media" and any(local_name(i) == "image" for i in e))
        for e in element.iter()
    )
