"""Jupyter notebooks of formats 3 and 4.

In: the bytes of a notebook. Out: its text cells as they are, its code fenced with the name of its
language, and what the code printed, shortened; pictures and widgets are left out.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from synth.documents.content import Content, ReadError, decode
from synth.documents.formats.markup import title_of

# What code printed says how it went; beyond this it is data.
_MAX_OUTPUT = 2000
_MAX_PRINTED = 6000
_WORTH = 200
_FENCES = re.compile(r"^[ \t]*(`{3,})", re.MULTILINE)
# Colours in what a terminal showed.
_COLOURS = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
_LANGUAGE = re.compile(r"[\w+#.-]{1,40}")
_SHOWN = ("text/plain", "text")


def read_ipynb(raw: bytes) -> Content:
    """The document in a notebook.

    Raises:
        ReadError: it is no notebook.
    """
    book = _parsed(raw)
    cells, stated = _cells(book), _mapping(book.get("metadata"))
    language = _language(stated)
    text = "\n\n".join(block for cell in cells for block in _blocks(cell, language) if block.strip())
    title = stated.get("title") or stated.get("name")
    return Content(text, title=title if isinstance(title, str) and title else title_of(text))


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        book = json.loads(decode(raw))
    except (ValueError, RecursionError) as fault:
        raise ReadError(f"no notebook: {type(fault).__name__}: {fault}") from fault
    if not isinstance(book, dict):
        raise ReadError("no notebook: not an object of JSON")
    return book


def _cells(book: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells in order; format 3 has them in worksheets."""
    cells = book.get("cells")
    sheets = book.get("worksheets")
    if cells is None and isinstance(sheets, list):
        cells = []
        for sheet in sheets:
            inner = _mapping(sheet).get("cells")
            cells.extend(inner if isinstance(inner, list) else [])
    if not isinstance(cells, list):
        raise ReadError("no notebook: it has no list of cells")
    return [cell for cell in cells if isinstance(cell, dict)]


def _language(stated: dict[str, Any]) -> str:
    """The language of the code, as the kernel calls it."""
    for name, key in (("kernelspec", "language"), ("language_info", "name")):
        found = _mapping(stated.get(name)).get(key)
        if isinstance(found, str) and _LANGUAGE.fullmatch(found):
            return found.lower()
    return "python"


def _blocks(cell: dict[str, Any], language: str) -> Iterator[str]:
    """A cell as Markdown."""
    kind = cell.get("cell_type")
    source = _joined(cell.get("source", cell.get("input")))
    if kind == "heading":
        level = cell.get("level")
        hashes = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1)
        yield f"{hashes} {' '.join(source.split())}"
    elif kind == "code":
        stated = cell.get("language")
        if isinstance(stated, str) and _LANGUAGE.fullmatch(stated):
            language = stated.lower()
        if source.strip():
            yield _fenced(source, language)
        if printed := _printed(cell.get("outputs")):
            yield _fenced(printed, "text")
    else:
        yield source.strip("\n")


def _printed(outputs: Any) -> str:
    """What the code of a cell printed and returned, as text."""
    found: list[str] = []
    left = _MAX_PRINTED
    for output in outputs if isinstance(outputs, list) else ():
        text = _output(_mapping(output)).strip("\n")
        if text.strip() and left >= _WORTH:
            found.append(_shortened(text, min(left, _MAX_OUTPUT)))
            left -= len(found[-1])
    return "\n".join(found)


def _output(output: dict[str, Any]) -> str:
    kind = output.get("output_type")
    if kind in ("error", "pyerr"):
        return f"{_joined(output.get('ename'))}: {_joined(output.get('evalue'))}"
    if kind == "stream":
        # Warnings and progress say nothing of the matter.
        name = output.get("name", output.get("stream"))
        return "" if name == "stderr" else _COLOURS.sub("", _joined(output.get("text")))
    shown = output.get("data", output)
    if not isinstance(shown, dict):
        return ""
    if "image/png" in shown or "image/svg+xml" in shown or "png" in shown:
        return ""
    return next((_joined(shown[key]) for key in _SHOWN if key in shown), "")


def _shortened(text: str, limit: int) -> str:
    """The beginning of a text, up to the end of a line."""
    if len(text) <= limit:
        return text
    cut = text.rfind("\n", 0, limit)
    return text[: cut if cut > 0 else limit] + "\n…"


def _fenced(code: str, language: str) -> str:
    longest = max((len(match[1]) for match in _FENCES.finditer(code)), default=2)
    fence = "`" * max(longest + 1, 3)
    return f"{fence}{language}\n{code.strip(chr(10))}\n{fence}"


def _joined(value: Any) -> str:
    """Text, which notebooks write whole or as a list of lines."""
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
