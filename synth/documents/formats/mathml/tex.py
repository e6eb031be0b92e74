r"""Formulas in MathML as TeX.

In: the `math` element of an XML tree, with or without name space. Out: TeX without dollar signs. A TeX
annotation is taken as it is; else presentation markup is written as TeX, element by element. What has
no counterpart gives the text in it, so no letter of a formula is lost.
"""

import re
from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element

from synth.documents.formats.mathml.signs import ACCENTS, FUNCTIONS, SIGNS, UNDER, VARIANTS

# Deeper than any formula that people write.
_MAX_DEPTH = 60
_COMMAND_AT_END = re.compile(r"\\[A-Za-z]+\Z")
_ATOM = re.compile(r"\\?[^\\{}\s]|\\[A-Za-z]+")
_ESCAPED = re.compile(r"[#$%&_{}]")
_NUMBER_LIKE = re.compile(r"[\d.,+\-=]*")
_MATRICES = {"(": "pmatrix", "[": "bmatrix", "|": "vmatrix", "‖": "Vmatrix"}
_FENCES = {"{": r"\{", "}": r"\}", "": ".", "⟨": r"\langle ", "⟩": r"\rangle ", "‖": r"\Vert "}
_NOTHING = frozenset({"annotation", "annotation-xml", "mphantom", "none", "mprescripts", "maligngroup"})


def mathml_to_tex(element: Element) -> str:
    """The TeX of a `math` element (or any element of presentation MathML) on one line."""
    return " ".join(_tex(element, 0).split())


def local_name(element: Element) -> str:
    """An element's name without its name space; empty for comments and instructions."""
    tag = element.tag
    return tag.rsplit("}", 1)[-1].rsplit(":", 1)[-1].lower() if isinstance(tag, str) else ""


def _tex(element: Element, depth: int) -> str:
    tag = local_name(element)
    if not tag or tag in _NOTHING:
        return ""
    if depth > _MAX_DEPTH:
        return _signs("".join(element.itertext()))
    if write := _TOKENS.get(tag):
        return write(element, " ".join((element.text or "").split()))
    if tag == "semantics":
        return _semantics(element, depth)
    if tag == "mtable":
        return _table(element, depth, "matrix")
    if tag == "mfenced":
        return _fenced(element, depth)
    if tag == "mmultiscripts":
        return _multiscripts([_tex(e, depth + 1) for e in element], [local_name(e) for e in element])
    if layout := _LAYOUTS.get(tag):
        count, join = layout
        parts = [_tex(e, depth + 1) for e in element if local_name(e)]
        if len(parts) >= count:
            return join(element, parts)
        return _joined(parts)
    return _row(element, depth)


def _row(element: Element, depth: int) -> str:
    """Elements side by side; a table between brackets is a matrix."""
    children = [e for e in element if local_name(e)]
    tags = [local_name(e) for e in children]
    if "mtable" in tags[1:2] and tags[0] == "mo":
        opening = (children[0].text or "").strip()
        if len(children) == 2 and opening == "{":
            return _table(children[1], depth + 1, "cases")
        if len(children) == 3 and tags[2] == "mo" and opening in _MATRICES:
            return _table(children[1], depth + 1, _MATRICES[opening])
    own = _signs(element.text or "")
    return _joined([own, *(_tex(e, depth + 1) for e in children)])


def _joined(parts: Sequence[str]) -> str:
    r"""Parts in a row, with a space where `\alpha` and `x` would become `\alphax`."""
    out: list[str] = []
    for part in filter(None, parts):
        if out and part[0].isalpha() and _COMMAND_AT_END.search(out[-1][-40:]):
            out.append(" ")
        out.append(part)
    return "".join(out)


def _group(tex: str) -> str:
    """As an argument: in braces unless it is one sign."""
    tex = tex.strip()
    return tex if _ATOM.fullmatch(tex) else f"{{{tex}}}"


def _signs(text: str) -> str:
    """Characters as TeX writes them."""
    return _joined([SIGNS.get(c, c) for c in text])


def _words(text: str) -> str:
    escaped = _ESCAPED.sub(r"\\\g<0>", text.replace("\\", ""))
    return rf"\text{{{escaped}}}" if text else ""


def _identifier(element: Element, text: str) -> str:
    if text in FUNCTIONS:
        return f"\\{text} "
    tex = _signs(text)
    if variant := VARIANTS.get(element.get("mathvariant", "")):
        return f"\\{variant}{{{tex}}}"
    return rf"\mathrm{{{tex}}}" if len(text) > 1 and text.isalpha() else tex


def _text(element: Element, text: str) -> str:
    """Words as words; books also set the parts of numbers and signs as text."""
    whole = element.text or ""
    # Only spaces that never break count at the edges of a text.
    text = " " * whole.startswith("\u00a0") + text + " " * (whole.endswith("\u00a0") and bool(text))
    return _signs(text) if len(text) == 1 or _NUMBER_LIKE.fullmatch(text) else _words(text)


def _fraction(element: Element, parts: list[str]) -> str:
    command = "binom" if element.get("linethickness", "") in ("0", "0pt", "0px") else "frac"
    return f"\\{command}{{{parts[0]}}}{{{parts[1]}}}"


def _script(signs: str) -> Callable[[Element, list[str]], str]:
    """A base with what stands below and above it, in this order."""

    def join(_: Element, parts: list[str]) -> str:
        base = parts[0].strip()
        shown = base if _ATOM.fullmatch(base) or not base else f"{{{base}}}"
        return shown + "".join(s + _group(part) for s, part in zip(signs, parts[1:], strict=False))

    return join


def _over(_: Element, parts: list[str]) -> str:
    base, over = parts[0], parts[1].strip()
    if over in ACCENTS:
        return f"\\{ACCENTS[over]}{{{base}}}"
    return f"{base}^{_group(over)}" if _takes_limits(base) else rf"\overset{{{over}}}{{{base}}}"


def _under(_: Element, parts: list[str]) -> str:
    base, under = parts[0], parts[1].strip()
    if under in UNDER:
        return f"\\{UNDER[under]}{{{base}}}"
    return f"{base.strip()}_{_group(under)}" if _takes_limits(base) else rf"\underset{{{under}}}{{{base}}}"


def _under_over(_: Element, parts: list[str]) -> str:
    return f"{parts[0].strip()}_{_group(parts[1])}^{_group(parts[2])}"


def _takes_limits(base: str) -> bool:
    """Sums, integrals and functions such as lim."""
    return bool(
        re.fullmatch(r"\\(?:sum|prod|int|oint|bigcup|bigcap|coprod|lim\w*|max|min|sup|inf)", base.strip())
    )


def _multiscripts(parts: list[str], tags: list[str]) -> str:
    """A base with scripts behind it, and before it where they are marked so."""
    if not parts:
        return ""
    cut = tags.index("mprescripts") if "mprescripts" in tags else len(tags)

    def scripts(found: list[str]) -> str:
        return "".join(("_", "^")[i % 2] + _group(part) for i, part in enumerate(found) if part)

    before = scripts(parts[cut + 1 :])
    return ("{}" + before if before else "") + _group(parts[0]) + scripts(parts[1:cut])


def _table(element: Element, depth: int, name: str) -> str:
    rows = []
    for row in element:
        cells = [_tex(cell, depth + 2) for cell in row]
        if local_name(row) == "mlabeledtr":
            cells = cells[1:]
        rows.append(" & ".join(cells))
    return rf"\begin{{{name}}}" + r" \\ ".join(rows) + rf"\end{{{name}}}"


def _fenced(element: Element, depth: int) -> str:
    left, right = (element.get(key, sign).strip() for key, sign in (("open", "("), ("close", ")")))
    children = [e for e in element if local_name(e)]
    if len(children) == 1 and local_name(children[0]) == "mtable" and left in _MATRICES:
        return _table(children[0], depth + 1, _MATRICES[left])
    marks = "".join(element.get("separators", ",").split())
    out: list[str] = []
    for i, child in enumerate(children):
        if i and marks:
            out.append(_signs(marks[min(i, len(marks)) - 1]))
        out.append(_tex(child, depth + 1))
    return rf"\left{_FENCES.get(left, left)}{_joined(out)}\right{_FENCES.get(right, right)}"


def _semantics(element: Element, depth: int) -> str:
    for child in element:
        if local_name(child) == "annotation" and "tex" in child.get("encoding", "").lower():
            return "".join(child.itertext())
    return _tex(element[0], depth + 1) if len(element) else ""


def _enclosed(element: Element, parts: list[str]) -> str:
    inner, notation = _joined(parts), element.get("notation", "")
    if "box" in notation:
        return rf"\boxed{{{inner}}}"
    return rf"\cancel{{{inner}}}" if "strike" in notation else inner


_TOKENS: dict[str, Callable[[Element, str], str]] = {
    "mi": _identifier,
    "mn": lambda _, text: _signs(text),
    "mo": lambda _, text: f"\\{text} " if text in FUNCTIONS else _signs(text),
    "mtext": _text,
    "ms": lambda _, text: _words(f'"{text}"'),
    "mspace": lambda *_: " ",
}
_LAYOUTS: dict[str, tuple[int, Callable[[Element, list[str]], str]]] = {
    "mfrac": (2, _fraction),
    "msqrt": (1, lambda _, parts: rf"\sqrt{{{_joined(parts)}}}"),
    "mroot": (2, lambda _, parts: rf"\sqrt[{parts[1]}]{{{parts[0]}}}"),
    "msup": (2, _script("^")),
    "msub": (2, _script("_")),
    "msubsup": (3, _script("_^")),
    "mover": (2, _over),
    "munder": (2, _under),
    "munderover": (3, _under_over),
    "menclose": (1, _enclosed),
}
