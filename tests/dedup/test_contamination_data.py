"""What must be found and what must not, on real benchmarks (where SYNTH_TEST_DATA names them)."""

from pathlib import Path

import pytest

from benchmarks.decontamination import found_copies, paraphrases, strangers

LEAST = {"copies": 1.0, "case, spacing, LaTeX": 0.99, "other numbers": 0.9}


@pytest.mark.parametrize("name", ["gsm8k_test", "math500", "college_math", "humaneval"])
def test_copies_variants_and_other_numbers_are_found(test_data: Path, name: str) -> None:
    pytest.importorskip("wordllama")
    for line in found_copies(name):
        kind = line.what.split(": ")[1]
        assert line.found is not None
        assert line.found >= LEAST[kind], line


def test_rephrased_problems_are_found_where_words_find_none(test_data: Path) -> None:
    pytest.importorskip("wordllama")
    by_words, found, right = paraphrases()
    assert (by_words.found or 0) < 0.02
    assert (found.found or 0) >= 0.88
    assert (right.found or 0) >= 0.87


@pytest.mark.parametrize("known", ["gsm8k_test", "math500", "humaneval"])
def test_strangers_pass(test_data: Path, known: str) -> None:
    pytest.importorskip("wordllama")
    for line in strangers(known):
        assert (line.found or 0) <= 0.005, line
