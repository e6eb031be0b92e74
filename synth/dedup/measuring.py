"""Texts measured: their shingles, band keys and hashes, by the kernel or without it, with the same result.

In: Arrow arrays of texts. Out: `Measured` arrays, one row a text. A text has as shingles its distinct runs
of `width` tokens (the whole text where it is shorter), as 64-bit hashes (`ngrams`), sorted; MinHash values
are datasketch's (`near`). `whole` is a hash of all tokens: equal texts once normalised; `template` the same
with every number masked: equal wording.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synth.dedup import normalise
from synth.dedup.characters import folded
from synth.dedup.fallback import measure_row
from synth.dedup.kernel import at, kernel
from synth.dedup.near import band_keys, permutation_values, signatures
from synth.dedup.ngrams import NUMBER, VOCABULARY, Hashes, Ngrams

# So many texts are measured by one call of the kernel.
BATCH_ROWS = 10_000
_MOST_UNKNOWN = 4_096
_SAID = " ≤≥≠°^"

Numbers = NDArray[np.int64]


class Scheme(NamedTuple):
    """What texts are measured by: tokens a shingle, MinHash functions, and how these are banded."""

    width: int = 5
    permutations: int = 128
    bands: int = 25
    rows: int = 5


class Measured(NamedTuple):
    """Texts as numbers. The shingles of text i are `hashes[starts[i]:starts[i + 1]]`."""

    hashes: Hashes
    starts: Numbers
    tokens: NDArray[np.int32]
    whole: Hashes
    template: Hashes
    keys: Hashes  # a row a text, a column a band

    def shingles(self, place: int) -> Hashes:
        """The shingles of one text, sorted."""
        return self.hashes[self.starts[place] : self.starts[place + 1]]


class Measurer:
    """Measures batches of texts; one for each thread, since it remembers the hashes of tokens."""

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self._kernel = kernel()
        self._ngrams = Ngrams()
        self._open: Any = None
        self._known: set[int] = set()

    def measure(self, texts: pa.Array | Sequence[str | None]) -> Measured:
        """One row a text; no text (null) has no tokens."""
        array = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.large_string())
        if self._kernel is None:
            return self._by_python(_strings(array))
        pieces = [self._by_kernel(array[i : i + BATCH_ROWS]) for i in range(0, len(array), BATCH_ROWS)]
        return joined(pieces, self.scheme.bands)

    def __del__(self) -> None:
        if self._open is not None:
            self._kernel.synth_close(self._open)

    def _by_python(self, texts: Sequence[str | None]) -> Measured:
        rows = [measure_row(text, self.scheme.width, self._ngrams) for text in texts]
        sets = [row.shingles for row in rows]
        values = signatures(sets, self.scheme.permutations, compiled=False)
        return Measured(
            np.concatenate(sets) if sets else np.empty(0, np.uint64),
            np.cumsum([0, *map(len, sets)], dtype=np.int64),
            np.array([row.tokens for row in rows], np.int32),
            np.array([row.whole for row in rows], np.uint64),
            np.array([row.template for row in rows], np.uint64),
            np.ascontiguousarray(band_keys(values, self.scheme.bands, self.scheme.rows).T),
        )

    def _by_kernel(self, texts: pa.Array) -> Measured:
        context = self._context()
        data, offsets = _buffers(texts)
        given, lines = self._left_to_python(texts, data, offsets)
        rows, scheme = len(texts), self.scheme
        ends, tokens = np.empty(rows, np.int64), np.empty(rows, np.int32)
        whole, template = np.empty(rows, np.uint64), np.empty(rows, np.uint64)
        keys = np.empty((rows, scheme.bands), np.uint64)
        given_data, given_offsets = _buffers(pa.array(lines, pa.large_binary()))
        count = self._kernel.synth_measure(
            context, at(self._numbers), at(data), at(offsets), rows, at(given), at(given_data), at(given_offsets),
            at(ends), at(tokens), at(whole), at(template), at(keys), None,
        )  # fmt: skip
        if count < 0:
            raise MemoryError("There is not enough memory for this batch of texts.")
        return Measured(
            self._hashes(count), np.concatenate([[0], ends]), tokens, whole, template, keys
        )

    def _hashes(self, count: int) -> Hashes:
        import ctypes

        if not count:
            return np.empty(0, np.uint64)
        there = ctypes.cast(self._kernel.synth_hashes(self._open), ctypes.POINTER(ctypes.c_uint64))
        return np.ctypeslib.as_array(there, (count,)).copy()

    def _left_to_python(
        self, texts: pa.Array, data: NDArray[np.uint8], offsets: Numbers
    ) -> tuple[Numbers, list[bytes]]:
        """For each text -1, or the place of the tokens that Python split it into."""
        given = np.full(len(texts), -1, np.int64)
        unlike = np.flatnonzero(self._status(data, offsets))
        given[unlike] = np.arange(len(unlike))
        lines = []
        for text in _strings(texts.take(pa.array(unlike))):
            found = normalise.tokens(text or "")
            line = "\n".join(f"{1 if token[0].isdigit() else 0}{token}" for token in found)
            lines.append(line.encode("utf-8", "surrogatepass"))
        return given, lines

    def _status(self, data: NDArray[np.uint8], offsets: Numbers) -> NDArray[np.uint8]:
        """1 for each text that Python must split. Characters that the kernel has not met are told to it."""
        status = np.empty(len(offsets) - 1, np.uint8)
        unknown = np.empty(_MOST_UNKNOWN, np.uint32)
        while count := self._kernel.synth_scan(
            self._open, at(data), at(offsets), len(status), at(status), at(unknown), _MOST_UNKNOWN
        ):
            for code in set(unknown[:count].tolist()) - self._known:
                self._learn(code)
        return status

    def _learn(self, code: int) -> None:
        entry = folded(code)
        chars = np.array(entry.chars, np.uint32)
        if self._kernel.synth_learn(self._open, code, entry.kind, entry.superscript, at(chars), len(chars)):
            raise MemoryError("There is not enough memory for the table of characters.")
        self._known.add(code)

    def _context(self) -> Any:
        if self._open is None:
            names, values = _commands()
            said = np.array([folded(ord(char)).chars[0] for char in _SAID], np.uint32)
            self._open = self._kernel.synth_open(names, at(values), len(values), at(said), VOCABULARY)
            if not self._open:
                raise MemoryError("There is not enough memory for the kernel.")
            for code in range(128):
                self._learn(code)
        return self._open

    @cached_property
    def _numbers(self) -> "NDArray[np.uint8]":
        """The `Scheme` of native/minhash.c; it holds addresses of the permutations."""
        self._factors, self._summands = permutation_values(self.scheme.permutations)
        fields = [("ints", np.int32, 4), ("factors", np.uint64), ("summands", np.uint64), ("number", np.uint64)]
        made = np.zeros(1, np.dtype(fields))
        made["ints"] = self.scheme
        made["factors"], made["summands"] = at(self._factors), at(self._summands)
        made["number"] = NUMBER
        return made


def joined(pieces: Sequence[Measured], bands: int) -> Measured:
    """Batches one after another."""
    if len(pieces) == 1:
        return pieces[0]
    starts, before = [np.zeros(1, np.int64)], 0
    for piece in pieces:
        starts.append(piece.starts[1:] + before)
        before += int(piece.starts[-1])
    nothing = np.empty(0, np.uint64)
    return Measured(
        np.concatenate([nothing, *(piece.hashes for piece in pieces)]),
        np.concatenate(starts),
        np.concatenate([np.empty(0, np.int32), *(piece.tokens for piece in pieces)]),
        np.concatenate([nothing, *(piece.whole for piece in pieces)]),
        np.concatenate([nothing, *(piece.template for piece in pieces)]),
        np.concatenate([np.empty((0, bands), np.uint64), *(piece.keys for piece in pieces)]),
    )


def _commands() -> tuple[bytes, NDArray[np.uint32]]:
    """The names of the commands that stand for a sign or for nothing, and the sign of each."""
    from synth.dedup.characters import classed

    known = {name: 0 for name in normalise.SILENT.split()} | {
        name: classed(sign) for name, sign in normalise.COMMANDS.items() if name not in normalise.SILENT.split()
    }
    names = b"".join(name.encode() + b"\0" for name in known)
    return names, np.array(list(known.values()), np.uint32)


def _buffers(texts: pa.Array) -> tuple[NDArray[np.uint8], Numbers]:
    """The bytes of an array of texts and where each begins; a null is an empty text."""
    if texts.null_count:
        texts = pc.fill_null(texts, "")
    kind = pa.large_binary() if pa.types.is_large_binary(texts.type) else pa.large_string()
    texts = texts if texts.type == kind else texts.cast(kind)
    _, offsets, data = texts.buffers()
    found = np.frombuffer(offsets, np.int64) if offsets else np.zeros(1, np.int64)
    places = found[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data or b"", np.uint8), places if len(places) else np.zeros(1, np.int64)


def _strings(texts: pa.Array) -> list[str | None]:
    """As Python has them; bytes that are no UTF-8 become marks."""
    try:
        found: list[str | None] = texts.to_pylist()
    except UnicodeDecodeError:
        raw = texts.cast(pa.large_binary()).to_pylist()
        found = [None if one is None else one.decode("utf-8", "replace") for one in raw]
    return found
