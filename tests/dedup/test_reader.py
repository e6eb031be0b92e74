"""Reading and sieving by the kernel give what Python gives, on real, made and hostile texts."""

import gzip
import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synth.dedup import kernel, reader, splitting
from synth.dedup.benchmarks import Item
from synth.dedup.contamination import Decontaminator
from synth.dedup.members import in_order
from synth.dedup.quantities import SCALES, SMALL, TENS
from synth.dedup.reader import Reader
from synth.dedup.rows import Rows
from tests.dedup.made import PIECES, TEXTS, edited, needs_kernel, without_kernel

NUMBERS = ["twenty", "five", "hundred", "7", "7.5", "٣", "²", "x", "字", "ab", " ", "(", "'", "#"]
SAID = st.lists(st.sampled_from([*NUMBERS, " "]), max_size=12).map(" ".join)


def same_rows(one: Rows, other: Rows) -> bool:
    flats = zip(one[:3], other[:3], strict=True)
    arrays = [(a, b) for left, right in flats for a, b in zip(left, right, strict=True)]
    return all(np.array_equal(a, b) for a, b in [*arrays, *zip(one[3:], other[3:], strict=True)])


def by_both(texts: list[str]) -> tuple[Rows, Rows]:
    with without_kernel():
        slow = Reader().read(texts)
    return Reader().read(texts), slow


@needs_kernel
@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS | SAID, max_size=5))
@example([" ".join((*SMALL, *TENS, *SCALES)), "", "twenty (five) 3 e\u0301 seven", "\ud800 five 5", "½ ﷺ"])
def test_the_kernel_reads_as_python_does(texts: list[str]) -> None:
    assert same_rows(*by_both(texts))


@needs_kernel
@pytest.mark.skipif("SYNTH_TEST_DATA" not in os.environ, reason="needs SYNTH_TEST_DATA")
def test_real_questions_are_read_alike() -> None:
    texts = []
    for path in sorted(Path(os.environ["SYNTH_TEST_DATA"], "benchmarks").glob("*.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file][:200]
        texts += [value for row in rows for value in row.values() if isinstance(value, str)]
    assert len(texts) > 3_000
    assert same_rows(*by_both(texts))


@needs_kernel
def test_parts_and_forgotten_tokens_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(5)
    texts = ["".join(rng.choices(PIECES, k=rng.randrange(30))) for _ in range(2_000)]
    whole = Reader().read(texts)
    monkeypatch.setattr(reader, "PART_TEXTS", 7)
    monkeypatch.setattr(splitting, "VOCABULARY", 5)
    assert same_rows(whole, Reader().read(texts))


def items_and_texts() -> tuple[list[Item], list[str]]:
    """Items, some of them short, and texts: copies, parts, edits, twins of numbers, and strangers."""
    rng = random.Random(11)
    made = [
        " ".join(f"{word} {rng.randrange(30)}" if rng.random() < 0.2 else word for word in text.split())
        for text in edited(11, 300, length=25)
    ]
    items = [
        Item("b", str(n), text if n % 3 else " ".join(text.split()[:9])) for n, text in enumerate(made[:150])
    ]
    texts = [item.text for item in items] + made[150:]
    texts += [" ".join(item.text.split()[2:10]) for item in items]
    texts += [item.text.replace("1", "4") for item in items] + ["", "one", "7 8 9 10 11 12 13"]
    return items, texts


@needs_kernel
@pytest.mark.parametrize("ngram", [1, 4, 10])
def test_the_kernel_sieves_and_finds_as_python_does(ngram: int) -> None:
    items, texts = items_and_texts()
    fast = Decontaminator(items, ngram)
    with without_kernel():
        slow = Decontaminator(items, ngram)
    rows = Reader().read(texts)
    left = fast.left(rows)
    assert np.array_equal(left, slow.left(rows)) and 0 < left.sum() < len(left)
    assert fast.check_all(texts) == slow.check_all(texts)


@needs_kernel
@settings(deadline=None)
@given(st.lists(TEXTS | SAID, max_size=6), st.lists(TEXTS | SAID, max_size=6))
def test_any_items_and_texts_are_sieved_alike(known: list[str], texts: list[str]) -> None:
    items = [Item("b", str(n), text) for n, text in enumerate(known)]
    fast = Decontaminator(items, 4, 0.3)
    with without_kernel():
        slow = Decontaminator(items, 4, 0.3)
    rows = Reader().read([*texts, *known])
    assert np.array_equal(fast.left(rows), slow.left(rows))
    assert fast.check_all(texts) == slow.check_all(texts)


@needs_kernel
@given(st.lists(st.integers(0, 40) | st.integers(0, 2**64 - 1), max_size=200), st.integers(1, 60))
def test_hashes_are_sorted_alike(values: list[int], most: int) -> None:
    hashes = np.array([value << 58 | value for value in values] * most, dtype=object) & (2**64 - 1)
    owners = np.arange(len(hashes), dtype=np.int32)
    with without_kernel():
        slow = in_order(hashes.astype(np.uint64), owners)
    assert all(
        np.array_equal(a, b) for a, b in zip(in_order(hashes.astype(np.uint64), owners), slow, strict=True)
    )


def test_one_reader_serves_many_threads() -> None:
    from concurrent.futures import ThreadPoolExecutor

    one, texts = Reader(), edited(3, 200)
    whole = one.read(texts)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda place: one.read([texts[place]]), range(len(texts))))
    for place, rows in enumerate(found):
        assert same_rows(rows, whole.one(place))


def test_there_is_a_reader_without_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_loaded", lambda: None)
    assert Reader().read(["Ann has 3 hens."]).spare.tolist() == [3]
