"""The kernel against Python on real and hostile texts, and both against datasketch."""

import gzip
import json
import os
import random
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synth.dedup import kernel, measuring, splitting
from synth.dedup.characters import _joins
from synth.dedup.measuring import Measured, Measurer, Scheme
from synth.dedup.ngrams import Ngrams
from synth.dedup.normalise import tokens
from synth.errors import ConfigError
from tests.dedup.made import PIECES, SCHEME, TEXTS, edited, measured, needs_kernel, same, without_kernel


def by_both(texts: list[str], scheme: Scheme = SCHEME) -> tuple[Measured, Measured]:
    with without_kernel():
        slow = measured(texts, scheme)
    return measured(texts, scheme), slow


@needs_kernel
@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=5))
@example(
    [
        "1{,}000",
        "1,*000*",
        "ab'*cd*",
        r"a\cdot b*c*",
        r"ab\prime c",
        "a*b''c*",
        "1,\\!000",
        "*1,0*00",
        r"\\*a*",
        "----",
    ]
)
@example(["1..5 .5", "ab - ! cd", "²\u200b³ ² ³", "<= >= != <== !<=", "1,234,567,89 1,234", "**a***"])
def test_the_kernel_measures_as_python_does(texts: list[str]) -> None:
    assert same(*by_both(texts, Scheme(2, 20, 3, 4)))


@needs_kernel
def test_a_thousand_hostile_texts_in_one_batch() -> None:
    rng = random.Random(4)
    texts = ["".join(rng.choices(PIECES, k=rng.randrange(30))) for _ in range(5_000)]
    assert same(*by_both(texts))


@needs_kernel
@pytest.mark.skipif("SYNTH_TEST_DATA" not in os.environ, reason="needs SYNTH_TEST_DATA")
def test_real_questions_are_measured_alike_and_by_the_kernel() -> None:
    texts = []
    for path in sorted(Path(os.environ["SYNTH_TEST_DATA"], "benchmarks").glob("*.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file][:400]
        texts += [str(value) for row in rows for value in row.values() if isinstance(value, str)]
    assert same(*by_both(texts))
    measurer = Measurer(SCHEME)
    assert measurer._splitter is not None
    left = measurer._splitter.status(*splitting.buffers(pa.array(texts, pa.large_string())))
    assert np.mean(left > 0) < 0.01


@needs_kernel
def test_no_character_joins_its_neighbour_unseen() -> None:
    """What can be second in a composition is told to be unsafe: of it alone the kernel cannot know."""
    import unicodedata

    for code in range(0x110000):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            assert _joins(chr(int(parts[1], 16))), hex(code)


@pytest.mark.parametrize("compiled", [pytest.param(True, marks=needs_kernel), False])
def test_signatures_and_candidates_are_those_of_datasketch(compiled: bool) -> None:
    texts = edited(seed=7, count=80)
    found = measured(texts) if compiled else by_both(texts)[1]
    index = MinHashLSH(num_perm=SCHEME.permutations, params=(SCHEME.bands, SCHEME.rows))
    sketches = []
    for place in range(len(texts)):
        sketch = MinHash(
            num_perm=SCHEME.permutations, seed=1, scheme="affine32", hashfunc=lambda h: h & 0xFFFFFFFF
        )
        sketch.update_batch(found.shingles(place).tolist())
        index.insert(place, sketch)
        sketches.append(sketch)
    theirs = {tuple(sorted((a, b))) for a, s in enumerate(sketches) for b in index.query(s) if a != b}
    ours = {(a, b) for a, b in combinations(range(len(texts)), 2) if (found.keys[a] == found.keys[b]).any()}
    assert ours == theirs


@given(st.lists(TEXTS, max_size=4))
def test_shingles_are_runs_of_tokens(texts: list[str]) -> None:
    ngrams, found = Ngrams(), measured(texts)
    for place, text in enumerate(texts):
        assert found.tokens[place] == len(tokens(text))
        assert np.array_equal(found.shingles(place), ngrams.distinct(tokens(text), SCHEME.width))


def test_equal_texts_have_one_hash_and_twins_one_template() -> None:
    found = measured(["Ann has 3 apples.", "ann  has 3 apples", "Ann has 4.5 apples.", "Ann has x apples."])
    whole, template = found.whole.tolist(), found.template.tolist()
    assert whole[0] == whole[1] != whole[2]
    assert template[0] == template[1] == template[2] != template[3]


def test_no_text_is_an_empty_text() -> None:
    found = measured([None, "", " \x00", "a"])
    assert found.tokens.tolist() == [0, 0, 0, 1]
    assert np.diff(found.starts).tolist() == [0, 0, 0, 1]


@needs_kernel
def test_texts_of_ten_megabytes_and_broken_bytes() -> None:
    big = ["x" * 10_000_000, "+" * 10_000_000, "ab " * 3_000_000, "{" * 1_000_000, r"\frac{" * 200_000]
    found = measured(big, Scheme(5, 16, 4, 4))
    assert found.tokens.tolist()[:3] == [1, 10_000_000, 3_000_000]
    assert np.diff(found.starts).tolist()[:3] == [1, 1, 1]
    broken = pa.Array.from_buffers(
        pa.large_string(), 1, [None, pa.py_buffer(np.array([0, 4], np.int64)), pa.py_buffer(b"a \xff\xc3")]
    )
    assert Measurer(SCHEME).measure(broken).tokens.tolist() == [3]  # a letter and two marks of replacement


def test_pieces_and_slices_are_measured_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = pa.array([*edited(3, 30), None, "é" * 3], pa.string())
    whole = Measurer(SCHEME).measure(texts)
    monkeypatch.setattr(measuring, "BATCH_ROWS", 7)
    assert same(whole, Measurer(SCHEME).measure(texts))
    part = Measurer(SCHEME).measure(texts[10:20])
    assert np.array_equal(part.whole, whole.whole[10:20])


@needs_kernel
def test_tokens_that_are_forgotten_are_hashed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "VOCABULARY", 5)
    texts = edited(3, 30)
    small = measured(texts)
    monkeypatch.undo()
    assert same(small, measured(texts))


def test_a_kernel_that_must_be_there_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_loaded", lambda: None)
    monkeypatch.setenv(kernel.VARIABLE, "on")
    with pytest.raises(ConfigError, match="no kernel was built"):
        Measurer(SCHEME)
