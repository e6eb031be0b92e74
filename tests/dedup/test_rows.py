"""Many texts at once give the numbers that each gives alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synth.dedup.members import Index, Members
from synth.dedup.ngrams import Ngrams
from synth.dedup.normalise import spoken, tokens, unbracketed
from synth.dedup.reader import Reader
from synth.dedup.rows import Rows, runs, wholes

WORDS = st.sampled_from(
    ["tom", "has", "3", "(", "twenty", "five", "x", "+", ".", "$", "eggs", "'", "数", "0.5", "!"]
)
TEXTS = st.lists(st.lists(WORDS, max_size=12).map(" ".join), max_size=6)


def read_rows(texts: list[str]) -> Rows:
    return Reader().read(texts)


@given(TEXTS, st.integers(1, 7))
def test_runs_are_those_of_each_text_alone(texts: list[str], width: int) -> None:
    rows, ngrams = read_rows(texts), Ngrams()
    found, owners = runs(rows.said, width)
    for place, text in enumerate(texts):
        words = spoken(tokens(text))
        alone = ngrams.runs(words, width).tolist() if len(words) >= width else []
        assert found[owners == place].tolist() == alone


@given(TEXTS)
def test_a_whole_text_is_one_run(texts: list[str]) -> None:
    rows, ngrams = read_rows(texts), Ngrams()
    for text, whole in zip(texts, wholes(rows.signed).tolist(), strict=True):
        found = unbracketed(tokens(text))
        assert whole == (int(ngrams.runs(found, len(found))[0]) if found else 0)


def test_parts_are_joined_as_if_read_at_once() -> None:
    texts = [f"Tom has {n} eggs (and {n} hens)." for n in range(5_000)] + [""]
    rows = read_rows(texts)
    for place in (0, 1_999, 2_000, 4_999, 5_000):
        alone = read_rows([texts[place]])
        assert rows.said.of(place).tolist() == alone.said.values.tolist()
        assert rows.masked.of(place).tolist() == alone.masked.values.tolist()
        assert rows.one(place).worded.tolist() == alone.worded.tolist()
    assert len(rows.spare) == len(texts)
    assert read_rows([]).said.starts.tolist() == [0]


def test_numbers_are_masked_and_those_in_a_row_are_one() -> None:
    rows = read_rows(
        ["Tom has twenty five eggs", "tom has 7 eggs.", "Tom has eggs", "Ann has 7 eggs", "5", "5 6"]
    )
    masked = wholes(rows.masked).tolist()
    assert masked[0] == masked[1]
    assert masked[4] == masked[5]
    assert len(set(masked)) == 4
    assert rows.spare.tolist() == [3, 3, 3, 3, 0, 0]


@given(st.sets(st.integers(0, 2**64 - 1), max_size=50), st.lists(st.integers(0, 2**64 - 1), max_size=50))
def test_members_are_members(inside: set[int], asked: list[int]) -> None:
    members = Members(np.fromiter(inside, np.uint64))
    asked += list(inside)[:10]
    assert members.have(np.array(asked, np.uint64)).tolist() == [value in inside for value in asked]


def test_an_index_leaves_out_what_is_common_and_names_the_best_first() -> None:
    values = np.array([1, 1, 3, 3, 1, 2, 2, 3], np.uint64)
    owners = np.array([0, 1, 1, 1, 2, 2, 2, 2], np.int32)
    assert Index(values, owners).items(np.array([1, 2, 3], np.uint64), 9) == [2, 1, 0]
    rare = Index(values, owners, common=2)
    assert rare.counts(np.array([1, 2, 3, 4], np.uint64)).tolist() == [0, 1, 2, 0]
    assert rare.items(np.array([1], np.uint64), 9) == []
