"""Reference passages of combinations: in, sets of concepts; out, the most similar passages.

SynthLLM takes the two passages with the highest Jaccard similarity of concept sets and says nothing of
ties or of copies. Here ties go to the larger overlap, then to a seeded order; and, when asked, no two
references come from one near-duplicate cluster, and each covers a concept that those before it lack.

The search is exact and reads little. The lists of a set are read from the rarest on: a passage first met
in list `i` of `m` has at most `m - i` of the concepts, and of passages with as many the smallest is the
most similar, so the best that were found already bound how far into each list anything can be gained.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from synth.graph.best import Best
from synth.graph.incidence import Incidence, Numbers
from synth.graph.ranking import Ranking
from synth.graph.sought import Floats, Found, Sought, near_each_other
from synth.graph.words import Words, mixed, salt

# Sets looked at together, and places in lists read in one go: some 50 MB.
SETS, READ, LEAST = 4096, 1 << 17, 32
# Bits of a word that say which concepts of a set a passage holds.
MOST = 62
References = list[tuple[int, float]]


class Rule(NamedTuple):
    """What makes a passage a good reference.

    With `containment` the share of the set that a passage holds decides, and Jaccard similarity among equals.
    """

    most: int = 2
    different_clusters: bool = True
    containment: bool = False
    covers_new: bool = False


def tie_order(incidence: Incidence, seed: int) -> Words:
    """Each passage's place in a seeded order: of two that are equally good the lesser goes first."""
    return mixed(incidence.passage_keys, salt("references", seed))


class Finder:
    """Finds references in one graph by one rule; the same for a set whatever is asked beside it."""

    def __init__(self, ranking: Ranking, rule: Rule, seed: int) -> None:
        self.ranking, self.rule = ranking, rule
        self._ties = tie_order(ranking.incidence, seed)[ranking.passages]
        self._clusters = ranking.incidence.clusters[ranking.passages]

    @classmethod
    def of(cls, incidence: Incidence, rule: Rule, seed: int) -> Self:
        """A finder for a graph that has no ranking yet."""
        return cls(Ranking.of(incidence), rule, seed)

    def find(self, sets: Sequence[Collection[int]]) -> list[References]:
        """For each set its passages, best first, with their Jaccard similarity; concepts of a set differ.

        Fewer than `rule.most` come back where fewer share a concept, come from other clusters, or add one.
        """
        wide = np.full((len(sets), max(map(len, sets), default=0)), -1, np.int64)
        for row, concepts in enumerate(sets):
            wide[row, : len(concepts)] = list(concepts)
        passages, scores = self.find_many(wide)
        rows = zip(passages.tolist(), scores.tolist(), strict=True)
        return [[(p, s) for p, s in zip(*row, strict=True) if p >= 0] for row in rows]

    def find_many(self, sets: Numbers) -> tuple[Numbers, Floats]:
        """The same in arrays: a row for each set, padded with -1; passages and similarities likewise.

        Raises:
            ValueError: a set has more than 62 concepts.
        """
        if sets.shape[1] > MOST:
            raise ValueError(f"references: {sets.shape[1]} concepts in a set, more than {MOST}.")
        passages = np.full((len(sets), self.rule.most), -1, np.int64)
        scores = np.zeros((len(sets), self.rule.most))
        order = near_each_other(self.ranking, sets)
        for first in range(0, len(sets) if sets.size else 0, SETS):
            part = order[first : first + SETS]
            sought = Sought.of(self.ranking, sets[part])
            for place, (ranks, shared) in enumerate(self._all(sought)):
                there = ranks >= 0
                passages[part, place] = np.where(there, self.ranking.passages[ranks], -1)
                scores[part, place] = np.where(
                    there, _jaccard(shared, self.ranking.sizes[ranks], sought.count), 0.0
                )
        return passages, scores

    def _all(self, sought: Sought) -> Iterator[tuple[Numbers, Numbers]]:
        """The best passage of each set, then the second; with how many concepts of the set each holds."""
        clusters, count = (self._clusters if self.rule.different_clusters else None), self.rule.most
        phases, each = (count, 1) if self.rule.covers_new else (1, count)
        best = Best(clusters, self._ties, len(sought.count), each)
        for phase in range(phases):
            if phase:
                best.fix()
            self._search(sought, best)
            yield from zip(best.ranks.T.copy(), best.shared.T, strict=True)

    def _search(self, sought: Sought, best: Best) -> None:
        for found in sought.rare(self.ranking, READ):
            # Those in several lists first: they set the mark that the others have to reach.
            several = (found.shared > 1) | (found.held == 1)
            for some in (several, ~several):
                self._offer(sought, found.only(some), best)
        self._read_dense(sought, best)

    def _read_dense(self, sought: Sought, best: Best) -> None:
        """Lists with bits, the rarest first, each as far as a passage in it can be among the best."""
        level, place = sought.dense.copy(), np.zeros(len(sought.count), np.int64)
        left = np.flatnonzero(level < sought.count)
        while len(left):
            at, count = level[left], sought.count[left]
            end = self.ranking.until(
                sought.concepts[left, at], self._largest(best.least[left], count - at, count)
            )
            take = np.clip(end - place[left], 0, max(LEAST, READ // len(left)))
            rows = left[take > 0]
            if len(rows):
                some = take[take > 0]
                self._offer(sought, self._front(sought, rows, level[rows], place[rows], some, best), best)
                place[rows] += some
            over = left[take == 0]
            level[over] += 1
            place[over] = 0
            left = left[level[left] < sought.count[left]]

    def _largest(self, least: Floats, most: Numbers, count: Numbers) -> Numbers:
        """The largest passage that reaches a score with `most` concepts of the set."""
        if self.rule.containment:
            least = 2.0 * (least - most)  # what similarity has to make up for
        sized = most / np.maximum(least, 1e-9) + most - count + 1e-6
        largest = len(self.ranking.first) - 2
        return np.where(least <= 0, largest, np.clip(sized, 0, largest)).astype(np.int64)

    def _front(
        self, sought: Sought, rows: Numbers, level: Numbers, place: Numbers, take: Numbers, best: Best
    ) -> Found:
        """The passages in parts of lists, without most of those that lack the next concept.

        Nearly all that is read ends here, so only one look-up is made, and scores are compared as ranks.
        """
        postings, count = self.ranking.postings, sought.count[rows]
        begin, ends = postings.start[sought.concepts[rows, level]] + place, take.cumsum()
        ranks = postings.items[np.arange(int(ends[-1])) + np.repeat(begin - ends + take, take)]
        who = np.repeat(np.arange(len(rows)), take)
        held, column = np.int64(1) << level, level + 1
        # Without the next concept a passage has to be smaller than this; where there is none, all stay.
        enough = self.ranking.first[self._largest(best.least[rows], count - column, count) + 1]
        enough = np.where(column < count, enough, len(self.ranking.sizes))
        row = sought.rows[rows, np.minimum(column, count - 1)]
        has = self.ranking.has_bit(row[who], ranks) & (column < count)[who]
        stay = has | (ranks < enough[who])
        who, ranks, has = who[stay], ranks[stay].astype(np.int64), has[stay]
        return Found(rows[who], ranks, held[who] * (1 + 2 * has), np.minimum(column + 1, count)[who])

    def _offer(self, sought: Sought, found: Found, best: Best) -> None:
        """Look up the concepts that are left, dropping what falls short on the way; the rest may be best."""
        if not len(found.who):
            return
        width = sought.concepts.shape[1] + 1
        limits = self._limits(best.least, sought.count, width).ravel()
        # How many concepts of its set a candidate can hold at most: one less with each that it lacks.
        most = found.shared + sought.count[found.who] - found.column
        done: list[Found] = []
        while len(found.who):
            stay = found.ranks < limits[found.who * width + most]
            found, most = found.only(stay), most[stay]
            over = found.column >= sought.count[found.who]
            if over.any():
                done.append(found.only(over))
                found, most = found.only(~over), most[~over]
            has = self.ranking.has_bit(sought.rows[found.who, found.column], found.ranks)
            held = found.held | (has.astype(np.int64) << found.column)
            found, most = found._replace(held=held, column=found.column + 1), most - ~has
        found = Found(*map(np.concatenate, zip(*done, strict=True))) if done else found
        scores = self._score(found.shared, self.ranking.sizes[found.ranks], sought.count[found.who])
        better = (scores >= best.least[found.who]) & best.may(found)
        best.add(found.only(better), scores[better])

    def _limits(self, least: Floats, count: Numbers, width: int) -> Numbers:
        """For each set and number of concepts held: the rank from which a passage is too large to matter."""
        shared = np.arange(width)
        return np.asarray(self.ranking.first[self._largest(least[:, None], shared, count[:, None]) + 1])

    def _score(self, shared: NDArray[Any], sizes: NDArray[Any], count: Numbers) -> Floats:
        likeness = _jaccard(shared, sizes, count)
        return shared + likeness / 2 if self.rule.containment else likeness


def _jaccard(shared: NDArray[Any], sizes: NDArray[Any], count: Numbers) -> Floats:
    return np.asarray(shared / (count + sizes - shared), np.float64)
