"""What the styles and lists of a Word file mean.

In: its styles and numbering as XML. Out: for a paragraph, whether it is a heading, code, a quotation
or an item of a list; for a run, whether it is set in a typewriter font.
"""

import re
from typing import Literal, NamedTuple
from xml.etree.ElementTree import Element

Kind = Literal["text", "heading", "code", "quote", "item", "left out"]

_HEADING = re.compile(r"(?:heading|überschrift|titre|título|titolo|kop|rubrik) ?([1-9])")
_LEFT_OUT = re.compile(r"toc|table of figures|index|header|footer|page number")
_CODE = re.compile(r"code|source|verbatim|preformatted|macro|listing|terminal|console")
_ITEM = re.compile(r"list (bullet|number)(?: ([1-5]))?")
_TYPEWRITER = re.compile(r"courier|consol|mono|menlo|lucida console|typewriter|fira code", re.IGNORECASE)
_MOST_PARENTS = 20
_OFF = ("0", "false", "off", "none")


class Meaning(NamedTuple):
    """What a paragraph is; `level` from 1 for headings, from 0 for items of lists."""

    kind: Kind
    level: int = 0
    ordered: bool = False


class Styles:
    """The styles and lists of a document."""

    def __init__(self, styles: Element | None, numbering: Element | None) -> None:
        self._styles = {s.get("styleId", ""): s for s in styles.iter("style")} if styles is not None else {}
        self._bullets = _bullets(numbering) if numbering is not None else {}

    def meaning(self, paragraph: Element) -> Meaning:
        """What a paragraph is, by its properties and those of its style and what that builds on."""
        properties = paragraph.find("pPr")
        chain = self._chain(valued(properties, "pStyle"))
        name = next((valued(style, "name").lower() for style in chain), valued(properties, "pStyle").lower())
        found = [p for p in (properties, *(style.find("pPr") for style in chain)) if p is not None]
        if _LEFT_OUT.match(name):
            return Meaning("left out")
        if level := _heading_level(name, found):
            return Meaning("heading", level)
        if _CODE.search(name):
            return Meaning("code")
        if item := self._item(name, found):
            return item
        return Meaning("quote" if "quot" in name else "text")

    def _chain(self, name: str) -> list[Element]:
        """A style and those that it builds on."""
        chain: list[Element] = []
        while (style := self._styles.get(name)) is not None and len(chain) < _MOST_PARENTS:
            chain.append(style)
            name = valued(style, "basedOn")
        return chain

    def _item(self, name: str, properties: list[Element]) -> Meaning | None:
        number = next((n for p in properties if (n := p.find("numPr")) is not None), None)
        if number is not None:
            list_id, level = valued(number, "numId"), _number(valued(number, "ilvl"), 0)
            if list_id == "0":
                return None
            return Meaning("item", min(level, 8), (list_id, level) not in self._bullets)
        if match := _ITEM.match(name):
            return Meaning("item", int(match[2] or 1) - 1, match[1] == "number")
        return None

    def is_code(self, run: Element) -> bool:
        """Whether a run is set in a typewriter font."""
        properties = run.find("rPr")
        if properties is None:
            return False
        style = self._styles.get(valued(properties, "rStyle"))
        if style is not None and _CODE.search(valued(style, "name").lower()):
            return True
        fonts = properties.find("rFonts")
        return fonts is not None and bool(_TYPEWRITER.search(fonts.get("ascii", "")))


def valued(element: Element | None, name: str) -> str:
    """The value of a child; empty where there is none."""
    child = element.find(name) if element is not None else None
    return "" if child is None else child.get("val", "")


def is_on(properties: Element | None, name: str) -> bool:
    """Whether a property is switched on."""
    child = properties.find(name) if properties is not None else None
    return child is not None and child.get("val", "1") not in _OFF


def _heading_level(name: str, properties: list[Element]) -> int:
    if name == "title":
        return 1
    if match := _HEADING.match(name):
        return min(int(match[1]), 6)
    level = _number(next((found for p in properties if (found := valued(p, "outlineLvl"))), ""), 9)
    return level + 1 if level < 6 else 0


def _bullets(numbering: Element) -> set[tuple[str, int]]:
    """The levels of lists that have bullets rather than numbers."""
    kinds = {
        (a.get("abstractNumId", ""), _number(level.get("ilvl", ""), 0))
        for a in numbering.iter("abstractNum")
        for level in a.findall("lvl")
        if valued(level, "numFmt") in ("bullet", "none")
    }
    return {
        (n.get("numId", ""), level)
        for n in numbering.iter("num")
        for level in range(9)
        if (valued(n, "abstractNumId"), level) in kinds
    }


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else otherwise
