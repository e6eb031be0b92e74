"""Questions that say in other words what one that stays says: near in meaning, with the same quantities.

In: texts, those to be preferred first, a function that embeds, and a judge where one is set. Out: for each
text that goes the text that stays, with their cosine, and whether a judge said so. As for benchmarks
(`paraphrases`), an embedding alone decides nothing. Here many more texts are compared, so quantities alone
ask for more: the same numbers in the same order, two or more of them, and no formula, of which a single sign
may be the whole difference. A judge is asked about the rest of what is near.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.dedup.normalise import tokens
from synth.dedup.paraphrases import AGREEMENT, CHARS, COSINE, FORMULAS, Embed, Groups
from synth.dedup.quantities import Quantities, formulas_alike, in_order, quantities
from synth.dedup.tiers import Judge

# Of the offline embedder: another one has thresholds of its own. Set on the questions of docs/duplicates.md.
SAME_COSINE = 0.7
SAME_AGREEMENT = 0.75
# A single number is shared by too many texts to be evidence.
NUMBERS = 2
# So many numbers in a row are a list.
LISTED = 3
# So many rows are compared at once, and of each the nearest are looked at.
BLOCK, COLUMNS = 512, 4_096
LOOKED = 64
# What is beyond it says how vectors were multiplied.
DIGITS = 4

Vector = NDArray[np.float32]
Vectors = NDArray[np.float32]


class Bounds(NamedTuple):
    """From which cosine, and share of numbers that both have, quantities alone decide."""

    cosine: float = SAME_COSINE
    agreement: float = SAME_AGREEMENT


class Said(NamedTuple):
    """What a text counts and measures, its numbers in their order, and whether these are evidence."""

    order: tuple[str, ...]
    of: Quantities
    tells: bool


class Known(NamedTuple):
    """Texts that stay whatever comes: their ids, vectors (a row each) and quantities."""

    ids: Sequence[str]
    vectors: Vectors
    said: Sequence[Said]


class Same(NamedTuple):
    """What a text repeats: the place of another one, or a known one's id; how near, and who said so."""

    place: int | None
    known: str | None
    cosine: float
    judged: bool


class _Near(NamedTuple):
    """A row that another may repeat; `sure` where quantities alone decide so."""

    row: int
    cosine: float
    sure: bool


def said_of(text: str) -> Said:
    """The quantities of a text."""
    found = tokens(text)
    order, of = in_order(found), quantities(found)
    tells = len(order) >= NUMBERS and not (of.has_formula or _counts_up(order) or _lists(found))
    return Said(order, of, tells)


def may_be_same(said: Said, judged: bool) -> bool:
    """Whether a text can be removed, or another for its sake; what cannot is not embedded."""
    return judged or said.tells


def _counts_up(order: Sequence[str]) -> bool:
    """Whether numbers only count from 0 or 1, as steps and files do (`file1.txt file2.txt`)."""
    return any(list(order) == [str(first + n) for n in range(len(order))] for first in (0, 1))


def _lists(found: Sequence[str]) -> bool:
    """Whether numbers stand in a row: the data of an example, which many tasks share."""
    numeric = [token[0].isdigit() for token in found]
    return any(all(numeric[at : at + LISTED]) for at in range(len(found) - LISTED + 1))


class Meanings:
    """Which of many texts stay."""

    def __init__(
        self, embed: Embed, bounds: Bounds, judge: Judge | None = None, known: Known | None = None
    ) -> None:
        self._embed, self._bounds, self._judge, self._known = embed, bounds, judge, known
        self._least = COSINE if judge else bounds.cosine
        self._embedded: list[tuple[int, Said, Vector]] = []
        self.asked = 0

    def repeated(self, texts: Sequence[str]) -> dict[int, Same]:
        """The texts that go, by their place; `texts` stand in the order of preference."""
        said = [said_of(text) for text in texts]
        places = [
            place for place, text in enumerate(texts)
            if text.strip() and may_be_same(said[place], self._judge is not None)
        ]  # fmt: skip
        if not places:
            return {}
        chosen, least = (
            [texts[place] for place in places],
            AGREEMENT if self._judge else self._bounds.agreement,
        )
        vectors = stacked(self._embed([text[:CHARS] for text in chosen]))
        self._embedded = [(place, said[place], vector) for place, vector in zip(places, vectors, strict=True)]
        rows = _Rows(self._known, chosen, [said[place] for place in places], vectors, least)
        gone: dict[int, _Near] = {}
        verdicts: dict[int, bool] = {}
        for start in range(rows.first, rows.end, BLOCK):
            near = self._near(rows, start, min(start + BLOCK, rows.end))
            self._decide(rows, near, gone, verdicts)
            rows.stay(row for row in near if row not in gone)
        return {
            places[row - rows.first]: _same(rows, places, found, verdicts.get(row, False))
            for row, found in gone.items()
        }

    def staying(self, ids: Sequence[str], gone: Collection[int]) -> Known:
        """Of the texts that were looked at last those that stay and whose numbers tell, under their `ids`."""
        stays = [one for one in self._embedded if one[0] not in gone and one[1].tells]
        vectors = stacked([vector for _, _, vector in stays]) if stays else np.empty((0, 0), np.float32)
        return Known([ids[place] for place, _, _ in stays], vectors, [said for _, said, _ in stays])

    def _near(self, rows: "_Rows", start: int, end: int) -> dict[int, list[_Near]]:
        """For each row of a block those before it that it may repeat, the nearest first."""
        return {row: list(self._alike(rows, row, near)) for row, near in rows.above(start, end, self._least)}

    def _alike(self, rows: "_Rows", row: int, near: Sequence[tuple[float, int]]) -> Iterator[_Near]:
        mine = rows.said[row]
        for less, other in near:
            theirs, cosine = rows.said[other], -less
            sure = cosine >= self._bounds.cosine and self._are_same(mine, theirs)
            # A known text is there as numbers alone: there is nothing to show to a judge.
            if sure or (self._judge is not None and other >= rows.first and _may_be_same(mine, theirs)):
                yield _Near(other, cosine, sure)

    def _are_same(self, mine: Said, theirs: Said) -> bool:
        if not (mine.tells and theirs.tells):
            return False
        shared = mine.of.numbers & theirs.of.numbers
        if len(shared) < NUMBERS or _agreement(mine, theirs) < self._bounds.agreement:
            return False
        return [n for n in mine.order if n in shared] == [n for n in theirs.order if n in shared]

    def _decide(
        self,
        rows: "_Rows",
        near: dict[int, list[_Near]],
        gone: dict[int, _Near],
        verdicts: dict[int, bool],
    ) -> None:
        """Row by row: the nearest one that stays decides, or the judge, who is asked about that one only."""
        waiting = list(near)
        while waiting:
            open_rows, asked, left = set(waiting), list[tuple[int, _Near]](), list[int]()
            for row in waiting:
                one = next((one for one in near[row] if one.row not in gone), None)
                if one is not None and one.row in open_rows:
                    left.append(row)  # the other may yet go
                    continue
                if one is not None and self._judge is not None and one.row >= rows.first:
                    asked.append((row, one))
                    continue
                open_rows.discard(row)
                if sure := next((one for one in near[row] if one.row not in gone and one.sure), None):
                    gone[row] = sure
            for (row, one), same in zip(asked, self._said(rows, asked), strict=True):
                if same or (same is None and one.sure):
                    gone[row], verdicts[row] = one, same is not None
            waiting = left

    def _said(self, rows: "_Rows", asked: Sequence[tuple[int, _Near]]) -> Sequence[bool | None]:
        if not asked or self._judge is None:
            return []
        self.asked += len(asked)
        return self._judge([(rows.text(row), rows.text(one.row)) for row, one in asked])


class _Rows:
    """Known texts, and behind them those that are looked at; which of them stay so far."""

    def __init__(
        self,
        known: Known | None,
        texts: Sequence[str],
        said: Sequence[Said],
        vectors: Vectors,
        agreement: float,
    ) -> None:
        self.first = len(known.ids) if known else 0
        self.end = self.first + len(texts)
        self._texts = texts
        self.said = [*(known.said if known else ()), *said]
        self.known = known
        self._vectors = np.concatenate([known.vectors, vectors]) if known and len(known.ids) else vectors
        self._groups = Groups([one.of.numbers for one in self.said], agreement)
        self._silent = np.array([not one.of.numbers for one in self.said], np.bool_)
        self._staying: list[int] = list(range(self.first))

    def text(self, row: int) -> str:
        """The text of a row that is no known one."""
        return self._texts[row - self.first]

    def stay(self, rows: Iterable[int]) -> None:
        """Take note of rows that stay."""
        self._staying += rows

    def above(self, start: int, end: int, least: float) -> Iterator[tuple[int, list[tuple[float, int]]]]:
        """For each row of a block those before it that are near and have numbers like its own, nearest first.

        They are told with their cosine, negative; rows that went before the block are left out.
        """
        others = np.array([*self._staying, *range(start, end)], np.int64)
        cosines = np.empty((end - start, len(others)), np.float32)
        for at in range(0, len(others), COLUMNS):
            here = slice(at, at + COLUMNS)
            cosines[:, here] = self._vectors[start:end] @ self._vectors[others[here]].T
        cosines = np.minimum(np.round(cosines, DIGITS), 1)
        for row in range(start, end):
            mine = cosines[row - start]
            near = np.flatnonzero((mine >= least) & (others < row) & self._agreeing(row)[others])
            near = near[np.lexsort((others[near], -mine[near]))][:LOOKED]
            yield row, list(zip((-mine[near]).tolist(), others[near].tolist(), strict=True))

    def _agreeing(self, row: int) -> NDArray[np.bool_]:
        """Rows whose numbers agree with those of a row; with one that has none, those that have none."""
        if self._silent[row]:
            return self._silent
        found = np.zeros(self.end, np.bool_)
        found[self._groups.alike(self.said[row].of.numbers)] = True
        return found


def stacked(vectors: Sequence[Vector]) -> Vectors:
    """One row for each vector."""
    return np.ascontiguousarray(np.array(vectors, np.float32))


def _same(rows: _Rows, places: Sequence[int], found: _Near, judged: bool) -> Same:
    cosine = round(found.cosine, DIGITS)
    if found.row < rows.first:
        assert rows.known is not None
        return Same(None, rows.known.ids[found.row], cosine, False)
    return Same(places[found.row - rows.first], None, cosine, judged)


def _agreement(mine: Said, theirs: Said) -> float:
    """The share of numbers that both have."""
    either = mine.of.numbers | theirs.of.numbers
    return len(mine.of.numbers & theirs.of.numbers) / len(either) if either else 0.0


def _may_be_same(mine: Said, theirs: Said) -> bool:
    """Whether a judge is asked: numbers agree as those of a paraphrase do, or neither has any."""
    if not mine.of.numbers and not theirs.of.numbers:
        return True
    return _agreement(mine, theirs) >= AGREEMENT and formulas_alike(mine.of, theirs.of) >= FORMULAS
