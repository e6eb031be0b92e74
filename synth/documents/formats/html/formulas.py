"""The formulas of a web page, written as TeX between dollar signs.

In: a parsed page. Out: the same tree with a text in the place of each formula whose TeX is known:
from an annotation of MathML (KaTeX, wikis), from a script for MathJax, from the alternative text of an
image, or from MathML itself.
"""

import re
from xml.etree import ElementTree

from selectolax.lexbor import LexborHTMLParser, LexborNode

from synth.documents.formats.mathml.tex import mathml_to_tex

_FORMULAS = 'math,script[type^="math/tex" i],img.math,img.tex,img.latex'
_ANNOTATION = 'annotation[encoding*="tex" i]'
_STYLED = re.compile(r"\{\\displaystyle\s*(.*)\}", re.DOTALL)


def write_formulas(tree: LexborHTMLParser) -> None:
    """Replace each formula by its TeX; one without any stays as it is."""
    formulas = tree.css(_FORMULAS)
    displayed = {node.mem_id for node in tree.css(".katex-display math")} if formulas else set[int]()
    for node in formulas:
        tex, display = _source(node)
        tex = " ".join(tex.split())
        styled = _STYLED.fullmatch(tex)
        tex = (styled[1] if styled else tex).strip()
        if tex:
            display = display or node.mem_id in displayed
            node.replace_with(f" $${tex}$$ " if display else f"${tex}$")


def _source(node: LexborNode) -> tuple[str, bool]:
    """The TeX of a formula, empty where there is none, and whether it stands on lines of its own."""
    stated = node.attributes
    if node.tag == "img":
        return stated.get("alt") or "", False
    if node.tag == "script":
        return node.text_lexbor(), "display" in (stated.get("type") or "").lower()
    annotation = node.css_first(_ANNOTATION)
    tex = annotation.text_lexbor() if annotation else stated.get("alttext")
    return tex or _converted(node), stated.get("display") == "block"


def _converted(node: LexborNode) -> str:
    """The TeX of MathML that states none; the parser has made its markup well-formed."""
    written = (node.html or "").replace("&nbsp;", "\xa0")
    try:
        return mathml_to_tex(ElementTree.fromstring(written))  # noqa: S314  (a fragment without declarations)
    except ElementTree.ParseError:
        return ""
