"""The body of a Word file as simple HTML.

In: the body as XML, its styles, and its footnotes by number. Out: HTML of headings, paragraphs, lists,
tables, code and quotations, formulas as TeX between dollar signs. What was deleted, headers, fields'
codes and tables of contents are left out; footnotes stand in brackets where they are called.
"""

import html
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple
from xml.etree.ElementTree import Element

from synth.documents.formats.word.omml import omml_to_tex
from synth.documents.formats.word.styles import Meaning, Styles, is_on, valued

_LEFT_OUT = frozenset(
    {"del", "moveFrom", "instrText", "delText", "pPr", "rPr", "sectPr", "tblPr", "Fallback"}
)
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}


class _Piece(NamedTuple):
    """Text and the tags that it stands in; `raw` text is HTML already."""

    text: str
    tags: tuple[str, ...] = ()
    raw: bool = False


class Body:
    """Writes the body of a document."""

    def __init__(self, styles: Styles, notes: Mapping[str, str]) -> None:
        self._styles = styles
        self._notes = notes
        self._boxes: list[Element] = []

    def html(self, body: Element) -> str:
        """The HTML of a body, of a cell of a table or of a box."""
        out: list[str] = []
        blocks = ((_group(meaning), meaning, text) for meaning, text in self._blocks(body))
        for kind, group in groupby(blocks, key=lambda block: block[0]):
            found = [(meaning, text) for _, meaning, text in group]
            if kind == "item":
                out.append(_list(found))
            elif kind == "code":
                out.append(f"<pre><code>{chr(10).join(text for _, text in found)}</code></pre>")
            elif kind == "quote":
                out.append(f"<blockquote>{''.join(f'<p>{text}</p>' for _, text in found)}</blockquote>")
            else:
                out.extend(text for _, text in found)
        return "".join(out)

    def _blocks(self, body: Element) -> Iterator[tuple[Meaning, str]]:
        """What a paragraph is and its HTML; tables are HTML of their own."""
        for child in body:
            if child.tag == "p":
                yield from self._paragraph(child)
            elif child.tag == "tbl":
                yield Meaning("text"), self._table(child)
            elif child.tag not in _LEFT_OUT:
                yield from self._blocks(child)

    def _paragraph(self, paragraph: Element) -> Iterator[tuple[Meaning, str]]:
        meaning = self._styles.meaning(paragraph)
        pieces = [] if meaning.kind == "left out" else list(self._pieces(paragraph))
        boxes, self._boxes = self._boxes, []
        seen = [p for p in pieces if p.text.strip()]
        if meaning.kind == "text" and seen and all("code" in p.tags for p in seen):
            meaning = Meaning("code")
        if meaning.kind == "code":
            yield meaning, html.escape("".join(p.text for p in pieces), quote=False)
        elif seen:
            text = _inline(pieces)
            if meaning.kind == "heading":
                text = (
                    f"<h{meaning.level}>{_inline([p._replace(tags=()) for p in pieces])}</h{meaning.level}>"
                )
            yield meaning, f"<p>{text}</p>" if meaning.kind == "text" else text
        for box in boxes:
            yield Meaning("text"), self.html(box)

    def _pieces(self, element: Element) -> Iterator[_Piece]:
        """The text of a paragraph, run by run."""
        for child in element:
            tag = child.tag
            if tag == "r":
                yield from self._run(child)
            elif tag == "oMathPara":
                yield from (_Piece(f" $${omml_to_tex(m)}$$ ") for m in child.iter("oMath"))
            elif tag == "oMath":
                yield _Piece(f"${omml_to_tex(child)}$")
            elif tag not in _LEFT_OUT:
                yield from self._pieces(child)

    def _run(self, run: Element) -> Iterator[_Piece]:
        properties = run.find("rPr")
        if is_on(properties, "vanish"):
            return
        tags = tuple(self._tags(run, properties))
        for child in run:
            if child.tag == "t":
                yield _Piece(child.text or "", tags)
            elif child.tag in _SIGNS:
                yield _Piece(_SIGNS[child.tag], tags)
            elif child.tag in ("footnoteReference", "endnoteReference"):
                note = self._notes.get(child.tag[:-9] + child.get("id", ""), "")
                yield _Piece(f" ({note})" if note else "")
            elif child.tag in ("drawing", "pict", "object", "AlternateContent"):
                self._keep_boxes(child)

    def _tags(self, run: Element, properties: Element | None) -> Iterator[str]:
        if self._styles.is_code(run):
            yield "code"
            return
        raised = valued(properties, "vertAlign")
        if raised in ("superscript", "subscript"):
            yield raised[:3]
            return
        if is_on(properties, "b"):
            yield "strong"
        if is_on(properties, "i"):
            yield "em"

    def _keep_boxes(self, drawing: Element) -> None:
        """Boxes of text are read after the paragraph that they hang on, each once."""
        for child in drawing:
            if child.tag == "txbxContent":
                self._boxes.append(child)
            elif child.tag not in _LEFT_OUT:
                self._keep_boxes(child)

    def _table(self, table: Element) -> str:
        rows = [[self._cell(cell) for cell in _found(row, "tc")] for row in _found(table, "tr")]
        if sum(map(len, rows)) == 1:
            # One cell is a frame around text.
            return rows[0][0] if rows[0] else ""
        return f"<table>{''.join(f'<tr>{_cells(row)}</tr>' for row in rows)}</table>"

    def _cell(self, cell: Element) -> str:
        merged = cell.find("tcPr/vMerge")
        return "" if merged is not None and merged.get("val") != "restart" else self.html(cell)


def _cells(row: Iterable[str]) -> str:
    return "".join(f"<td>{cell.replace('</p><p>', '<br>')}</td>" for cell in row)


def _found(element: Element, tag: str) -> Iterator[Element]:
    """Rows or cells, also those inside controls."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag in ("sdt", "sdtContent", "customXml", "ins"):
            yield from _found(child, tag)


def _group(meaning: Meaning) -> str:
    return meaning.kind


def _inline(pieces: Iterable[_Piece]) -> str:
    out = []
    for tags, group in groupby(pieces, key=lambda piece: piece.tags):
        text = "".join(piece.text for piece in group)
        inner = text.strip()
        escaped = html.escape(text, quote=False).replace("\n", "<br>").replace("\t", " ")
        if inner and tags:
            # White space at the edges stays outside, where Markdown wants it.
            core = html.escape(inner, quote=False).replace("\n", "<br>").replace("\t", " ")
            opened, closed = "".join(f"<{t}>" for t in tags), "".join(f"</{t}>" for t in reversed(tags))
            before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
            escaped = f"{' ' * bool(before)}{opened}{core}{closed}{' ' * bool(after)}"
        out.append(escaped)
    return "".join(out)


def _list(items: Iterable[tuple[Meaning, str]]) -> str:
    """Items of several levels as lists inside lists."""
    out: list[str] = []
    opened: list[str] = []
    for meaning, text in items:
        tag = "ol" if meaning.ordered else "ul"
        while len(opened) > meaning.level + 1 or (len(opened) == meaning.level + 1 and opened[-1] != tag):
            out.append(f"</li></{opened.pop()}>")
        if len(opened) == meaning.level + 1:
            out.append("</li><li>")
        while len(opened) < meaning.level + 1:
            opened.append(tag)
            out.append(f"<{tag}><li>")
        out.append(text)
    out.extend(f"</li></{tag}>" for tag in reversed(opened))
    return "".join(out)
