"""Where a key's record lies among sealed segments: one search over all of them, whatever their number.

In: sealed segments, oldest first. Out: the lines that a key may have, oldest first. Blocks that were read
lately stay unpacked, as a run that is repeated asks for records in nearly the order of their writing.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np

from synth.llm.sealed import Sealed, hash_of
from synth.llm.segments import is_whole, key_of

CACHE_BYTES = 8 << 20


class Catalogue:
    """The entries of all sealed segments, sorted by hash; not to be changed, but made anew."""

    def __init__(self, sealed: Sequence[Sealed] = ()) -> None:
        self.sealed = tuple(sealed)
        counts = [len(one) for one in self.sealed]
        self._starts = [0, *(int(end) for end in np.cumsum(counts))][: len(counts)]
        hashes = np.concatenate([np.empty(0, np.uint64), *(one.index.hashes for one in self.sealed)])
        # Stable, so that of equal hashes the oldest comes first; the parts are sorted, so it is a merge.
        self._order = np.argsort(hashes, kind="stable").astype(np.uint32)
        self.hashes = hashes[self._order]
        self._unpacked: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._bytes = 0

    def lines(self, key: str) -> Iterator[tuple[int, bytes]]:
        """Each sound line with this key, oldest first, and the first number of its segment."""
        wanted = np.uint64(hash_of(key))
        at = int(self.hashes.searchsorted(wanted))
        while at < len(self.hashes) and self.hashes[at] == wanted:
            entry = int(self._order[at])
            which = bisect_right(self._starts, entry) - 1
            line = self._line(which, entry - self._starts[which])
            if is_whole(line) and key_of(line) == key:
                yield self.sealed[which].first, line
            at += 1

    def _line(self, which: int, entry: int) -> bytes:
        index = self.sealed[which].index
        lines = self._block(which, int(index.blocks[entry]))
        place = int(index.places[entry])
        return lines[place : lines.find(b"\n", place) + 1]

    def _block(self, which: int, block: int) -> bytes:
        """A block, unpacked; the oldest make room where all together grow too large."""
        if (lines := self._unpacked.get((which, block))) is not None:
            self._unpacked.move_to_end((which, block))
            return lines
        lines = self.sealed[which].block(block)
        self._unpacked[which, block] = lines
        self._bytes += len(lines)
        while self._bytes > CACHE_BYTES and len(self._unpacked) > 1:
            self._bytes -= len(self._unpacked.popitem(last=False)[1])
        return lines
