"""Pairs against brute force, signatures against datasketch, order against itself."""

import random
from itertools import combinations

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.dedup import near
from synth.dedup.near import Pair, band_keys, find_pairs, signatures
from synth.dedup.ngrams import Ngrams
from synth.dedup.normalise import comparable, tokens
from tests.dedup.made import needs_kernel, without_kernel

PERMUTATIONS, BANDS, ROWS = 128, 25, 5
VOCABULARY = [f"w{chr(97 + i)}{chr(97 + j)}" for i in range(8) for j in range(8)]


def pairs_of(texts: list[str], threshold: float = 0.7, floor: float | None = None) -> list[Pair]:
    return find_pairs(texts, 3, PERMUTATIONS, BANDS, ROWS, threshold, floor)


def edited(seed: int, count: int, length: int = 40) -> list[str]:
    """Texts of which most are copies of an earlier one with a few words changed."""
    rng = random.Random(seed)
    texts: list[str] = []
    for _ in range(count):
        words = (
            rng.choice(texts).split() if texts and rng.random() < 0.7 else rng.choices(VOCABULARY, k=length)
        )
        for _ in range(rng.randrange(3)):
            words[rng.randrange(len(words))] = rng.choice(VOCABULARY)
        texts.append(" ".join(words))
    return texts


def brute_force(texts: list[str], threshold: float) -> set[tuple[int, int, float]]:
    sets = []
    for text in texts:
        found = tokens(text)
        sets.append({tuple(found[i : i + 3]) for i in range(len(found) - 2)})
    alike = (
        (a, b, len(sets[a] & sets[b]) / len(sets[a] | sets[b])) for a, b in combinations(range(len(sets)), 2)
    )
    return {pair for pair in alike if pair[2] >= threshold}


def test_pairs_are_those_of_brute_force() -> None:
    texts = list(dict.fromkeys(edited(seed=3, count=300)))
    found, truth = set(map(tuple, pairs_of(texts))), brute_force(texts, 0.7)
    assert found <= truth
    assert len(truth) > 150
    assert len(found) >= 0.99 * len(truth)


def test_signatures_are_those_of_datasketch() -> None:
    ngrams = Ngrams()
    sets = [ngrams.distinct(tokens(text), 3) for text in edited(seed=5, count=20)]
    for row, found in zip(signatures(sets, PERMUTATIONS), sets, strict=True):
        sketch = MinHash(num_perm=PERMUTATIONS, seed=1, hashfunc=lambda h: h & 0xFFFFFFFF)
        sketch.update_batch(found.tolist())
        assert np.array_equal(sketch.hashvalues, row)


def test_permutations_are_those_of_datasketch() -> None:
    for count in (1, 128, 333):
        theirs = MinHash(num_perm=count, seed=1, scheme="affine32").permutations
        assert np.array_equal(near.permutation_values(count), theirs)


def test_buckets_are_those_of_datasketch() -> None:
    ngrams = Ngrams()
    sets = [ngrams.distinct(tokens(text), 3) for text in edited(seed=7, count=80)]
    values = signatures(sets, PERMUTATIONS)
    index = MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, ROWS))
    sketches = [MinHash(hashvalues=row, scheme="affine32") for row in values]
    for place, sketch in enumerate(sketches):
        index.insert(place, sketch)
    theirs = {tuple(sorted((a, b))) for a, s in enumerate(sketches) for b in index.query(s) if a != b}
    keys = band_keys(values, BANDS, ROWS)
    ours = {(a, b) for a, b in combinations(range(len(sets)), 2) if (keys[:, a] == keys[:, b]).any()}
    assert ours == theirs


def test_a_long_text_is_signed_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    long = Ngrams().distinct([str(i) for i in range(500)], 3)
    at_once = signatures([long], PERMUTATIONS)
    monkeypatch.setattr(near, "BATCH", 7)
    assert np.array_equal(at_once, signatures([long], PERMUTATIONS))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(seed: int, rng: random.Random) -> None:
    texts = list(dict.fromkeys(edited(seed, count=30, length=15)))
    shuffled = rng.sample(texts, len(texts))

    def by_text(given_texts: list[str]) -> set[tuple[frozenset[str], float]]:
        return {(frozenset((given_texts[a], given_texts[b])), j) for a, b, j in pairs_of(given_texts)}

    assert by_text(texts) == by_text(shuffled)


def test_equal_texts_are_paired_with_the_first_of_them_only() -> None:
    near_copy = "one two three four five six seven eight nine eleven"
    texts = [
        "one two three four five six seven eight nine ten",
        near_copy,
        "ONE, two three four five six seven eight nine ten!",
    ]
    assert [(p.left, p.right) for p in pairs_of(texts)] == [(0, 1), (0, 2)]
    assert pairs_of(texts)[1].jaccard == 1.0


def test_a_million_equal_rows_are_a_million_pairs_not_a_million_millions() -> None:
    assert len(pairs_of(["the same question again ?"] * 100_000)) == 99_999


def test_a_template_filled_many_times_stays_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "BUCKET_ROWS", 50)
    stem = " ".join(VOCABULARY)
    texts = [f"{stem} {number}" for number in range(2_000)]
    found = pairs_of(texts)
    assert {p.right for p in found if p.left == 0} == set(range(1, 2_000))
    assert len(found) < 10 * len(texts)


def test_floor_adds_pairs_and_changes_none() -> None:
    texts = edited(seed=11, count=60, length=15)
    more = pairs_of(texts, 0.8, floor=0.4)
    assert [p for p in more if p.jaccard >= 0.8] == pairs_of(texts, 0.8)
    assert any(p.jaccard < 0.8 for p in more)


def test_no_characters_are_nothing_to_compare() -> None:
    assert pairs_of([]) == []
    assert pairs_of(["", "a b c", "\x00"]) == [Pair(0, 2, 1.0)]


def test_texts_shorter_than_a_shingle_are_one() -> None:
    assert pairs_of(["two words", "two other", "Two  words."]) == [Pair(0, 2, 1.0)]


def test_a_script_without_spaces_is_compared_by_characters() -> None:
    stem = "已知等差数列的首项为三公差为二求这个数列的前十项之和是多少"
    assert pairs_of([stem, stem.replace("十", "九"), "求函数的最大值和最小值"])[0][:2] == (0, 1)


def test_huge_texts_are_compared() -> None:
    big = " ".join(str(i % 99_991) for i in range(200_000))
    assert [p[:2] for p in pairs_of([big, big + " more", "x" * 1_000_000])] == [(0, 1)]


def test_reported_similarity_is_that_of_the_sets() -> None:
    texts = list(map(comparable, edited(seed=13, count=80)))
    for left, right, jaccard in pairs_of(texts):
        assert left < right
        assert brute_force([texts[left], texts[right]], 0.0) == {(0, 1, jaccard)}


@needs_kernel
@settings(deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(["ab", "cd", "3", "+", "x"]), max_size=9).map(" ".join), max_size=12)
)
def test_pairs_are_confirmed_alike_by_both(texts: list[str]) -> None:
    whole = [find_pairs(texts, 2, 32, 8, 2, 0.5, 0.2, split) for split in (tokens, str.split)]
    with without_kernel():
        slow = find_pairs(texts, 2, 32, 8, 2, 0.5, 0.2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near, "CONFIRMED", 3)
        parts = find_pairs(texts, 2, 32, 8, 2, 0.5, 0.2)
    assert whole[0] == whole[1] == slow == parts
