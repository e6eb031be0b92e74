r"""What a LaTeX source defines: commands, kinds of theorems, and what its labels name.

In: a cleaned source and its index. Out: commands with their bodies (`\newcommand`, `\def`,
`\DeclareMathOperator`), environments with the words they are called by (`\newtheorem`), labels with the
kind and title of what they stand in, and where all these definitions stand, so that they are no text.
"""

import re
from typing import NamedTuple

from synth.documents.formats.latex.names import KINDS, MATH, NOUNS, PLAIN, SECTIONS
from synth.documents.formats.latex.source import Index

_COMMAND = re.compile(
    r"\\(?:re|provide)?newcommand\*?\s{0,9}\{?\s{0,3}\\(?P<new>[A-Za-z@]{1,60})\s{0,3}\}?\s{0,9}"
    r"(?:\[(?P<count>\d)\])?\s{0,9}(?P<default>\[[^\]\n]{0,200}\])?\s{0,9}(?=\{)"
    r"|\\(?:long\s{0,3}\\)?[egx]?def\s{0,3}\\(?P<defined>[A-Za-z@]{1,60}|.)\s{0,3}(?P<places>(?:#\d){0,9})\s{0,3}(?=\{)"
    r"|\\DeclareMathOperator\*?\s{0,9}\{\s{0,3}\\(?P<operator>[A-Za-z@]{1,60})\s{0,3}\}\s{0,9}(?=\{)"
    r"|\\(?:re|provide)?newcommand\*?\s{0,9}\{?\\.\}?"
)
_THEOREM = re.compile(
    r"\\newtheorem\*?\s{0,9}\{(?P<env>[^{}\n]{1,60})\}\s{0,9}(?:\[[^\]\n]{0,60}\])?\s{0,9}"
    r"\{(?P<title>[^{}\n]{1,60})\}(?:\[[^\]\n]{0,60}\])?"
    r"|\\declaretheorem\s{0,9}(?:\[(?P<options>[^\]]{0,500})\])?\s{0,9}\{(?P<declared>[^{}\n]{1,60})\}"
    r"(?:\[(?P<more>[^\]]{0,500})\])?"
)
_NAME = re.compile(r"(?:name|title)\s*=\s*\{?([^,{}\n\]]{1,60})")
_PLACES = re.compile(
    r"\\begin\s{0,3}\{(?P<begin>[^{}\n]{1,60})\}\s{0,40}(?:\[(?P<title>[^\[\]\n]{1,120})\])?"
    r"|\\end\s{0,3}\{(?P<end>[^{}\n]{1,60})\}"
    r"|\\(?P<section>" + "|".join(SECTIONS) + r")\*?\s{0,3}(?=[\[{])"
    r"|\\(?:label|symlabel)\s{0,3}\{(?P<label>[^{}\n]{1,120})\}"
)
_EDGES = re.compile(r"\\(begin|end)\s{0,3}\{([A-Za-z]+\*?)\}\s*\Z")
_MAX_OPEN = 100
_MAX_TITLE = 120


class Macro(NamedTuple):
    """A command: its body, its number of arguments, and what the first is where it is left out."""

    body: str
    arguments: int
    default: str | None
    operator: bool = False


class Label(NamedTuple):
    """What a label names: its kind in lower case, its title as written, and where it stands."""

    kind: str
    title: str
    at: int


class Defined(NamedTuple):
    """What a source defines; `spans` are the definitions themselves."""

    macros: dict[str, Macro]
    kinds: dict[str, str]
    labels: dict[str, Label]
    spans: dict[int, int]


def definitions(text: str, index: Index) -> Defined:
    """All definitions in a source."""
    macros: dict[str, Macro] = {}
    kinds: dict[str, str] = {}
    spans: dict[int, int] = {}
    for match in _COMMAND.finditer(text):
        end = index.braces.get(match.end())
        if end is None:
            continue
        spans[match.start()] = end + 1
        name = match["new"] or match["defined"] or match["operator"]
        if name:
            count = int(match["count"] or 0) or len(match["places"] or "") // 2
            default = match["default"][1:-1] if match["default"] else None
            macros[name] = Macro(text[match.end() + 1 : end], count, default, match["operator"] is not None)
    for match in _THEOREM.finditer(text):
        spans[match.start()] = match.end()
        env = match["env"] or match["declared"]
        named = _NAME.search(f"{match['options']} {match['more']}")
        kinds[env] = match["title"] or (named[1].strip() if named else kind_of(env, {}))
    return Defined(macros, kinds, _labels(text, index, kinds), spans)


def shorthands(text: str, macros: dict[str, Macro]) -> str:
    r"""A source in which commands that only begin or end an environment (`\be`) are written out."""
    short = {n: m.body.strip() for n, m in macros.items() if not m.arguments and _EDGES.match(m.body.strip())}
    if not short:
        return text
    # Where they are defined they are not written out.
    kept, at = [], 0
    for start, end in sorted(definitions(text, Index(text)).spans.items()):
        if start >= at:
            kept.append(text[at:start])
            at = end
    text = "".join([*kept, text[at:]])
    pattern = re.compile(r"\\(" + "|".join(sorted(short, key=len, reverse=True)) + r")(?![A-Za-z@])")
    return pattern.sub(lambda match: short[match[1]], text)


def argument_of(text: str, index: Index, command: str) -> str | None:
    r"""The argument of the first such command (`\title`) of a source."""
    match = re.search(rf"\\{command}\s{{0,9}}(?:\[[^\]\n]{{0,200}}\])?\s{{0,9}}(?=\{{)", text)
    end = index.braces.get(match.end()) if match else None
    return text[match.end() + 1 : end] if match and end is not None else None


def kind_of(env: str, kinds: dict[str, str]) -> str:
    """What an environment is called by; empty where it is layout."""
    plain = env.rstrip("*")
    if env in kinds:
        return kinds[env]
    if plain in KINDS:
        return KINDS[plain]
    return (
        "" if env in PLAIN or plain in PLAIN or not plain.isalpha() or len(plain) < 3 else plain.capitalize()
    )


def _labels(text: str, index: Index, kinds: dict[str, str]) -> dict[str, Label]:
    labels: dict[str, Label] = {}
    opened: list[tuple[str, str]] = []
    section = ("section", "")
    for match in _PLACES.finditer(text):
        if match["begin"]:
            if len(opened) < _MAX_OPEN:
                opened.append((match["begin"], match["title"] or ""))
        elif match["end"]:
            if opened and opened[-1][0] == match["end"]:
                opened.pop()
        elif match["section"]:
            end = index.braces.get(match.end(), -1)
            title = text[match.end() + 1 : end] if match.end() < end < match.end() + _MAX_TITLE else ""
            section = (match["section"], title)
        else:
            labels[match["label"]] = _label(match["label"], match.start(), opened, section, kinds)
    return labels


def _label(
    label: str, at: int, opened: list[tuple[str, str]], section: tuple[str, str], kinds: dict[str, str]
) -> Label:
    """A label names the innermost environment of a kind around it, else the section it stands in."""
    for env, title in reversed(opened[-3:]):
        if env.rstrip("*") in MATH:
            return Label("equation", "", at)
        if env.startswith(("figure", "table")):
            return Label(env.rstrip("*"), "", at)
        if kind := (kind_of(env, kinds) if env not in ("itemize", "enumerate", "document") else ""):
            return Label(kind.lower(), title, at)
    prefix = label.partition(":")[0]
    if ":" in label and NOUNS.get(prefix, "section") not in ("section", "chapter", "part", "appendix"):
        return Label(NOUNS[prefix], "", at)
    return Label(section[0].removeprefix("sub").removeprefix("sub"), section[1], at)
