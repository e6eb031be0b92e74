"""The kernel's reader of texts: what it holds between calls, and the texts that it leaves to Python.

In: Arrow arrays of texts. Out: these as the kernel takes them (`Texts` of native/kernel.h), after it was told
of each character that it had not met. Texts whose characters depend on their neighbours are split by
`normalise` and handed over as tokens, each behind a byte that says what it is.
"""

from collections.abc import Callable
from operator import add
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth.dedup import normalise
from synth.dedup.characters import classed, folded
from synth.dedup.kernel import at
from synth.dedup.kinds import kinds_of
from synth.dedup.ngrams import VOCABULARY

_MOST_UNKNOWN = 4_096
_SAID = " ≤≥≠°^"
# What stands before a token that Python made: a blank, and the bits of its kind above it.
_BLANK, _DIGITS = 32, 16

Numbers = NDArray[np.int64]


class Given(NamedTuple):
    """Texts as the kernel takes them; `held` is the memory that `packed` points to."""

    packed: Numbers
    held: tuple[Any, ...]


class Splitter:
    """A context of the kernel, for one thread: it knows characters, and the hashes of tokens."""

    def __init__(self, library: Any) -> None:
        self.library = library
        self._known: set[int] = set()
        names, values = _commands()
        said = np.array([folded(ord(char)).chars[0] for char in _SAID], np.uint32)
        self.context = library.synth_open(names, at(values), len(values), at(said), VOCABULARY)
        if not self.context:
            raise MemoryError("There is not enough memory for the kernel.")
        for code in range(128):
            self._learn(code)

    def __del__(self) -> None:
        if getattr(self, "context", None):
            self.library.synth_close(self.context)

    def given(self, texts: pa.Array, string: Callable[[int], str] | None = None) -> Given:
        """The texts for a call of the kernel; `string` tells a text that Python must split, by its place."""
        data, offsets = buffers(texts)
        unlike = np.flatnonzero(self.status(data, offsets))
        places = np.full(len(texts), -1, np.int64)
        places[unlike] = np.arange(len(unlike))
        if string is None:
            left = [text or "" for text in strings(texts.take(pa.array(unlike)))]
        else:
            left = [string(place) for place in unlike.tolist()]
        other_data, other_offsets = buffers(pa.array([_line(text) for text in left], pa.large_binary()))
        held = (data, offsets, places, other_data, other_offsets)
        return Given(np.array([array.ctypes.data for array in held], np.int64), held)

    def status(self, data: NDArray[np.uint8], offsets: Numbers) -> NDArray[np.uint8]:
        """1 for each text that Python must split. Characters that the kernel has not met are told to it."""
        status = np.empty(len(offsets) - 1, np.uint8)
        unknown = np.empty(_MOST_UNKNOWN, np.uint32)
        while count := self.library.synth_scan(
            self.context, at(data), at(offsets), len(status), at(status), at(unknown), _MOST_UNKNOWN
        ):
            for code in set(unknown[:count].tolist()) - self._known:
                self._learn(code)
        return status

    def _learn(self, code: int) -> None:
        entry = folded(code)
        chars = np.array(entry.chars, np.uint32)
        if self.library.synth_learn(self.context, code, entry.kind, entry.superscript, at(chars), len(chars)):
            raise MemoryError("There is not enough memory for the table of characters.")
        self._known.add(code)


def buffers(texts: pa.Array) -> tuple[NDArray[np.uint8], Numbers]:
    """The bytes of an array of texts and where each begins; a null is an empty text."""
    if texts.null_count:
        texts = texts.fill_null("")
    kind = pa.large_binary() if pa.types.is_large_binary(texts.type) else pa.large_string()
    texts = texts if texts.type == kind else texts.cast(kind)
    _, offsets, data = texts.buffers()
    found = np.frombuffer(offsets, np.int64) if offsets else np.zeros(1, np.int64)
    places = found[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data or b"", np.uint8), places if len(places) else np.zeros(1, np.int64)


def strings(texts: pa.Array) -> list[str | None]:
    """As Python has them; bytes that are no UTF-8 become marks."""
    try:
        found: list[str | None] = texts.to_pylist()
    except UnicodeDecodeError:
        raw = texts.cast(pa.large_binary()).to_pylist()
        found = [None if one is None else one.decode("utf-8", "replace") for one in raw]
    return found


def _line(text: str) -> bytes:
    """The tokens of a text, one a line, each behind its kind."""
    found = normalise.tokens(text)
    marks = (
        chr(_BLANK + kind + _DIGITS * t[0].isdigit())
        for t, kind in zip(found, kinds_of(found).tolist(), strict=True)
    )
    line = "\n".join(map(add, marks, found))
    return line.encode("utf-8", "surrogatepass")


def _commands() -> tuple[bytes, NDArray[np.uint32]]:
    """The names of the commands that stand for a sign or for nothing, and the sign of each."""
    known = dict.fromkeys(normalise.SILENT.split(), 0) | {
        name: classed(sign)
        for name, sign in normalise.COMMANDS.items()
        if name not in normalise.SILENT.split()
    }
    names = b"".join(name.encode() + b"\0" for name in known)
    return names, np.array(list(known.values()), np.uint32)
