r"""Writes LaTeX as Markdown: one pass over commands, braces and formulas, with a stack of what is open.

In: a cleaned source. Out: Markdown. What is never closed ends with what it stands in; what is nested
deeper than people nest is read as if it stood outside.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from synth.documents.formats.latex import names as names
from synth.documents.formats.latex.environments import Environments
from synth.documents.formats.latex.formula import display, dollar_end, inline
from synth.documents.formats.latex.frames import CELL, MAX_CELLS, ROW, Frame
from synth.documents.formats.latex.macros import Defined, Macro, definitions
from synth.documents.formats.latex.references import references
from synth.documents.formats.latex.source import CLOSE, OPEN, Code, Index

_TOKEN = re.compile(
    r"\\(?:(?P<name>[A-Za-z@]+)\*?|(?P<sign>.|\n))|(?P<dollar>\$\$?)|(?P<brace>[{}])|(?P<blank>\n[ \t]*\n\s*)"
    rf"|{OPEN}(?P<code>\d{{1,7}}){CLOSE}|(?P<other>~|&|``|''|`|---?)"
)
_LINE_END = re.compile(r"[ \t]{0,200}\n")
_LETTER = re.compile(r"\s{0,2}(?:\{\s{0,2}(?:\\([ij])|([^\W\d_])|)\s{0,2}\}|\\([ij])(?![A-Za-z])|([^\W\d_]))")
_ONE_COMMAND = re.compile(r"\s{0,3}\\[A-Za-z@]{1,60}")
_BARE = re.compile(r"\s{0,9}\\([A-Za-z]+)\s{0,9}")
_LENGTH = re.compile(r"\s{0,3}=?\s{0,3}-?[\d.]{1,9}\s{0,2}(?:pt|em|ex|cm|mm|in|\\[a-z]{1,20})")
_LENGTHS = frozenset(
    {"vskip", "hskip", "parindent", "parskip", "kern", "baselineskip", "topmargin", "textwidth"}
)
_LET = re.compile(r"\s{0,3}\\[A-Za-z@]{1,60}\s{0,3}=?\s{0,3}(?:\\(?:[A-Za-z@]{1,60}|.)|\S)")
_TYPED = {"~": " ", "``": "“", "''": "”", "`": "‘", "---": "—", "--": "–"}
_ITEMS = frozenset({"item", "ii", "bibitem"})
_REFERENCES = frozenset(
    {"ref", "cref", "Cref", "autoref", "vref", "Vref", "eqref", "nameref", "labelcref", "hyperref"}
)
# What follows an environment's name without being its text: how many arguments in braces.
_MAX_DEPTH = 4
# Characters that definitions may grow to, in all.
_MAX_GROWTH = 500_000


@dataclass(slots=True)
class Shared:
    """What all parts of one source share: what it defines, its code, and how much may still grow."""

    defined: Defined
    code: list[Code]
    left: int = field(default=_MAX_GROWTH)


class Converter(Environments):
    """Writes one source, or a piece of it such as a title."""

    def __init__(self, text: str, shared: Shared, index: Index | None = None, depth: int = 0) -> None:
        super().__init__(text, index or Index(text), shared.defined, shared.code)
        self._shared = shared
        self._depth = depth
        self._spans = shared.defined.spans if index else definitions(text, self._index).spans
        self._special: dict[str, Callable[[int, int, str], int]] = {
            "begin": self._begin,
            "end": self._end,
            "multicolumn": self._multicolumn,
            "ensuremath": self._ensured,
            "url": self._address,
            "let": self._let,
            "tabularnewline": self._row_end,
            "cr": self._row_end,
            "texorpdfstring": self._either,
            "sectionExercises": self._exercises,
            **dict.fromkeys(_ITEMS, self._item),
            **dict.fromkeys(names.SECTIONS, self._section),
            **dict.fromkeys(_REFERENCES, self._reference),
            **dict.fromkeys(_LENGTHS, self._length),
        }

    def run(self) -> str:
        """The whole as Markdown."""
        text, at = self._text, 0
        while match := _TOKEN.search(text, at):
            if match.start() > at:
                self._plain(text[at : match.start()])
            at = self._token(match)
        self._plain(text[at:])
        while self._open:
            self._close_last()
        return "".join(self._out)

    def _token(self, match: re.Match[str]) -> int:
        """Write what one token begins; the place where the next may begin."""
        kind, at = match.lastgroup, match.end()
        if kind == "name":
            return self._command(match["name"], match.start(), at)
        if kind == "sign":
            return self._sign(match["sign"], at)
        if kind == "dollar":
            return self._dollar(match["dollar"], match.start(), at)
        if kind == "brace":
            self._brace(match.start())
        elif kind == "blank":
            self._out.append("\n\n")
        elif kind == "code":
            self._code(self._codes[int(match["code"])])
        elif match[0] == "&":
            self._out.append(CELL if self._counts["table"] else "&")
        else:
            self._out.append(_TYPED[match[0]])
        return at

    def _command(self, name: str, start: int, at: int) -> int:
        if (end := self._spans.get(start)) is not None:
            return max(end, at)
        if (macro := self._defined.macros.get(name)) and name not in names.SECTIONS and name not in _ITEMS:
            return self._expanded(name, macro, start, at)
        if special := self._special.get(name):
            return special(start, at, name)
        if name in names.WRAPS:
            return self._wrap(name, at)
        if name in names.DROPPED:
            return self._dropped(at, names.DROPPED[name])
        if name in names.LAST_ARGUMENT:
            _, at = self._option(at)
            return self._arguments(at, names.LAST_ARGUMENT[name])
        if name in names.SILENT:
            return at
        if name in names.CHARACTERS:
            return self._character(name, at)
        if name in names.ACCENTS:
            return self._accented(name, at) or self._unknown(name, start, at)
        return self._unknown(name, start, at)

    def _sign(self, sign: str, at: int) -> int:
        if sign in "[(":
            return self._bracketed(sign, at)
        if sign == "\\":
            return self._line_end(at)
        if sign in names.ACCENTS:
            return self._accented(sign, at) or at
        self._out.append(names.SIGNS.get(sign, ""))
        return at

    def _line_end(self, at: int) -> int:
        if self._text.startswith("*", at):
            at += 1
        if self._text.startswith("[", at) and (end := self._text.find("]", at, at + 20)) > 0:
            at = end + 1
        self._out.append(ROW if self._counts["table"] else "\n")
        return at

    def _row_end(self, _: int, at: int, __: str) -> int:
        return self._line_end(at)

    def _unknown(self, name: str, start: int, at: int) -> int:
        r"""A command that nobody explains: its argument stays; without one it is a sign, as `\unit` is."""
        if name in names.MATH and (group := self._group(at)):
            return self._show(display(self._text[group[0] : group[1]], self._codes), group[1] + 1)
        option, after = self._option(at)
        if option is not None and self._text.startswith("{", after):
            at = after
        if self._text.startswith("{", at) and self._index.braces.get(at, at + 1) > at + 1:
            if self._alone(start, self._index.braces[at] + 1):
                # On lines of its own it is a paragraph of its own.
                self._push(
                    Frame("wrap", len(self._out), close=self._index.braces[at], before="\n\n", after="\n\n")
                )
                return at + 1
            return at
        if self._depth or not (self._alone(start, at) and self._between_commands(start, at)):
            self._out.append(f"$\\{name}$")
        return at

    def _alone(self, start: int, end: int) -> bool:
        """Whether nothing else stands on the lines between two places."""
        before = self._text[max(0, start - 80) : start].rpartition("\n")
        after = self._text[end : end + 80].partition("\n")
        return not before[2].strip() and bool(before[1] or start < 80) and not after[0].strip()

    def _between_commands(self, start: int, end: int) -> bool:
        # A title in brackets may stand on a line of its own.
        above = self._text[max(0, start - 200) : start].rstrip(" \t").rstrip("\n").rpartition("\n")[2].strip()
        below = self._text[end : end + 200].lstrip(" \t").removeprefix("\n").partition("\n")[0].strip()
        return not above or not below or above.startswith(("\\", "[")) or below.startswith("\\")

    def _expanded(self, name: str, macro: Macro, start: int, at: int) -> int:
        """What a command of this source stands for; what grows too much stays as it is called."""
        if macro.operator:
            return self._unknown(name, start, at)
        arguments: list[str] = []
        if macro.default is not None:
            option, at = self._option(at)
            arguments.append(macro.default if option is None else option)
        while len(arguments) < macro.arguments:
            group = self._group(at)
            if group is None:
                return self._unknown(name, start, at)
            arguments.append(self._text[group[0] : group[1]])
            at = group[1] + 1
        body = re.sub(r"#([1-9])", lambda m: "".join(arguments[int(m[1]) - 1 : int(m[1])]), macro.body)
        self._shared.left -= len(body) + 1
        if self._depth >= _MAX_DEPTH or self._shared.left < 0:
            self._out.append(f"$\\{name}$")
        else:
            self._out.append(self._piece(body))
        return at

    def _wrap(self, name: str, at: int) -> int:
        _, at = self._option(at) if name != "emph" else (None, at)
        group = self._group(at)
        if group is None:
            return at
        before, after = names.WRAPS[name]
        self._push(Frame("wrap", len(self._out), close=group[1], before=before, after=after))
        return group[0]

    def _dropped(self, at: int, count: int) -> int:
        at = self._arguments(at, count)
        if self._out and self._out[-1].endswith("\n"):
            # A line of its own goes as a whole.
            return self._skip(_LINE_END, at)
        # The space before what is gone goes with it where another follows.
        if self._out and self._out[-1].endswith(" ") and self._text[at : at + 1] in " \n.,;:)":
            self._out[-1] = self._out[-1].removesuffix(" ")
        return at

    def _character(self, name: str, at: int) -> int:
        self._out.append(names.CHARACTERS[name])
        if len(name) <= 2 and name.isalpha() and self._text.startswith(" ", at):
            return at + 1
        return at

    def _accented(self, accent: str, at: int) -> int:
        match = _LETTER.match(self._text, at)
        if match is None:
            return 0
        letter = match[1] or match[2] or match[3] or match[4] or ""
        self._out.append(unicodedata.normalize("NFC", letter + names.ACCENTS[accent]) if letter else "")
        return match.end()

    def _section(self, start: int, at: int, name: str) -> int:
        _, at = self._option(at)
        if group := self._group(at):
            title, at = self._text[group[0] : group[1]], group[1] + 1
        elif command := _ONE_COMMAND.match(self._text, at):
            title, at = command[0], command.end()
        else:
            return at
        said = " ".join(self._piece(title).split())
        if (bare := _BARE.fullmatch(title)) and bare[1] not in self._defined.macros:
            # Nobody says what the title stands for; its name comes near it.
            said = bare[1].capitalize()
        if said:
            self._out.append(f"\n\n{'#' * names.SECTIONS[name]} {said}\n\n")
        return at

    def _exercises(self, _: int, at: int, __: str) -> int:
        self._out.append("\n\n## Exercises\n\n")
        return at

    def _reference(self, start: int, at: int, name: str) -> int:
        option, at = self._option(at)
        if name == "hyperref" and option is not None:
            return at
        group = self._group(at)
        if group is None:
            return at
        labels = self._text[group[0] : group[1]]
        before = "".join(self._out[-4:])[-60:]
        place = start if not self._depth else -1
        found = references(name, labels, self._defined.labels, before, place, self._piece)
        if not found and self._out:
            self._out[-1] = self._out[-1].rstrip(" ")
        self._out.append(found)
        return group[1] + 1

    def _address(self, _: int, at: int, __: str) -> int:
        group = self._group(at)
        if group is None:
            return at
        self._out.append(
            self._text[group[0] : group[1]].replace("\\%", "%").replace("\\_", "_").replace("\\#", "#")
        )
        return group[1] + 1

    def _either(self, _: int, at: int, __: str) -> int:
        """Of a text and its plain form the text."""
        group = self._group(at)
        if group is None:
            return at
        self._out.append(self._piece(self._text[group[0] : group[1]]))
        return self._arguments(group[1] + 1, 1)

    def _let(self, _: int, at: int, __: str) -> int:
        match = _LET.match(self._text, at)
        return match.end() if match else at

    def _length(self, _: int, at: int, __: str) -> int:
        match = _LENGTH.match(self._text, at)
        return match.end() if match else at

    def _multicolumn(self, _: int, at: int, __: str) -> int:
        group = self._group(at)
        count = self._text[group[0] : group[1]][:2] if group else ""
        at = self._arguments(at, 2)
        close = self._index.braces.get(at)
        if close is not None and count.isdecimal():
            after = CELL * (min(int(count), MAX_CELLS) - 1)
            self._push(Frame("env", len(self._out), close=close, after=after))
            return at + 1
        return at

    def _ensured(self, _: int, at: int, __: str) -> int:
        group = self._group(at)
        if group is None:
            return at
        self._out.append(inline(self._text[group[0] : group[1]], self._codes))
        return group[1] + 1

    def _dollar(self, sign: str, start: int, at: int) -> int:
        end = dollar_end(self._text, self._index, at, sign)
        if end < 0:
            self._out.append("\\$" * len(sign))
            return at
        if sign == "$":
            self._out.append(inline(self._text[at:end], self._codes))
            return end + 1
        return self._show(display(self._text[at:end], self._codes), end + 2)

    def _bracketed(self, sign: str, at: int) -> int:
        end = self._index.after("]" if sign == "[" else ")", at)
        if end < 0:
            return at
        if sign == "(":
            self._out.append(inline(self._text[at:end], self._codes))
            return end + 2
        return self._show(display(self._text[at:end], self._codes), end + 2)

    def _code(self, code: Code) -> None:
        if not code.block:
            fence = "``" if "`" in code.text else "`"
            room = " " if "`" in code.text else ""
            self._out.append(f"{fence}{room}{code.text}{room}{fence}")
        elif code.text.strip():
            fence = "````" if "```" in code.text else "```"
            self._out.append(f"\n\n{fence}{code.language}\n{code.text}\n{fence}\n\n")

    def _piece(self, text: str) -> str:
        """A piece of the source, such as a title, written on its own."""
        if self._depth >= _MAX_DEPTH:
            return text.replace("\\", "").replace("{", "").replace("}", "")
        return Converter(text, self._shared, depth=self._depth + 1).run()
