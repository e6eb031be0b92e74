"""What is found, by which tier, and that dress does not hide it."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.dedup.benchmarks import Item, read_benchmarks
from synth.dedup.contamination import Decontaminator, Hit

LONG = (
    "A farmer has 17 sheep and 23 goats in two fields. He sells 5 sheep and buys 9 goats. "
    "How many animals does he have in the end?"
)
SHORT = "Simplify $3(x-2)+4x$."
ITEMS = [
    Item("farm", "1", LONG),
    Item("algebra", "9", SHORT),
    Item("algebra", "10", ""),
    Item("tiny", "0", "2+2"),
]
KNOWN = Decontaminator(ITEMS, ngram=8)


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        (LONG.upper().replace(".", " ;"), Hit("farm", "1", "exact", 1.0)),
        (f"Read this. {LONG} Explain.", Hit("farm", "1", "exact", 1.0)),
        ("He sells 5 sheep and buys 9 goats", Hit("farm", "1", "exact", 1.0)),
        (r"simplify \(3 (x - 2) + 4 x\)", Hit("algebra", "9", "exact", 1.0)),
        (r"Please simplify $3(x-2)+4x$ and give the result at $x=1$.", Hit("algebra", "9", "exact", 1.0)),
        ("2 + 2 ?", Hit("tiny", "0", "exact", 1.0)),
    ],
    ids=["equal", "item inside", "question inside", "formula", "short item inside", "tiny and equal"],
)
def test_whole_items_are_found(text: str, hit: Hit) -> None:
    assert KNOWN.check(text) == hit


def test_enough_shared_runs_are_found_with_their_share() -> None:
    found = KNOWN.check("A farmer has 17 sheep and 23 goats in two big barns. What does he feed them?")
    assert found is not None
    assert found[:3] == ("farm", "1", "ngram")
    assert found.score == 3 / 10


def test_a_long_run_is_enough_in_a_long_text() -> None:
    many = " ".join(f"word{n}" for n in range(80))
    found = KNOWN.check(f"{many} a farmer has 17 sheep and 23 goats in two fields he {many}")
    assert found is not None
    assert found.tier == "ngram"
    one = KNOWN.check(f"{many} a farmer has 17 sheep and 23 goats {many}")
    assert one is None  # a phrase of eight words, which strangers share


def test_a_run_of_numbers_alone_says_nothing() -> None:
    known = Decontaminator(
        [Item("b", "1", "Take the numbers 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11. Which are odd?")]
    )
    assert known.check("The list 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 is sorted.") is None


def test_a_phrase_of_the_whole_benchmark_says_nothing() -> None:
    phrase = "Let us think step by step and write the final answer within a box at the end"
    items = [Item("b", str(n), f"What colour is thing number{n}? {phrase}") for n in range(60)]
    known = Decontaminator(items)
    assert known.check(f"How old is the captain? {phrase}") is None
    assert known.check(items[7].text) == Hit("b", "7", "exact", 1.0)
    assert known.check(f"Please read: {items[7].text} Thank you.") == Hit("b", "7", "exact", 1.0)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (LONG.replace("17", "19").replace("23", "4").replace("5 sheep", "2.5 sheep").replace("9", "10"), "1"),
        (
            LONG.replace("17", "seventy two").replace("23", "three").replace("5", "1,000").replace("9", "12"),
            "1",
        ),
    ],
    ids=["digits", "words"],
)
def test_a_copy_with_other_numbers_is_a_template(text: str, number: str) -> None:
    rarely = Decontaminator(ITEMS, ngram=30)  # so that no run of words gives it away
    assert rarely.check(text) == Hit("farm", number, "template", 1.0)


def test_a_trivial_template_is_none() -> None:
    known = Decontaminator([Item("b", "1", "What is 2+2?")])
    assert known.check("What is 3+5?") is None


def test_a_change_in_every_sentence_is_found_by_similarity() -> None:
    item = (
        "Tom buys six red pens at two shops and then he gives away three of them to Ann at school on Monday"
    )
    changed = item.replace("red", "blue").replace("school", "home")
    found = Decontaminator([Item("b", "1", item)], ngram=14).check(changed)
    assert found is None
    found = Decontaminator([Item("b", "1", item)], ngram=14, jaccard=0.2).check(changed)
    assert found is not None
    assert found.tier == "jaccard"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?!",
        "What is 2+2+2?",
        "Simplify $3(x-2)-4x$.",
        "How many animals does he see?",
        "A farmer has 18 sheep.",
    ],
)
def test_less_than_a_run_passes(text: str) -> None:
    assert KNOWN.check(text) is None


@given(st.data())
def test_case_spaces_and_punctuation_do_not_hide_an_item(data: st.DataObject) -> None:
    separators = st.sampled_from([" ", "  ", "\n", ", ", " (", ") ", "; ", "? ", '" '])
    dressed = "".join(
        data.draw(st.sampled_from([str.upper, str.lower]))(word) + data.draw(separators)
        for word in LONG.split()
    )
    assert KNOWN.check(dressed) == Hit("farm", "1", "exact", 1.0)


def test_overlap_shows_how_close_a_passing_text_came() -> None:
    assert KNOWN.check("The farmer sells 5 sheep and buys a dog.") is None
    assert 0 < KNOWN.overlap("The farmer sells 5 sheep and buys a dog.") < 1
    assert KNOWN.overlap("Nothing of the kind stands here.") == 0


def test_no_benchmark_finds_nothing() -> None:
    assert Decontaminator([]).check(LONG) is None
    assert Decontaminator([]).overlap(LONG) == 0


def test_the_same_item_in_two_benchmarks_is_named_after_the_first() -> None:
    both = [Item("b", "1", LONG), Item("a", "7", LONG)]
    assert (
        Decontaminator(both).check(LONG)
        == Decontaminator(both[::-1]).check(LONG)
        == Hit("a", "7", "exact", 1.0)
    )


def test_real_benchmarks_find_all_their_own_items_and_few_strangers() -> None:
    folder = os.environ.get("SYNTH_TEST_DATA")
    if not folder:
        pytest.skip("SYNTH_TEST_DATA is not set")
    files = Path(folder) / "benchmarks"
    mine = read_benchmarks([files / "math500.jsonl.gz", files / "gsm8k_test.jsonl.gz"])
    known = Decontaminator(mine)
    assert all(known.check(item.text) for item in mine)
    strangers = read_benchmarks(
        [Path(folder) / "questions" / "gpteacher_codegen.jsonl.gz", files / "svamp.jsonl.gz"]
    )
    hits = [hit for item in strangers if (hit := known.check(item.text))]
    # All of them share a count from 1 to 10 with a problem that has the same.
    assert len(hits) <= 0.005 * len(strangers)
