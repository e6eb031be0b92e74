"""Where measured rows are kept until they are chosen: in memory, or in a scratch folder where they are many.

In: pieces of measured rows. Out: their hashes, the tables one after another, and the fate of each row.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synth import lock
from synth.dedup.choosing import Chosen, Rules, choose_rows
from synth.dedup.measuring import Gathered, Measured, Numbers, Scheme
from synth.dedup.ngrams import Hashes
from synth.dedup.shards import choose_group, components, linked, opened, save
from synth.errors import StoreError
from synth.writing import remove_temporary

SCRATCH = ".dedup-scratch"


@contextmanager
def scratch_in(out: Path, files: Sequence[str] = ()) -> Iterator[Path]:
    """A folder for as long as the block lasts, and for one process; what a killed one left is removed.

    So are the temporary files of the results, whose names are `files`.

    Raises:
        StoreError: another process has it, or it cannot be written.
    """
    folder = out / SCRATCH
    held = _locked(folder)
    try:
        for stale in [path for path in folder.iterdir() if path.name != ".lock"]:
            shutil.rmtree(stale, ignore_errors=True)
        for name in files:
            remove_temporary(out, name)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _locked(folder: Path) -> int:
    """The open file that holds the lock of the folder."""
    for _ in range(lock.TRIES):
        try:
            held = lock.take(folder)
        except BlockingIOError as fault:
            raise StoreError(
                f"{folder.parent}: another process deduplicates into this folder; wait until it is done."
            ) from fault
        except FileNotFoundError:  # removed by the process that ended this instant
            continue
        except OSError as fault:
            raise StoreError(f"Cannot write {folder}: {fault.strerror}; choose another folder.") from fault
        if _is_there(held, folder / ".lock"):
            return held
        os.close(held)
    raise StoreError(
        f"{folder.parent}: other processes deduplicate into this folder; wait until they are done."
    )


def _is_there(held: int, path: Path) -> bool:
    """Whether the file that is locked still has its name."""
    try:
        return os.path.samestat(os.fstat(held), path.stat())
    except FileNotFoundError:
        return False


class Plan:
    """Takes rows in, and chooses among them; at most about `most` of them lie in memory at a time.

    The others lie in the folder `scratch`, which is the caller's.
    """

    def __init__(self, scheme: Scheme, scratch: Path, expected: int, most: int) -> None:
        self.scheme = scheme
        self._most = max(most, 1)
        self._expected = min(expected, self._most)
        self._folder = scratch
        self._saved: list[int] = []
        self._begin()

    def add(self, piece: Measured) -> None:
        """Take rows in; a full table goes to the disk."""
        if self._held and self._held + len(piece.tokens) > self._most:
            self._spill()
        self._gathered.add(piece)
        self._held += len(piece.tokens)

    def tables(self) -> Iterator[Measured]:
        """All rows, in tables."""
        for number in range(len(self._saved)):
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
        save(self._folder, len(self._saved), self._gathered.measured())
        self._saved.append(self._held)
        self._begin()
