"""Formulas of Word files (OMML) as MathML, which `mathml` writes as TeX.

In: an `oMath` element, its names without name spaces. Out: TeX without dollar signs.
"""

import re
from collections.abc import Iterable
from xml.etree.ElementTree import Element

from synth.documents.formats.mathml.signs import FUNCTIONS
from synth.documents.formats.mathml.tex import mathml_to_tex

_TOKEN = re.compile(r"[A-Za-z]+|\d+(?:[.,]\d+)*|\s+|\S")
_VARIANTS = {"double-struck": "double-struck", "script": "script", "fraktur": "fraktur"}
# Signs that stand over others, as signs of their own.
_ACCENTS = {
    "\u0300": "`", "\u0301": "´", "\u0302": "^", "\u0303": "~", "\u0304": "¯", "\u0305": "¯",
    "\u0306": "˘", "\u0307": "˙", "\u0308": "¨", "\u030c": "ˇ", "\u20d7": "→",
}  # fmt: skip
_SCRIPTS = {"sSup": "msup", "sSub": "msub", "sSubSup": "msubsup"}
_PARTS = {
    "sSup": ("e", "sup"), "sSub": ("e", "sub"), "sSubSup": ("e", "sub", "sup"), "func": ("fName", "e"),
    "limLow": ("e", "lim"), "limUpp": ("e", "lim"),
}  # fmt: skip
_LIMITS = {"limLow": "munder", "limUpp": "mover"}


def omml_to_tex(formula: Element) -> str:
    """The TeX of a formula on one line."""
    return mathml_to_tex(_made("math", _inner(formula)))


def _made(tag: str, children: Iterable[Element] = (), **attributes: str) -> Element:
    element = Element(tag, attributes)
    element.extend(children)
    return element


def _token(tag: str, text: str, **attributes: str) -> Element:
    element = Element(tag, attributes)
    element.text = text
    return element


def _inner(element: Element | None) -> list[Element]:
    """What stands in an element, as MathML."""
    return [made for child in element for made in _element(child)] if element is not None else []


def _row(element: Element, part: str) -> Element:
    return _made("mrow", _inner(element.find(part)))


def _stated(element: Element, name: str, otherwise: str) -> str:
    """A property; one that is there without a value is switched on."""
    found = element.find(f"{element.tag}Pr/{name}")
    return otherwise if found is None else found.get("val", "on")


def _is_on(element: Element, name: str) -> bool:
    return _stated(element, name, "off") in ("on", "1", "true")


def _element(element: Element) -> list[Element]:
    tag = element.tag
    if tag == "r":
        return _run(element)
    if tag.endswith("Pr"):
        return []
    if tag in _SCRIPTS:
        return [_made(_SCRIPTS[tag], (_row(element, part) for part in _PARTS[tag]))]
    if tag in _LIMITS:
        return [_made(_LIMITS[tag], (_row(element, part) for part in _PARTS[tag]))]
    write = _LAYOUTS.get(tag)
    return [write(element)] if write else _inner(element)


def _run(element: Element) -> list[Element]:
    text = "".join(t.text or "" for t in element.iter("t"))
    if element.find("rPr/nor") is not None:
        return [_token("mtext", text)]
    style, script = (_stated_of_run(element, name) for name in ("sty", "scr"))
    variant = _VARIANTS.get(script, "bold" if style in ("b", "bi") else "")
    stated = {"mathvariant": variant} if variant else {}
    made: list[Element] = []
    for piece in _TOKEN.findall(text):
        if not piece.isascii() or not piece.isalpha():
            made += [] if piece.isspace() else [_token("mn" if piece[0].isdigit() else "mo", piece)]
        elif piece in FUNCTIONS or (style == "p" and len(piece) > 1):
            made.append(_token("mi", piece, **stated))
        else:
            made += [_token("mi", letter, **stated) for letter in piece]
    return made


def _stated_of_run(element: Element, name: str) -> str:
    found = element.find(f"rPr/{name}")
    return "" if found is None else found.get("val", "")


def _fraction(element: Element) -> Element:
    kind, parts = _stated(element, "type", "bar"), [_row(element, "num"), _row(element, "den")]
    if kind == "lin":
        return _made("mrow", [parts[0], _token("mo", "/"), parts[1]])
    return _made("mfrac", parts, **({"linethickness": "0"} if kind == "noBar" else {}))


def _root(element: Element) -> Element:
    degree = element.find("deg")
    if _is_on(element, "degHide") or degree is None or not _inner(degree):
        return _made("msqrt", [_row(element, "e")])
    return _made("mroot", [_row(element, "e"), _row(element, "deg")])


def _large(element: Element) -> Element:
    """A sum or integral with its bounds."""
    sign = _token("mo", _stated(element, "chr", "∫"))
    below, above = _inner(element.find("sub")), _inner(element.find("sup"))
    parts = [sign, *(_made("mrow", part) for part in (below, above) if part)]
    tag = "msubsup" if below and above else "msub" if below else "msup" if above else "mrow"
    return _made("mrow", [_made(tag, parts), _row(element, "e")])


def _fenced(element: Element) -> Element:
    parts = [_made("mrow", _inner(e)) for e in element.findall("e")]
    # One matrix in brackets is looked for right inside them.
    parts = [p[0] if len(p) == 1 else p for p in parts]
    left, right, between = (
        _sign(element, n, s) for n, s in (("begChr", "("), ("endChr", ")"), ("sepChr", "|"))
    )
    return _made("mfenced", parts, open=left, close=right, separators=between)


def _sign(element: Element, name: str, otherwise: str) -> str:
    found = element.find(f"dPr/{name}")
    return otherwise if found is None else found.get("val", "")


def _matrix(element: Element) -> Element:
    return _made(
        "mtable",
        (_made("mtr", (_made("mtd", _inner(e)) for e in row.findall("e"))) for row in element.findall("mr")),
    )


def _lines(element: Element) -> Element:
    return _made("mtable", (_made("mtr", [_made("mtd", _inner(e))]) for e in element.findall("e")))


def _accent(element: Element) -> Element:
    sign = _stated(element, "chr", "\u0302")
    return _made("mover", [_row(element, "e"), _token("mo", _ACCENTS.get(sign, sign))])


def _bar(element: Element) -> Element:
    top = _stated(element, "pos", "bot") == "top"
    return _made("mover" if top else "munder", [_row(element, "e"), _token("mo", "¯")])


def _grouped(element: Element) -> Element:
    top = _stated(element, "pos", "bot") == "top"
    return _made(
        "mover" if top else "munder", [_row(element, "e"), _token("mo", _stated(element, "chr", "⏟"))]
    )


def _before(element: Element) -> Element:
    """Scripts that stand before their base."""
    empty = [_made("none"), _made("none")]
    parts = [_row(element, "e"), *empty, _made("mprescripts"), _row(element, "sub"), _row(element, "sup")]
    return _made("mmultiscripts", parts)


_LAYOUTS = {
    "f": _fraction,
    "rad": _root,
    "nary": _large,
    "d": _fenced,
    "m": _matrix,
    "eqArr": _lines,
    "acc": _accent,
    "bar": _bar,
    "groupChr": _grouped,
    "sPre": _before,
}
