r"""The environments of LaTeX: lists, tables, theorems and their like.

In: where `\begin` and `\end` stand. Out: frames that are written when they end, and in front of what
is stated, asked or proved its kind and title.
"""

import re
from abc import abstractmethod

from synth.documents.formats.latex import names as names
from synth.documents.formats.latex.formula import display
from synth.documents.formats.latex.frames import Frame
from synth.documents.formats.latex.macros import Defined, kind_of
from synth.documents.formats.latex.source import Code, Index
from synth.documents.formats.latex.walk import Reader

_ENV = re.compile(r"\s{0,3}\{([^{}\\$\n]{1,60})\}")
_SPACES = re.compile(r"[ \t]{1,200}")
_LINE_END = re.compile(r"[ \t]{0,200}\n")
_BEFORE_STATEMENT = re.compile(r"(?:\s{1,50}|\\label\s?\{[^{}]{1,120}\}){0,8}")
# What follows an environment's name without being its text: how many arguments in braces.
_ARGUMENTS = {
    **dict.fromkeys(
        ("minipage", "multicols", "adjustbox", "subfigure", "subtable", "spacing", "column", "CJK*"), 1
    ),
    **dict.fromkeys(
        ("tabular", "longtable", "array", "supertabular", "otherlanguage", "tblr", "longtblr"), 1
    ),
    **dict.fromkeys(
        ("wrapfigure", "wraptable", "adjustwidth", "tabularx", "tabular*", "tabulary", "xltabular"), 2
    ),
    "CJK": 2,
    "changemargin": 2,
    "list": 2,
    "algorithmic": 0,
}
_MAX_LISTS = 6


class Environments(Reader):
    """Reads what begins and ends."""

    def __init__(self, text: str, index: Index, defined: Defined, code: list[Code]) -> None:
        super().__init__(text, index)
        self._defined = defined
        self._codes = code

    @abstractmethod
    def _piece(self, text: str) -> str:
        """A piece of the source, such as a title, written on its own."""

    def _begin(self, start: int, at: int, _: str) -> int:
        match = _ENV.match(self._text, at)
        if match is None:
            return at
        env, at = match[1], match.end()
        plain = env.rstrip("*")
        if plain in names.MATH or plain in names.DIAGRAMS or env in names.DIAGRAMS:
            if (end := self._index.ends.get(start)) is not None:
                shown = "" if env in names.ONE_FORMULA else env
                return self._show(display(self._text[at : end[0]], self._codes, shown), end[1])
            return at
        if env in names.LISTS:
            return self._begin_list(env, at)
        if env in names.TABLES:
            at = self._arguments(at, _ARGUMENTS.get(env, 1))
            self._push(Frame("table", len(self._out), env))
            return at
        return self._begin_other(env, at)

    def _begin_list(self, env: str, at: int) -> int:
        _, at = self._option(at)
        if self._counts["list"] < _MAX_LISTS:
            inside = "nested" if self._counts["list"] else ""
            self._push(Frame("list", len(self._out), env, before=inside))
        return at

    def _begin_other(self, env: str, at: int) -> int:
        """A box of some kind with its title, or layout."""
        kind = kind_of(env, self._defined.kinds)
        title, at = self._option(at)
        if env.startswith("restatable"):
            match = _ENV.match(self._text, at)
            kind = kind_of(match[1], self._defined.kinds) if match else ""
            at = self._arguments(at, 2)
        elif env == "frame":
            kind, title, at = self._framed(at)
        else:
            at = self._arguments(at, _ARGUMENTS.get(env, 0))
        self._push(Frame("env", len(self._out), env, before="\n\n", after="\n\n"))
        if kind:
            self._out.append(self._label(kind, title))
            at = self._skip(_BEFORE_STATEMENT, at)
        return at

    def _framed(self, at: int) -> tuple[str, str, int]:
        group = self._group(at)
        if group is None:
            return "", "", at
        return self._piece(self._text[group[0] : group[1]]), "", group[1] + 1

    def _label(self, kind: str, title: str | None) -> str:
        said = " ".join(self._piece(_named(title)).split()) if title else ""
        if not said:
            return f"**{kind}.** "
        if said.lower().startswith(kind.lower()):
            return f"**{said.rstrip('.')}.** "
        return f"**{kind}** ({said}). "

    def _end(self, _: int, at: int, __: str) -> int:
        """An end closes what is open in its environment; where that never began it is nothing."""
        match = _ENV.match(self._text, at)
        if match is None:
            return at
        if any(frame.name == match[1] for frame in self._open):
            while self._open[-1].name != match[1]:
                self._close_last()
            self._close_last()
        return match.end()

    def _item(self, _: int, at: int, name: str) -> int:
        option, at = self._option(at)
        said = self._piece(option).strip() if option else ""
        place = max((i for i, f in enumerate(self._open) if f.kind == "list"), default=-1)
        while place >= 0 and len(self._open) > place + 1:
            self._close_last()
        mark = "-"
        if place >= 0:
            frame = self._open[place]
            frame.count += 1
            if frame.name in names.NUMBERED and not said:
                mark = f"{frame.count}."
            elif frame.name == "description" and said:
                said = f"**{said}**"
        self._push(Frame("item", len(self._out), before=mark))
        if said:
            self._out.append(f"{said} ")
            return self._skip(_SPACES, at)
        return at

    def _show(self, formula: str, end: int) -> int:
        """A formula on lines of its own, which belong to the paragraph around it."""
        if self._out and self._out[-1].endswith("\n"):
            formula = formula.removeprefix("\n")
        self._out.append(formula)
        return self._skip(_LINE_END, end) if formula else end


def _named(title: str) -> str:
    """The name among options, where a title is given as one."""
    found = re.search(r"(?:name|title)\s?=\s?\{?([^{},]{1,200})", title)
    return found[1] if found else title
