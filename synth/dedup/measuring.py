"""Texts measured: their shingles, band keys and hashes, by the kernel or without it, with the same result.

In: Arrow arrays of texts. Out: `Measured` arrays, one row a text. A text has as shingles its distinct runs
of `width` tokens (the whole text where it is shorter), as 64-bit hashes (`ngrams`), sorted; MinHash values
are datasketch's (`near`). `whole` is a hash of all tokens: equal texts once normalised; `template` the same
with every number masked: equal wording.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synth.dedup import normalise
from synth.dedup.characters import folded
from synth.dedup.fallback import measure_row
from synth.dedup.kernel import at, kernel, lent
from synth.dedup.near import band_keys, permutation_values, signatures
from synth.dedup.ngrams import NUMBER, VOCABULARY, Hashes, Ngrams

# So many texts are measured by one call of the kernel.
BATCH_ROWS = 2_000
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


class Gathered:
    """Pieces laid one behind the other; `rows` is how many are expected, and may be too few."""

    def __init__(self, scheme: Scheme, rows: int = 0) -> None:
        self._bands, self._expected, self._rows, self._count = scheme.bands, rows, 0, 0
        self._columns: list[NDArray[Any]] = []
        self._hashes = np.empty(0, np.uint64)

    def add(self, piece: Measured) -> None:
        """Lay a copy of a piece behind the others."""
        columns: list[NDArray[Any]] = [piece.starts[1:] + self._count, *piece[2:]]
        more, rows = len(piece.hashes), self._rows + len(piece.tokens)
        if not self._columns:
            self._columns = [np.empty((self._expected, *c.shape[1:]), c.dtype) for c in columns]
            self._hashes = np.empty(int(more / max(rows, 1) * self._expected * 1.05), np.uint64)
        self._columns = [_with_room(there, self._rows, rows) for there in self._columns]
        self._hashes = _with_room(self._hashes, self._count, self._count + more)
        for there, found in zip(self._columns, columns, strict=True):
            there[self._rows : rows] = found
        self._hashes[self._count : self._count + more] = piece.hashes
        self._rows, self._count = rows, self._count + more

    def measured(self) -> Measured:
        """All of them."""
        if not self._columns:
            nothing = np.empty(0, np.uint64)
            keys = np.empty((0, self._bands), np.uint64)
            return Measured(nothing, np.zeros(1, np.int64), np.empty(0, np.int32), nothing, nothing, keys)
        ends, tokens, whole, template, keys = (column[: self._rows] for column in self._columns)
        starts = np.concatenate([np.zeros(1, np.int64), ends])
        return Measured(self._hashes[: self._count], starts, tokens, whole, template, keys)


def _with_room(array: NDArray[Any], used: int, needed: int) -> NDArray[Any]:
    if needed <= len(array):
        return array
    wider = np.empty((needed + needed // 2, *array.shape[1:]), array.dtype)
    wider[:used] = array[:used]
    return wider


class Measurer:
    """Measures batches of texts; one for each thread, since it remembers the hashes of tokens."""

    def __init__(self, scheme: Scheme) -> None:
        self._open: Any = None
        self._kernel = kernel()
        self.scheme = scheme
        self._ngrams = Ngrams()
        self._known: set[int] = set()

    def measure(self, texts: pa.Array | Sequence[str | None]) -> Measured:
        """One row a text; no text (null) has no tokens."""
        array = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.large_string())
        gathered = Gathered(self.scheme, len(array))
        for piece in self.pieces(array):
            gathered.add(piece)
        return gathered.measured()

    def pieces(self, texts: pa.Array) -> Iterator[Measured]:
        """The same in pieces, each of which is good until the next one is asked for."""
        for start in range(0, len(texts), BATCH_ROWS):
            piece = texts[start : start + BATCH_ROWS]
            yield self._by_python(_strings(piece)) if self._kernel is None else self._by_kernel(piece)

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
            context, at(self._numbers), at(data), at(offsets), rows,
            at(given), at(given_data), at(given_offsets),
            at(ends), at(tokens), at(whole), at(template), at(keys), None,
        )  # fmt: skip
        if count < 0:
            raise MemoryError("There is not enough memory for this batch of texts.")
        hashes = lent(self._kernel.synth_hashes(context), count)
        return Measured(hashes, np.concatenate([[0], ends]), tokens, whole, template, keys)

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
    def _numbers(self) -> "NDArray[np.void]":
        """The `Scheme` of native/minhash.c; it holds addresses of the permutations."""
        self._factors, self._summands = permutation_values(self.scheme.permutations)
        fields = [
            ("ints", np.int32, 4),
            ("factors", np.uint64),
            ("summands", np.uint64),
            ("number", np.uint64),
        ]
        made = np.zeros(1, np.dtype(fields))
        made["ints"] = self.scheme
        made["factors"], made["summands"] = at(self._factors), at(self._summands)
        made["number"] = NUMBER
        return made


def _commands() -> tuple[bytes, NDArray[np.uint32]]:
    """The names of the commands that stand for a sign or for nothing, and the sign of each."""
    from synth.dedup.characters import classed

    known = dict.fromkeys(normalise.SILENT.split(), 0) | {
        name: classed(sign)
        for name, sign in normalise.COMMANDS.items()
        if name not in normalise.SILENT.split()
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
