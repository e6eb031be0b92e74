"""Normalised text and the digest of a set of sources.

In: text as a reader left it. Out: the text that is hashed and stored, the same however the source
wrote its line ends, accents and white space (case and markup stay).
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from synth.ids import digest

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff]")
# JSON can write half of a pair; no Arrow string can hold it.
_HALF_PAIRS = re.compile("[\ud800-\udfff]")
# Most texts hold none of these: one search for all costs less than three passes that change nothing.
_UNUSUAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_BLANK_LINES = re.compile("\n{4,}")
# What could be a run of marks upon one letter: no mark is a letter, a digit or a space itself.
_MARKED = re.compile(r"[^\w\s\x00-\u02ff]{31,}")
# More than any script puts upon one letter; sorting them takes time that grows with their square.
_MOST_MARKS = 30
_BLOCK = 1 << 20


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 question`, `2 questions`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


class Named(Protocol):
    """A file and the name it goes by."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    @property
    def name(self) -> str:
        """Its name, without the folders of this machine."""


def normalise(text: str) -> str:
    """The one written form of a text: normalising it again changes nothing.

    At most two blank lines stay in a row, none at either end.
    """
    if _UNUSUAL.search(text):
        text = _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))
        text = _HALF_PAIRS.sub("\ufffd", text)
    # Again behind NFC, which makes two marks of some.
    text = cut_marks(unicodedata.normalize("NFC", cut_marks(text)))
    text = "\n".join(map(str.rstrip, text.split("\n")))
    if "\n\n\n\n" in text:
        text = _BLANK_LINES.sub("\n\n\n", text)
    return text.strip("\n")


def cut_marks(text: str) -> str:
    """The text with at most 30 combining marks in a row, so that Unicode's forms cost linear time."""
    return text if text.isascii() else _MARKED.sub(_without_surplus, text)


def _without_surplus(run: re.Match[str]) -> str:
    kept, marks = [], 0
    for char in run[0]:
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= _MOST_MARKS:
            kept.append(char)
    return "".join(kept)


def one_line(text: str, limit: int = 300) -> str:
    """The text on one line of at most `limit` characters, for titles, names and details."""
    line = " ".join(normalise(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, read block by block."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            sha.update(block)
    return sha.hexdigest()


def fingerprint_sources(sources: Iterable[Named]) -> str:
    """Digest of the sources' names and bytes, whatever order they come in.

    A file that cannot be read counts as such, since reading it then ends in a rejected row.
    """
    return digest("sources", sorted([s.name, sha_or_fault(s.path)] for s in sources))


def sha_or_fault(path: Path) -> str:
    """SHA-256 of a file, or the fault that reading it ends with."""
    try:
        return file_sha256(path)
    except OSError as fault:
        return f"unreadable: {fault.strerror}"
