"""Questions that say the same in other words, with the real offline embedder and judges of a few lines."""

from collections.abc import Sequence

import numpy as np
import pytest

from synth.dedup import meanings
from synth.dedup.meanings import Bounds, Known, Meanings, Same, said_of, stacked
from synth.llm.embeddings import embed_offline
from tests.dedup.test_paraphrases import DUCKS, SAID

pytest.importorskip("wordllama")
TRAIN = "A train covers 240 km in 3 hours. How fast does it go, in km per hour?"
TRAIN_AGAIN = "What is the speed, in km per hour, of a train that travels 240 km within 3 hours?"
SKY = "Why is the sky blue, and why is the sunset red?"
SKY_AGAIN = "For what reason does the sky look blue, and the sunset red?"
BOUNDS = Bounds()


def repeated(texts: Sequence[str]) -> dict[int, Same]:
    return Meanings(embed_offline, BOUNDS).repeated(texts)


def test_other_words_with_the_same_quantities_go() -> None:
    found = repeated([DUCKS, TRAIN, SKY, SAID, TRAIN_AGAIN, SKY_AGAIN])
    assert {place: same.place for place, same in found.items()} == {3: 0, 4: 1}
    assert all(0.7 <= same.cosine <= 1 and not same.judged for same in found.values())


@pytest.mark.parametrize(
    "text",
    [
        SAID.replace("23", "31").replace(" 7 ", " 9 ").replace("3 dollars", "8 dollars"),
        "The 7 chickens of Mia lay 3 eggs every day, and she eats four of 23. What does the rest sell for?",
        f"{SAID} Use $x + y = 2$.",
        "",
        "A cook has 23 pots, 4 pans, 7 lids and 3 spoons.",
    ],
    ids=["other numbers", "other order", "a formula", "empty", "another matter"],
)
def test_what_quantities_do_not_prove_stays(text: str) -> None:
    assert repeated([DUCKS, text]) == {}


@pytest.mark.parametrize("text", ["Make file1.txt and file2.txt.", "Sum [4, 9, 7].", "It has 5.", "$2 + 7$"])
def test_numbers_that_tell_nothing(text: str) -> None:
    assert not said_of(text).tells
    assert repeated([text, f"{text} "]) == {}


def test_what_goes_names_one_that_stays_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    more = [SAID.replace("chickens", name) for name in ("hens", "fowls", "birds", "pets", "ducks")]
    texts = [TRAIN, DUCKS, *more, TRAIN_AGAIN, SAID]
    found = repeated(texts)
    assert {same.place for same in found.values()} == {0, 1}
    assert set(found) == set(range(2, 9))
    monkeypatch.setattr(meanings, "BLOCK", 2)
    monkeypatch.setattr(meanings, "COLUMNS", 3)
    assert repeated(texts) == found


def test_texts_of_an_index_are_found_too() -> None:
    known = Known(["old"], stacked(embed_offline([DUCKS])), [said_of(DUCKS)])
    found = Meanings(embed_offline, BOUNDS, known=known).repeated([TRAIN, SAID])
    assert {place: (same.place, same.known) for place, same in found.items()} == {1: (None, "old")}
    nothing = Known([], np.empty((0, 256), np.float32), [])
    assert Meanings(embed_offline, BOUNDS, known=nothing).repeated([TRAIN, SAID]) == {}


class Judge:
    """Says of each pair what a table says, and remembers what it was asked."""

    def __init__(self, *same: frozenset[str], silent: bool = False) -> None:
        self.same, self.silent, self.asked = same, silent, list[tuple[str, str]]()

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
        self.asked += pairs
        return [None if self.silent else frozenset(pair) in self.same for pair in pairs]


def test_a_judge_decides_on_all_that_is_near() -> None:
    texts = [DUCKS, SKY, SAID, SKY_AGAIN]
    judge = Judge(frozenset((SKY, SKY_AGAIN)))
    found = Meanings(embed_offline, BOUNDS, judge).repeated(texts)
    assert {place: (same.place, same.judged) for place, same in found.items()} == {3: (1, True)}
    assert sorted(judge.asked) == sorted([(SAID, DUCKS), (SKY_AGAIN, SKY)])
    # Where it says nothing, quantities decide.
    found = Meanings(embed_offline, BOUNDS, Judge(silent=True)).repeated(texts)
    assert {place: (same.place, same.judged) for place, same in found.items()} == {2: (0, False)}


def test_a_row_waits_for_the_one_that_it_may_repeat() -> None:
    third = SAID.replace("chickens", "hens")
    judge = Judge(frozenset((DUCKS, SAID)), frozenset((DUCKS, third)))
    found = Meanings(embed_offline, BOUNDS, judge).repeated([DUCKS, SAID, third])
    assert {place: same.place for place, same in found.items()} == {1: 0, 2: 0}
    assert (third, SAID) not in judge.asked  # it had gone by then
