"""reStructuredText as Markdown.

In: bytes. Out: the text as Markdown with its title, and what its first fields say of it. Nothing is
included from other files. What `rst_blocks` finds is written in one pass; titles behind labels,
substitutions and the module that is documented are looked up first.
"""

import re

from synth.documents.content import Content, decode
from synth.documents.formats.markup import stated_fields
from synth.documents.formats.rst.blocks import Blocks, Known
from synth.documents.formats.rst.lines import adornment, title_at

_TAB = 8
_DIRECTIVE = re.compile(r"^[ \t]{0,20}\.\. (?:[\w+.-]{1,40}:)?[\w+-]{1,40}::(?:\s|$)", re.MULTILINE)
_TARGET = re.compile(r"^\.\. _[^:\n]{1,80}:", re.MULTILINE)
_ROLE = re.compile(r"(?<![\w:]):[a-z][\w.+-]{0,30}(?::[\w.+-]{1,30})?:`[^`\n]")
_LITERAL = re.compile(r"``[^`\n]{1,80}``|::[ \t]*\n[ \t]*\n[ \t]")
_UNDERLINED = re.compile(r"^\S[^\n]{0,120}\n([=~^#*\-\"'`+])\1{3,}[ \t]*$", re.MULTILINE)
_LABEL = re.compile(r"\.\. _`?([^`\n]{1,200}?)`?:\s*\Z")
_SUBSTITUTION = re.compile(r"\.\. \|([^|\n]{1,60})\| (replace|unicode):: ?(.*)")
_MODULE = re.compile(r"\.\. (?:py:)?(?:current)?module:: +([\w.]+)")
_FIELD = re.compile(r":([A-Za-z][\w -]{0,40}):[ \t]+(\S.*)")
_LOOKED_AT = 100_000
_ENOUGH = 2


def looks_like_rst(text: str) -> bool:
    """Whether plain text is reStructuredText: two marks of it, or a heading and two literals."""
    head = text[:_LOOKED_AT].replace("\r\n", "\n")
    marks = 0
    for pattern in (_DIRECTIVE, _ROLE, _TARGET):
        marks += sum(1 for _, _ in zip(pattern.finditer(head), range(_ENOUGH), strict=False))
    if marks >= _ENOUGH:
        return True
    literals = sum(1 for _, _ in zip(_LITERAL.finditer(head), range(_ENOUGH), strict=False))
    return literals >= _ENOUGH and _UNDERLINED.search(head) is not None


def read_rst(raw: bytes) -> Content:
    """One document in reStructuredText."""
    text = decode(raw).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    lines = [line.rstrip().expandtabs(_TAB) for line in text.split("\n")]
    known = _known(lines)
    blocks = Blocks(known)
    markdown = "\n".join(blocks.write(lines))
    fields = stated_fields(_fields(lines))
    return Content(re.sub(r"\n{3,}", "\n\n", markdown).strip(), **{**fields, "title": blocks.title})


def _known(lines: list[str]) -> Known:
    """Titles by label, substitutions and the module: what may be used before it is said."""
    titles: dict[str, str] = {}
    substitutions: dict[str, str] = {}
    module = ""
    labels: list[str] = []
    for i, line in enumerate(lines):
        if line.lstrip().startswith(".. "):
            if label := _LABEL.match(line):
                labels.append(label[1].casefold())
            elif found := _SUBSTITUTION.match(line):
                substitutions[found[1].casefold()] = "" if found[2] == "unicode" else found[3]
            elif not module and (found := _MODULE.match(line)):
                module = found[1]
        elif labels and line:
            if (found_title := title_at(lines, i)) is not None:
                titles.update(dict.fromkeys(labels, found_title.text))
            if not adornment(line):
                labels.clear()
    return Known(titles, substitutions, module)


def _fields(lines: list[str]) -> dict[str, str]:
    """The fields (`:Date: …`) at the start of a document."""
    found = (_FIELD.fullmatch(line) for line in lines[:40])
    return {match[1].lower(): match[2] for match in found if match}
