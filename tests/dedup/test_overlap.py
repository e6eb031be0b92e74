"""Shares of n-grams, against a count by hand."""

from hypothesis import given
from hypothesis import strategies as st

from synth.dedup.ngrams import Ngrams
from synth.dedup.normalise import words
from synth.dedup.overlap import Best, Overlap, share

TEXTS = {
    "a": "The sum of the first ten odd numbers is one hundred.",
    "b": "A train leaves the station at noon and the sum of its waits is ten minutes.",
    "c": "tiny",
}
WORDS = st.lists(st.sampled_from(["one", "two", "three", "four"]), max_size=12).map(" ".join)


def by_hand(text: str, other: str, n: int) -> float:
    mine, theirs = words(text), words(other)
    n = min(n, len(mine))
    if not n:
        return 0.0
    runs = {tuple(mine[i : i + n]) for i in range(len(mine) - n + 1)}
    known = {tuple(theirs[i : i + n]) for i in range(len(theirs) - n + 1)}
    return len(runs & known) / len(runs)


@given(WORDS, st.lists(WORDS, max_size=4), st.integers(1, 4))
def test_best_is_the_highest_share_counted_by_hand(text: str, others: list[str], n: int) -> None:
    index = Overlap(dict(zip("abcd", others, strict=False)), n)
    expected = max((by_hand(text, other, n) for other in others), default=0.0)
    assert abs(index.best(text).share - expected) < 1e-12
    assert index.best(text) == index.best(text, among="abcd")


def test_only_the_named_texts_are_searched() -> None:
    index = Overlap(TEXTS, 3)
    assert index.best(TEXTS["a"], among=["c", "unknown"]) == Best(None, 0.0)
    assert index.best("the sum of its waits is long", among=["a", "b"]).text_id == "b"


def test_a_text_shorter_than_an_ngram_is_sought_whole() -> None:
    index = Overlap(TEXTS, 5)
    assert index.best("odd numbers") == Best("a", 1.0)
    assert index.best("numbers odd") == Best(None, 0.0)
    assert index.best("tiny") == Best("c", 1.0)


def test_nothing_overlaps_nothing() -> None:
    assert Overlap({}, 3).best("a b c d") == Best(None, 0.0)
    assert Overlap(TEXTS, 3).best(" ?! ") == Best(None, 0.0)


def test_share_counts_distinct_ngrams() -> None:
    ngrams = Ngrams()
    mine, theirs = (ngrams.distinct(text.split(), 2) for text in ("a b a b c d", "a b c"))
    assert share(mine, theirs) == 2 / 4
