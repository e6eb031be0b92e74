"""Reads a LaTeX source from place to place, and keeps what is open and what is written so far.

In: a cleaned source and its index. Out: arguments by where they stand, and output that grows; what is
never closed ends with what it stands in.
"""

import re

from synth.documents.formats.latex.frames import Frame, ended
from synth.documents.formats.latex.source import Index

_OPTION = re.compile(r"\s{0,40}\[")
_IN_OPTION = re.compile(r"[\[\]{]|\\[\[\]{}\\]|\n[ \t]*\n")
_MAX_BRACKETS = 3
_BRACE = re.compile(r"\s{0,40}(?=\{)")
_MAX_FRAMES = 150
_MAX_OPTION = 600


class Reader:
    """A source, its output, and the frames that are open in it."""

    def __init__(self, text: str, index: Index) -> None:
        self._text = text
        self._index = index
        self._out: list[str] = []
        self._open: list[Frame] = []
        self._closing: set[int] = set()
        self._counts = {"list": 0, "table": 0, "item": 0}

    def _plain(self, text: str) -> None:
        if "  " in text or "\t" in text or "\n" in text:
            lines = text.replace("\t", " ").split("\n")
            text = "\n".join(
                " ".join(line.split(" ")) if "  " not in line else _squeezed(line) for line in lines
            )
            text = text.replace("\n ", "\n").replace(" \n", "\n")
        if text:
            self._out.append(text)

    def _brace(self, at: int) -> None:
        close = self._index.braces.get(at)
        if close is not None:
            self._push(Frame("group", len(self._out), close=close))
        elif at in self._closing:
            while self._close_last() != at:
                pass

    def _push(self, frame: Frame) -> bool:
        if len(self._open) >= _MAX_FRAMES:
            return False
        self._open.append(frame)
        if frame.close >= 0:
            self._closing.add(frame.close)
        if frame.kind in self._counts:
            self._counts[frame.kind] += 1
        return True

    def _close_last(self) -> int:
        """End the innermost frame; the brace that it ends with."""
        frame = self._open.pop()
        self._closing.discard(frame.close)
        if frame.kind in self._counts:
            self._counts[frame.kind] -= 1
        if frame.kind != "group":
            written = ended(frame, "".join(self._out[frame.at :]))
            del self._out[frame.at :]
            if written[:1] == " " and self._out and self._out[-1][-1:] in (" ", "\n"):
                written = written[1:]
            self._out.append(written)
        return frame.close

    def _group(self, at: int) -> tuple[int, int] | None:
        """Where the argument in braces at a place begins and ends, without its braces."""
        match = _BRACE.match(self._text, at)
        end = self._index.braces.get(match.end()) if match else None
        return (match.end() + 1, end) if match and end is not None else None

    def _option(self, at: int) -> tuple[str | None, int]:
        """What stands in square brackets at a place, and where it ends."""
        match = _OPTION.match(self._text, at)
        if match is None:
            return None, at
        depth, i, stop = 0, match.end(), match.end() + _MAX_OPTION
        while found := _IN_OPTION.search(self._text, i, stop):
            i = found.end()
            if found[0] == "{":
                i = self._index.braces.get(found.start(), found.start()) + 1
            elif found[0] == "[":
                depth += 1
            elif found[0] == "]":
                if not depth:
                    return self._text[match.end() : found.start()], i
                depth -= 1
            if found[0].isspace() or depth > _MAX_BRACKETS:
                break
        return None, at

    def _arguments(self, at: int, count: int) -> int:
        """The end of so many arguments, with those in square brackets among them."""
        _, at = self._option(at)
        for _ in range(count):
            group = self._group(at)
            if group is None:
                return at
            at = group[1] + 1
            if self._text.startswith("[", at):
                _, at = self._option(at)
        return at

    def _skip(self, pattern: re.Pattern[str], at: int) -> int:
        """The end of what a pattern finds at a place, or the place."""
        match = pattern.match(self._text, at)
        return match.end() if match else at


def _squeezed(line: str) -> str:
    left, right = line[:1] == " ", line[-1:] == " "
    return " " * left + " ".join(line.split()) + " " * (right and bool(line.strip()))
