"""Quantities of a text, and who says the same in other words: with the real offline embedder."""

from collections.abc import Sequence

import pytest

from synth.dedup.benchmarks import Item
from synth.dedup.contamination import Hit
from synth.dedup.normalise import tokens
from synth.dedup.paraphrases import Paraphrases
from synth.dedup.quantities import formulas_alike, quantities
from synth.dedup.tiers import Settings, Tiers
from synth.llm.embeddings import embed_offline

DUCKS = (
    "Mia's hens lay 23 eggs every day. She uses four for breakfast and bakes a cake with seven. She sells the"
    " rest at the market for $3 an egg. How much does she earn each day?"
)
SAID = (
    "Each day 23 eggs come from the chickens of Mia. After taking 4 for her morning meal and 7 for a cake, she"
    " brings what is left to market, where one egg costs 3 dollars. What are her daily earnings?"
)
ITEMS = [
    Item("hens", "1", DUCKS),
    Item("hens", "2", "A train covers 240 km in 3 hours. How fast is it?"),
    Item("hens", "3", "Why is the sky blue, and why is the sunset red?"),
]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("two hundred thirty five and forty-two", {"235", "42"}),
        ("$1,000.50 and 3 million, 007, .5, 0.50", {"1000.5", "3", "1000000", "7", "0.5"}),
        ("half of a dozen, twice, this one, 1", {"0.5", "12", "2", "1"}),
        ("one hundred, twenty, five six", {"125", "6"}),
        ("no number at all", set()),
    ],
)
def test_numbers_in_digits_and_words(text: str, numbers: set[str]) -> None:
    assert quantities(tokens(text)).numbers == numbers


def test_formulas_must_agree_by_their_counts() -> None:
    one, same, other, prose = (
        quantities(tokens(text))
        for text in (
            "Solve $x^2+3x=5$.",
            r"What $x$ has \(x^2 + 3x = 5\)?",
            "Solve $5-x=3x^2+y^5$.",
            "He has 5.",
        )
    )
    assert formulas_alike(one, same) >= 0.8 > formulas_alike(one, other)
    assert formulas_alike(prose, prose) == 1


def test_a_paraphrase_is_found_and_other_quantities_are_not() -> None:
    pytest.importorskip("wordllama")
    near = Paraphrases(ITEMS, embed_offline)
    changed = SAID.replace("23", "31").replace(" 7 ", " 9 ").replace("3 dollars", "8 dollars")
    hit, none, empty, other = near.find(
        [SAID, changed, " ", "A cook has 23 pots, 4 pans, 7 lids and 3 spoons."]
    )
    assert hit is not None
    assert hit[:3] == ("hens", "1", "paraphrase")
    assert 0.65 <= hit.score <= 1
    assert (none, empty, other) == (None, None, None)


def test_a_text_does_not_depend_on_its_neighbours() -> None:
    pytest.importorskip("wordllama")
    near = Paraphrases(ITEMS, embed_offline)
    texts = [SAID, DUCKS, ITEMS[1].text, "", "Ten 10"]
    assert near.find(texts) == [near.find([text])[0] for text in texts]
    assert near.find(texts[::-1]) == near.find(texts)[::-1]


def test_nobody_is_embedded_whose_numbers_are_no_items() -> None:
    pytest.importorskip("wordllama")
    asked: list[int] = []

    def counted(texts: Sequence[str]) -> list[object]:
        asked.append(len(texts))
        return list(embed_offline(texts))

    near = Paraphrases(ITEMS, counted)  # type: ignore[arg-type]
    near.find(["A cow has 4 legs."] * 50)
    assert asked == [len(ITEMS)]


def test_what_is_far_longer_than_any_item_is_no_paraphrase() -> None:
    pytest.importorskip("wordllama")
    assert Paraphrases(ITEMS, embed_offline).find([SAID * 10]) == [None]


def test_a_judge_decides_on_what_is_near() -> None:
    pytest.importorskip("wordllama")
    sky = "For what reason does the sky look blue, and the sunset red?"
    asked: list[tuple[str, str]] = []

    def judge(answers: list[bool | None]) -> Tiers:
        def said(pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
            asked.extend(pairs)
            return answers[: len(pairs)]

        return Tiers(ITEMS, Settings(), embed_offline, said)

    assert [hit and hit.tier for hit in judge([True, True]).check_all([SAID, sky])] == ["judged", "judged"]
    assert asked == [(SAID, DUCKS), (sky, ITEMS[2].text)]
    assert judge([False, False]).check_all([SAID, sky]) == [None, None]
    silent = judge([None, None]).check_all([SAID, sky])
    assert isinstance(silent[0], Hit)
    assert silent[0].tier == "paraphrase"
    assert silent[1] is None
    assert Tiers(ITEMS, Settings(), embed_offline).check_all([sky]) == [None]  # no numbers, and no judge
