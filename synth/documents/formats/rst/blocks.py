"""The blocks of reStructuredText as Markdown.

In: lines without tabs and trailing spaces. Out: lines of Markdown. Blocks within blocks are written by
the same rules down to a bounded depth; each line is looked at a bounded number of times on each.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from synth.documents.formats.rst import directives as directives
from synth.documents.formats.rst import tables as tables
from synth.documents.formats.rst.inline import Inline
from synth.documents.formats.rst.lines import (
    DIRECTIVE,
    FIELD,
    ITEM,
    MIN_ADORNMENT,
    OPTION,
    adornment,
    block_end,
    dedented,
    indent_of,
    paragraph_end,
    title_at,
)

# Deeper than people nest; what stands below is kept as it is.
_MAX_DEPTH = 12
_MAX_LEVEL = 6
_SILENT_FIELDS = frozenset({"orphan", "nosearch", "tocdepth", "nocomments", "noindex"})
_MAX_NOTE = 80
_BULLETS = "-*+•"
_FENCE = "```"
# How a block of Markdown begins that is no paragraph.
_NO_PARAGRAPH = ("`" * 3, "$$", "| ", "- ", "1. ", "> ", "#")
_BLANKS = re.compile(r"[ \t]{2,}")


class _Region(list[str]):
    """Lines, and where the last border of a simple table among them stands (looked up once)."""

    last_border = -2


class Known(NamedTuple):
    """What other places of a document say: titles by label, substitutions, the module it documents."""

    titles: dict[str, str]
    substitutions: dict[str, str]
    module: str


class Blocks:
    """Writes blocks; `title` is the first heading."""

    def __init__(self, known: Known) -> None:
        self.title: str | None = None
        self._known = known
        self._inline = Inline(known.titles, known.substitutions)
        self._styles: list[str] = []
        self._within = ""
        # What documents a module shows its language, unless it says otherwise.
        self._language = "python" if known.module else ""

    def write(self, lines: Sequence[str], depth: int = 0) -> list[str]:
        """The lines of a block in Markdown, with blank lines between the blocks in it."""
        if depth > _MAX_DEPTH:
            return [line.strip() for line in lines]
        lines = _Region(lines)
        out: list[str] = []
        i = 0
        while i < len(lines):
            if lines[i]:
                written, i = self._block(lines, i, depth)
                out += [*written, ""] if written else []
            else:
                i += 1
        return out[:-1]

    def _block(self, lines: _Region, i: int, depth: int) -> tuple[list[str], int]:
        """What the block that begins at a line becomes, and where the next begins."""
        line = lines[i]
        if line[0] == " ":
            end = block_end(lines, i, 0)
            return [f"> {x}".rstrip() for x in self.write(dedented(lines[i:end]), depth + 1)], end
        if line.startswith("..") and (line == ".." or line[2] == " "):
            return self._explicit(lines, i, depth)
        if line.startswith("__ "):
            return [], i + 1
        if depth == 0 and (title := title_at(lines, i)):
            return [self._heading(title.text, title.style)], i + title.lines
        if tables.is_grid_line(line) or tables.is_simple_line(line):
            return self._table(lines, i)
        if len(line) > MIN_ADORNMENT and adornment(line):
            return [], i + 1
        return self._text(lines, i, depth)

    def _text(self, lines: _Region, i: int, depth: int) -> tuple[list[str], int]:
        """Lists, fields, doctests, definitions and paragraphs."""
        line = lines[i]
        if line.startswith(">>> "):
            end = paragraph_end(lines, i)
            return _fenced(lines[i:end], "pycon"), end
        if line.startswith("| ") or line == "|":
            end = paragraph_end(lines, i)
            return [self._inline.write(x.removeprefix("|").strip()) for x in lines[i:end]], end
        if ITEM.match(line):
            return self._items(lines, i, depth)
        if (field := FIELD.match(line)) and "`" not in field[1]:
            return self._field(lines, i, depth)
        if (option := OPTION.match(line)) and (option.end() < len(line) or lines[i + 1 : i + 2] != [""]):
            return self._option(lines, i, depth)
        below = lines[i + 1] if i + 1 < len(lines) else ""
        if below.startswith(" ") and not line.endswith("::"):
            end = block_end(lines, i + 1, 0)
            term = self._inline.write(line.partition(" : ")[0])
            return [term, "", *self.write(dedented(lines[i + 1 : end]), depth + 1)], end
        return self._paragraph(lines, i)

    def _heading(self, text: str, style: str) -> str:
        if style not in self._styles:
            self._styles.append(style)
        shown = self._inline.write(text)
        self.title = self.title or shown.replace("`", "")
        return f"{'#' * min(self._styles.index(style) + 1, _MAX_LEVEL)} {shown}"

    def _paragraph(self, lines: Sequence[str], i: int) -> tuple[list[str], int]:
        """A paragraph, with the literal block that it announces by two colons."""
        end = i
        # A block that is indented may begin without a blank line where it was announced.
        while (
            end < len(lines)
            and lines[end]
            and not (end > i and lines[end - 1].endswith("::") and lines[end][0] == " ")
        ):
            end += 1
        text = "\n".join(lines[i:end])
        if not text.endswith("::"):
            return self._prose(text), end
        start = end
        while start < len(lines) and not lines[start]:
            start += 1
        stop = block_end(lines, start, 0)
        if stop == start and start < len(lines) and adornment(lines[start][:1]):
            # Quoted: each line begins with the same sign.
            stop = next((j for j in range(start, len(lines)) if lines[j][:1] != lines[start][0]), len(lines))
        said = text[:-2].rstrip() if text.endswith((" ::", "\n::")) or text == "::" else text[:-1]
        before = [*self._prose(said), ""] if said else []
        return [*before, *self._literal(lines[start:stop])], max(stop, end)

    def _literal(self, lines: Sequence[str]) -> list[str]:
        """Code whose language nothing but its look or the document states."""
        code = dedented(lines)
        return _fenced(code, self._language or ("pycon" if code and code[0].startswith(">>> ") else ""))

    def _prose(self, text: str) -> list[str]:
        lines = _BLANKS.sub(" ", self._inline.write(text)).split("\n")
        return [f"\\{line}" if line.startswith("#") else line for line in (line.strip() for line in lines)]

    def _items(self, lines: _Region, i: int, depth: int) -> tuple[list[str], int]:
        """Neighbouring items of one list; those of several paragraphs stay apart."""
        out: list[str] = []
        bullets = lines[i][0] in _BULLETS
        while i < len(lines) and (match := ITEM.match(lines[i])) and (match[1] in _BULLETS) == bullets:
            end = block_end(lines, i + 1, 0)
            mark = "-" if bullets else match[1].strip("()") + ("." if match[1][-1] == ")" else "")
            mark = "1." if mark == "#." or mark == "#" else mark
            inner = self.write([lines[i][match.end() :], *_body(lines[i + 1 : end])], depth + 1) or [""]
            out += _hung(mark, inner)
            i = end
            while i < len(lines) and not lines[i]:
                i += 1
            if end < i and "" in inner and i < len(lines) and ITEM.match(lines[i]):
                out.append("")
        return out, i

    def _field(self, lines: _Region, i: int, depth: int) -> tuple[list[str], int]:
        match = FIELD.match(lines[i])
        assert match
        end = block_end(lines, i + 1, 0)
        name, *rest = match[1].split()
        if name.lower() in _SILENT_FIELDS:
            return [], end
        inner = self.write([lines[i][match.end() :], *_body(lines[i + 1 : end])], depth + 1) or [""]
        if name in ("param", "parameter", "arg", "type", "keyword", "raises", "raise", "exception") and rest:
            return _hung("-", [f"`{rest[-1]}`: {inner[0]}", *inner[1:]]), end
        return _labelled(match[1], inner), end

    def _option(self, lines: _Region, i: int, depth: int) -> tuple[list[str], int]:
        match = OPTION.match(lines[i])
        assert match
        end = block_end(lines, i + 1, 0)
        inner = self.write([lines[i][match.end() :], *_body(lines[i + 1 : end])], depth + 1) or [""]
        return _hung("-", [f"`{match[0].strip()}` {inner[0]}".rstrip(), *inner[1:]]), end

    def _table(self, lines: _Region, i: int) -> tuple[list[str], int]:
        if tables.is_grid_line(lines[i]):
            end = paragraph_end(lines, i)
            rows, header = tables.grid_rows(lines[i:end]), True
        else:
            end = _simple_end(lines, i)
            rows, header = tables.simple_rows(lines[i:end]) or (None, False)
        if not rows:
            return _fenced(lines[i:end], ""), end
        return tables.markdown_table(rows, header, self._inline.write), end

    def _explicit(self, lines: _Region, i: int, depth: int) -> tuple[list[str], int]:
        """A directive, a footnote; targets, substitutions and comments are not shown."""
        line = lines[i]
        end = block_end(lines, i + 1, 0)
        if match := DIRECTIVE.match(line):
            name = match[2].rsplit(":", 1)[-1].lower()
            if name == "highlight":
                self._language = directives.language_of("code", match[3] or "")
            if match[1] or name in directives.DROPPED:
                return [], end
            return self._directive(name, match[3] or "", lines[i + 1 : end], depth), end
        note, bracket, said = line[3:].partition("] ") if line.startswith(".. [") else ("", "", "")
        if bracket and len(note) < _MAX_NOTE:
            inner = self.write([said, *_body(lines[i + 1 : end])], depth + 1) or [""]
            return [f"{note.replace('#', '')}] {inner[0]}", *inner[1:]], end
        return [], end

    def _directive(self, name: str, argument: str, lines: Sequence[str], depth: int) -> list[str]:
        argument, lines = _argument(argument, lines)
        body = _without_options(lines)
        if name in directives.CODE:
            return _fenced(
                body or [argument] * (name == "productionlist"), directives.language_of(name, argument)
            )
        if name == "math":
            parts = [argument, *(line.strip() for line in body)]
            return ["$$", *filter(None, parts), "$$"] if any(parts) else []
        if name == "audit-event":
            return [directives.audit_line(argument)]
        if (start := directives.version_line(name, argument, self._inline)) is not None:
            inner = self.write(body, depth + 1)
            if start.endswith(":"):
                start, inner = (f"{start} {inner[0]}", inner[1:]) if inner else (f"{start[:-1]}.", [])
            return [start, *inner]
        if name in directives.DESCRIBED:
            return self._described(name, argument, lines, depth)
        # A blank line or options part the argument from what follows.
        apart = [""] if lines and (not lines[0] or FIELD.match(lines[0])) else []
        return self._boxed(name, argument, [*apart, *body], depth)

    def _described(self, name: str, argument: str, lines: Sequence[str], depth: int) -> list[str]:
        """Signatures, and what is said of them."""
        signatures = [argument]
        k = 0
        while k < len(lines) and lines[k] and not FIELD.match(lines[k].lstrip()):
            signatures.append(lines[k].strip())
            k += 1
        module = self._known.module if depth == 0 else ""
        # In a class its name says nothing new.
        shown = [directives.signature(name, s.removeprefix(self._within), module) for s in signatures if s]
        outer = self._within
        if name in ("class", "exception"):
            self._within = f"{argument.partition('(')[0].strip()}."
        body = self.write(_without_options(lines[k:]), depth + 1)
        self._within = outer
        return [line for s in shown for line in (s, "")] + body

    def _boxed(self, name: str, argument: str, body: Sequence[str], depth: int) -> list[str]:
        """Notes and their like, with their kind; of other directives what stands in them."""
        if name == "rubric":
            return [f"**{self._inline.write(argument)}**"] if argument else []
        if name == "figure":
            return self.write(body, depth + 1)
        if name == "csv-table":
            return [argument, "", *_fenced(body, "csv")]
        if name == "list-table":
            return [*self._prose(argument), "", *self.write(body, depth + 1)]
        title = directives.ADMONITIONS.get(name, "")
        if name in directives.TITLED:
            title, argument = argument, ""
        if not title:
            known = name in directives.TRANSPARENT
            title = "" if known else name.replace("-", " ").capitalize()
        inner = self.write([argument, *body] if argument else body, depth + 1)
        return _labelled(self._inline.write(title), inner) if title else inner


def _labelled(label: str, inner: Sequence[str]) -> list[str]:
    """A label in front of a paragraph, or above anything else."""
    said = label if label.endswith((".", "!", "?", ":")) else f"{label}:"
    if not inner or inner[0].startswith(_NO_PARAGRAPH):
        return [f"**{said}**", "", *inner]
    return [f"**{said}** {inner[0]}", *inner[1:]]


def _argument(argument: str, lines: Sequence[str]) -> tuple[str, list[str]]:
    """An argument with a backslash at its end goes on in the next line."""
    rest = dedented_keeping_start(lines)
    while argument.endswith("\\") and rest:
        argument = argument[:-1].rstrip() + " " + rest.pop(0).strip()
    return argument, rest


def dedented_keeping_start(lines: Sequence[str]) -> list[str]:
    """Lines without the indentation they share; blank lines at the start say that no argument goes on."""
    filled = [line for line in lines if line]
    cut = min(map(indent_of, filled), default=0)
    return [line[cut:] for line in lines]


def _without_options(lines: Sequence[str]) -> list[str]:
    """The content of a directive: what follows its options."""
    k = 0
    while (
        k < len(lines) and lines[k] and (FIELD.match(lines[k].lstrip()) or (k and lines[k].startswith(" ")))
    ):
        k += 1
    return dedented(lines[k:])


def _body(lines: Sequence[str]) -> list[str]:
    return dedented_keeping_start(lines)


def _hung(mark: str, inner: Sequence[str]) -> list[str]:
    """An item: its first line behind the mark, the others below."""
    room = " " * (len(mark) + 1)
    return [f"{mark} {inner[0]}".rstrip(), *(f"{room}{line}".rstrip() for line in inner[1:])]


def _fenced(lines: Sequence[str], language: str) -> list[str]:
    """Code between fences longer than any in it."""
    code = [_without_flags(line) for line in dedented(lines)]
    if not code:
        return []
    fence = _FENCE
    while any(line.lstrip().startswith(fence) for line in code):
        fence += "`"
    return [fence + language, *code, fence]


def _without_flags(line: str) -> str:
    """A doctest without what only the program that tests it reads."""
    return line.partition("# doctest:")[0].rstrip() if line.startswith((">>> ", "... ")) else line


def _simple_end(lines: _Region, i: int) -> int:
    """The end of a simple table: its last border, before a blank line or the end."""
    if lines.last_border == -2:
        lines.last_border = next((j for j in range(len(lines) - 1, -1, -1) if _is_last_border(lines, j)), -1)
    j = i + 1
    while j <= lines.last_border:
        if _is_last_border(lines, j):
            return j + 1
        j += 1
    return paragraph_end(lines, i)


def _is_last_border(lines: Sequence[str], j: int) -> bool:
    return lines[j][:1] == "=" and set(lines[j]) <= {"=", " "} and not "".join(lines[j + 1 : j + 2])
