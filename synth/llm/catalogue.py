"""Where a key's record lies among sealed segments: a few searches over all of them, whatever their number.

In: sealed segments, oldest first. Out: the lines that a key may have, oldest first. Blocks that were read
lately stay unpacked, as a run that is repeated asks for records in nearly the order of their writing.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from synth.llm.sealed import Halves, Sealed, Words, hash_of
from synth.llm.segments import is_whole, key_of

CACHE_BYTES = 8 << 20
# Larger groups are left alone while a run goes on: to merge them takes memory that is hard to give back.
GROUP = 1 << 16


class Ordered(NamedTuple):
    """Entries of neighbouring segments by hash, equal ones oldest first, and the number of each."""

    hashes: Words
    entries: Halves


class Unpacked:
    """Blocks that were read lately; the oldest make room where all together grow too large."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._bytes = 0

    def get(self, which: int, block: int) -> bytes | None:
        """A block of a segment, if it is still here."""
        if (lines := self._blocks.get((which, block))) is not None:
            self._blocks.move_to_end((which, block))
        return lines

    def put(self, which: int, block: int, lines: bytes) -> None:
        """Keep a block that is not here."""
        self._blocks[which, block] = lines
        self._bytes += len(lines)
        while self._bytes > CACHE_BYTES and len(self._blocks) > 1:
            self._bytes -= len(self._blocks.popitem(last=False)[1])


class Catalogue:
    """The entries of all sealed segments; not to be changed, but made anew, or of an older one."""

    def __init__(self, sealed: Sequence[Sealed] = ()) -> None:
        self.sealed = tuple(sealed)
        self._starts = _starts(self.sealed)
        self._groups = [_merged(_one_by_one(self.sealed, self._starts))]
        self._unpacked = Unpacked()

    def grown(self, sealed: Sequence[Sealed]) -> "Catalogue":
        """The catalogue of these; where it is this one with more at its end, only what is new is sorted.

        A group is merged with its neighbour when that is at most twice as large, up to a limit: so an entry
        is moved a few times only, and few groups are searched for a key.
        """
        if self.sealed != tuple(sealed[: len(self.sealed)]):
            return Catalogue(sealed)
        made = Catalogue()
        made.sealed, made._starts = tuple(sealed), _starts(sealed)
        made._groups = list(self._groups)
        made._unpacked = self._unpacked
        for new in _one_by_one(sealed, made._starts)[len(self.sealed) :]:
            made._groups.append(new)
            made._settle()
        return made

    def hashes(self) -> Words:
        """The hashes of all entries, in no order."""
        return np.concatenate([group.hashes for group in self._groups])

    def lines(self, key: str) -> Iterator[tuple[int, bytes]]:
        """Each sound line with this key, oldest first, and the first number of its segment."""
        for entry in self._entries(hash_of(key)):
            which = bisect_right(self._starts, entry) - 1
            line = self._line(which, entry - self._starts[which])
            if is_whole(line) and key_of(line) == key:
                yield self.sealed[which].first, line

    def _entries(self, wanted: int) -> Iterator[int]:
        """The numbers of the entries with a hash; groups are in the order of their age, as entries are."""
        key = np.uint64(wanted)
        for hashes, entries in self._groups:
            at = int(hashes.searchsorted(key))
            while at < len(hashes) and hashes[at] == key:
                yield int(entries[at])
                at += 1

    def _settle(self) -> None:
        groups = self._groups
        while len(groups) > 1 and len(groups[-2].hashes) <= min(2 * len(groups[-1].hashes), GROUP):
            groups[-2:] = [_merged(groups[-2:])]

    def _line(self, which: int, entry: int) -> bytes:
        index = self.sealed[which].index
        lines = self._block(which, int(index.blocks[entry]))
        place = int(index.places[entry])
        return lines[place : lines.find(b"\n", place) + 1]

    def _block(self, which: int, block: int) -> bytes:
        if (lines := self._unpacked.get(which, block)) is None:
            lines = self.sealed[which].block(block)
            self._unpacked.put(which, block, lines)
        return lines


def _starts(sealed: Sequence[Sealed]) -> list[int]:
    """The number of the first entry of each."""
    return [0, *(int(end) for end in np.cumsum([len(one) for one in sealed]))][: len(sealed)]


def _one_by_one(sealed: Sequence[Sealed], starts: Sequence[int]) -> list[Ordered]:
    return [
        Ordered(one.index.hashes, np.arange(start, start + len(one), dtype=np.uint32))
        for one, start in zip(sealed, starts, strict=True)
    ]


def _merged(groups: Sequence[Ordered]) -> Ordered:
    hashes = np.concatenate([np.empty(0, np.uint64), *(one.hashes for one in groups)])
    entries = np.concatenate([np.empty(0, np.uint32), *(one.entries for one in groups)])
    # Stable, so that of equal hashes the oldest comes first; the parts are sorted, so it is a merge.
    order = np.argsort(hashes, kind="stable")
    return Ordered(hashes[order], entries[order])
