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


def test_a_shared_run_is_found_with_its_share() -> None:
    found = KNOWN.check("A farmer has 17 sheep and 23 goats in one big barn. What does he feed them?")
    assert found is not None
    assert found[:3] == ("farm", "1", "ngram")
    assert found.score == 2 / 10


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
