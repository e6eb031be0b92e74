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
from numpy.typing import NDArray

from synth.dedup.fallback import measure_row
from synth.dedup.kernel import at, kernel, lent
from synth.dedup.near import band_keys, permutation_values, signatures
from synth.dedup.ngrams import NUMBER, Hashes, Ngrams
from synth.dedup.splitting import Splitter, strings

# So many texts are measured by one call of the kernel.
BATCH_ROWS = 2_000

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
        library = kernel()
        self._splitter = None if library is None else Splitter(library)
        self.scheme = scheme
        self._ngrams = Ngrams()

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
            yield (
                self._by_kernel(self._splitter, piece) if self._splitter else self._by_python(strings(piece))
            )

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

    def _by_kernel(self, splitter: Splitter, texts: pa.Array) -> Measured:
        given = splitter.given(texts)
        rows, scheme = len(texts), self.scheme
        ends, tokens = np.empty(rows, np.int64), np.empty(rows, np.int32)
        whole, template = np.empty(rows, np.uint64), np.empty(rows, np.uint64)
        keys = np.empty((rows, scheme.bands), np.uint64)
        count = splitter.library.synth_measure(
            splitter.context, at(self._numbers), at(given.packed), rows,
            at(ends), at(tokens), at(whole), at(template), at(keys), None,
        )  # fmt: skip
        if count < 0:
            raise MemoryError("There is not enough memory for this batch of texts.")
        hashes = lent(splitter.library.synth_hashes(splitter.context), count)
        return Measured(hashes, np.concatenate([[0], ends]), tokens, whole, template, keys)

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
