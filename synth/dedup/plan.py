"""Where measured rows are kept until they are chosen: in memory, or in a scratch folder where they are many.

In: pieces of measured rows. Out: their hashes, the tables one after another, and the fate of each row.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from synth.dedup.choosing import Chosen, Rules, choose_rows
from synth.dedup.measuring import Gathered, Measured, Numbers, Scheme
from synth.dedup.ngrams import Hashes
from synth.dedup.shards import choose_group, components, linked, opened, save


class Plan:
    """Takes rows in, and chooses among them; at most about `most` of them lie in memory at a time."""

    def __init__(self, scheme: Scheme, scratch: Path, expected: int, most: int) -> None:
        self.scheme = scheme
        self._most = max(most, 1)
        self._expected = min(expected, self._most)
        self._scratch = scratch
        self._folder: Path | None = None
        self._saved: list[int] = []
        self._begin()

    def __enter__(self) -> "Plan":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, piece: Measured) -> None:
        """Take rows in; a full table goes to the disk."""
        if self._held and self._held + len(piece.tokens) > self._most:
            self._spill()
        self._gathered.add(piece)
        self._held += len(piece.tokens)

    def tables(self) -> Iterator[Measured]:
        """All rows, in tables."""
        for number in range(len(self._saved)):
            if self._folder is not None:
                yield opened(self._folder, number)
        if self._held:
            yield self._gathered.measured()

    def hashes(self) -> tuple[NDArray[np.int32], Hashes, Hashes]:
        """Of all rows: tokens, the hash of the whole, that of the template."""
        found = [(table.tokens, table.whole, table.template) for table in self.tables()]
        nothing = (np.empty(0, np.int32), np.empty(0, np.uint64), np.empty(0, np.uint64))
        tokens, whole, template = (np.concatenate(columns) for columns in zip(nothing, *found, strict=True))
        return tokens, whole, template

    def choose(self, order: Numbers, rules: Rules) -> Chosen:
        """The fate of the rows that `order` names, preferred ones first."""
        if not self._saved:
            return choose_rows(self._gathered.measured(), order, rules)
        if self._held:
            self._spill()
        tables = list(self.tables())
        rows = sum(self._saved)
        bands = self.scheme.bands + (rules.twins == "remove")
        links = [linked(tables, band) for band in range(bands)]
        rank = np.full(rows, -1, np.int64)
        rank[order] = np.arange(len(order))
        dup_of, jaccard, counts = np.full(rows, -1, np.int64), np.zeros(rows), np.zeros(3, np.int64)
        for group in components(rows, links, self._most // 2):
            chosen = choose_group(tables, self.scheme, group, rank, rules)
            gone = chosen.dup_of >= 0
            dup_of[group[gone]] = group[chosen.dup_of[gone]]
            jaccard[group] = chosen.jaccard
            counts += chosen[2:]
        return Chosen(dup_of, jaccard, *counts.tolist())

    def _begin(self) -> None:
        self._gathered, self._held = Gathered(self.scheme, self._expected), 0

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=".dedup-", dir=self._scratch))
        save(self._folder, len(self._saved), self._gathered.measured())
        self._saved.append(self._held)
        self._begin()
