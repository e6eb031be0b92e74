"""The best passages of many sets so far: in, candidates; out, the few that stay, and what to beat."""

import numpy as np
from numpy.typing import NDArray

from synth.graph.incidence import Numbers
from synth.graph.sought import Floats, Found
from synth.graph.words import Words
from synth.numbers import uniques


class Best:
    """Up to `count` passages for each set, the best first, of different clusters where there are `clusters`.

    `least` is the score below which a further passage changes nothing. Clusters and ties go by rank.
    """

    def __init__(self, clusters: Numbers | None, ties: Words, sets: int, count: int) -> None:
        self._clusters, self._ties = clusters, ties
        self.least = np.zeros(sets)
        self.ranks = np.full((sets, count), -1, np.int64)
        self.held = np.zeros((sets, count), np.int64)
        self.scores = np.zeros((sets, count))
        self._covered = np.zeros(sets, np.int64)
        self._taken = np.empty((sets, 0), np.int64)

    @property
    def shared(self) -> Numbers:
        """How many concepts of the set each passage holds."""
        return np.bitwise_count(self.held).astype(np.int64)

    def fix(self) -> None:
        """Take what is best as given: what comes next is of another cluster and adds a concept to it."""
        first = self.ranks[:, 0]
        self._covered |= np.where(first >= 0, self.held[:, 0], 0)
        if self._clusters is not None:
            taken = np.where(first >= 0, self._clusters[first], -1)
            self._taken = np.column_stack((self._taken, taken))
        self.ranks[:], self.least[:] = -1, 0.0

    def may(self, found: Found) -> NDArray[np.bool_]:
        """Which candidates hold a concept that is not covered, and are of no cluster that was taken."""
        may = (found.held & ~self._covered[found.who]) != 0
        if self._clusters is not None:
            may &= (self._taken[found.who] != self._clusters[found.ranks][:, None]).all(axis=1)
        return np.asarray(may)

    def add(self, new: Found, scores: Floats) -> None:
        """Take what is better than the worst that stays; a passage may come more than once."""
        if not len(new.who):
            return
        sets = uniques(new.who)
        rows, places = np.nonzero(self.ranks[sets] >= 0)
        old = sets[rows], places
        who = np.concatenate((sets[rows], new.who))
        ranks = np.concatenate((self.ranks[old], new.ranks))
        held = np.concatenate((self.held[old], new.held))
        scores = np.concatenate((self.scores[old], scores))
        order = np.lexsort((self._ties[ranks], -np.bitwise_count(held).astype(np.int64), -scores))
        units = ranks if self._clusters is None else self._clusters[ranks]
        # The first of each cluster, then the first few of each set.
        keys = (who * (int(units.max()) + 1) + units)[order]
        order = order[np.sort(np.unique(keys, return_index=True)[1])]
        order = order[np.argsort(who[order], kind="stable")]
        self._keep(sets, who[order], ranks[order], held[order], scores[order])

    def _keep(self, sets: Numbers, who: Numbers, ranks: Numbers, held: Numbers, scores: Floats) -> None:
        """The first few of each set are what it has now; all come in order."""
        begins = np.flatnonzero(np.append(True, who[1:] != who[:-1]))
        place = np.arange(len(who)) - np.repeat(begins, np.diff(np.append(begins, len(who))))
        stay = place < self.ranks.shape[1]
        at = who[stay], place[stay]
        self.ranks[sets] = -1
        self.ranks[at], self.held[at], self.scores[at] = ranks[stay], held[stay], scores[stay]
        full = sets[self.ranks[sets, -1] >= 0]
        self.least[full] = self.scores[full, -1]
