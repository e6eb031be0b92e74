"""All tiers of decontamination in their order, and what each of them can and cannot find.

In: items, settings, a function that embeds and one that judges, both optional. Out: for each text the item
that it overlaps. Tiers go by cost: what words tell is not embedded, and only what is near goes to the judge.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from synth.dedup.benchmarks import Item
from synth.dedup.contamination import JACCARD, Decontaminator, Hit
from synth.dedup.paraphrases import AGREEMENT, COSINE, Embed, Near, Paraphrases

# Whether each pair of a text and an item is one problem; None where nobody could say.
Judge = Callable[[Sequence[tuple[str, str]]], Sequence[bool | None]]

# Words that a shared passage has beyond one n-gram: 13 where an n-gram has 10.
MORE_WORDS = 3

# In the order in which they are tried. Measured shares are those of docs/benchmarks.md, part "Contamination".
TIERS: dict[str, str] = {
    "exact": "the item's text whatever its case, spacing, punctuation and LaTeX dress, whole or within a"
    " longer text, or a part of the item (measured: every copy, 99 % of variants or more)",
    "ngram": "passages of {words} words that stand in the item, or fewer that make up much of a short text;"
    " not a text in other words",
    "template": "the item with other numbers, and nothing else changed (measured: 94 % or more, nearly all of"
    " word problems); not items of a few signs",
    "jaccard": "the item with a word changed here and there; not a text in other words",
    "paraphrase": "the item in other words with the same quantities (measured: nine of ten rephrased word"
    " problems); not items without numbers, nor parts of a longer text, nor translations",
    "judged": "pairs that are near, as a model sees them; a model errs",
}


def described(names: Iterable[str], ngram: int) -> dict[str, str]:
    """What each of these tiers finds, with n-grams of so many words."""
    return {name: TIERS[name].format(words=ngram + MORE_WORDS) for name in names}


class Settings(NamedTuple):
    """Where each tier begins; `paraphrases.py` and `contamination.py` say why there."""

    ngram: int = 10
    jaccard: float = JACCARD
    cosine: float = COSINE
    agreement: float = AGREEMENT


class Tiers:
    """Items of benchmarks, ready for many texts."""

    def __init__(
        self,
        items: Sequence[Item],
        settings: Settings,
        embed: Embed | None = None,
        judge: Judge | None = None,
    ) -> None:
        self.words = Decontaminator(items, settings.ngram, settings.jaccard)
        self._judge = judge
        self._near = (
            Paraphrases(
                self.words.items, embed, settings.cosine, settings.agreement, doubtful=judge is not None
            )
            if embed and items
            else None
        )
        self.asked = 0

    @property
    def embeds(self) -> bool:
        """Whether paraphrases are looked for."""
        return self._near is not None

    @property
    def judges(self) -> bool:
        """Whether a judge decides on them."""
        return self._judge is not None

    def names(self) -> list[str]:
        """The tiers that take part."""
        left_out = {"paraphrase": not self.embeds, "judged": not self.judges}
        return [name for name in TIERS if not left_out.get(name)]

    def check_all(self, texts: Sequence[str]) -> list[Hit | None]:
        """The item that each text overlaps, or None."""
        found = self.words.check_all(texts)
        left = [place for place, hit in enumerate(found) if hit is None]
        for place, hit in zip(left, self.paraphrased([texts[place] for place in left]), strict=True):
            found[place] = hit
        return found

    def paraphrased(self, texts: Sequence[str]) -> list[Hit | None]:
        """The last tiers alone: for texts of which words told nothing."""
        if self._near is None:
            return [None] * len(texts)
        near = self._near.near(texts)
        if self._judge is None:
            return [self._hit(one, None) for one in near]
        asked = [(text, one) for text, one in zip(texts, near, strict=True) if one is not None]
        self.asked += len(asked)
        pairs = [(text, self._near.items[one.place].text) for text, one in asked]
        said = iter(self._judge(pairs) if pairs else ())
        return [None if one is None else self._hit(one, next(said), judged=True) for one in near]

    def _hit(self, near: Near | None, same: bool | None, judged: bool = False) -> Hit | None:
        """What a judge says counts; without one, and where it says nothing, whether quantities agree."""
        if near is None or same is False or (same is None and not near.agrees):
            return None
        assert self._near is not None
        return self._near.hit(near, "judged" if judged and same else "paraphrase")
