"""The bench of duplicates at a tiny size: its corpus, its truth and its engine."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.duplicates import corpus, suite
from benchmarks.duplicates.sampled import pairs_of
from benchmarks.duplicates.truth import exact_pairs
from tests.dedup.made import edited, measured
from tests.dedup.made import exact_pairs as brute_force

needs_data = pytest.mark.skipif("SYNTH_TEST_DATA" not in os.environ, reason="needs SYNTH_TEST_DATA")


@pytest.mark.parametrize("threshold", [0.3, 0.7, 0.95])
def test_the_exact_join_is_brute_force(threshold: float) -> None:
    found = measured([*edited(3, 150, length=15), "", "one", "one"])
    left, right = exact_pairs(found, threshold)
    assert set(zip(left.tolist(), right.tolist(), strict=True)) == brute_force(found, threshold).keys()


def test_the_pairs_of_a_sample_are_those_of_brute_force() -> None:
    found = measured(edited(3, 150, length=15))
    left, right = pairs_of(found, np.array([3, 70, 71]))
    truth = brute_force(found, 0.7)
    wanted = {(a, b) for pair in truth for a, b in (pair, pair[::-1]) if a in (3, 70, 71)}
    assert set(zip(left.tolist(), right.tolist(), strict=True)) == wanted


@needs_data
def test_the_corpus_is_the_same_again_and_has_duplicates() -> None:
    texts = corpus.corpus(300)
    assert texts == corpus.corpus(300)
    assert 50 < np.mean([len(text.split()) for text in texts]) < 100
    left, _ = exact_pairs(measured(texts))
    assert len(left) > 10


@needs_data
def test_the_engine_is_run_and_judged(tmp_path: Path) -> None:
    path = corpus.write(tmp_path / "corpus.parquet", 400)
    told = next(iter(suite._corpus(tmp_path, 400))).told
    assert told["wrong"] == "0"
    assert float(told["pair R"]) > 0.9
    out = tmp_path / "out.json"
    assert (
        "search"
        in suite._run(
            [sys.executable, "-m", "benchmarks.duplicates.engine", str(path), "400"], path, "search"
        )[0]
    )
    assert not out.exists()


def test_what_a_contender_tells_is_measured_against_the_truth() -> None:
    found = measured(["a b c d", "a b c d", "e f g h", "e f g h", "x y z"])
    truth = suite.Truth(found, np.array([0, 2]), np.array([1, 3]))
    told = suite._told(truth, json.loads('{"pairs": [[0, 1], [0, 2]]}'))
    assert (told["pair P"], told["pair R"]) == ("0.5000", "0.5000")
    told = suite._told(truth, {"removed": [1, 2, 3]})
    assert (told["removed"], told["wrong"], told["left"]) == ("3", "2", "0")
