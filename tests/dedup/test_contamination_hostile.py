"""Texts and benchmarks that are huge, empty, all alike or made to be slow: bounded work, clear answers."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.dedup.benchmarks import Item, read_benchmarks
from synth.dedup.contamination import Decontaminator
from synth.errors import ConfigError

ITEM = "Tom has 40 hens and each lays 5 eggs a week. How many eggs does he collect in 6 weeks?"
PHRASE = "let us think step by step and put the final answer within a box at the very end of it"
# Far more than any of these takes, and far less than work that grows with a square would.
CPU_S = 60
LINE = st.lists(st.sampled_from(["a", "b", "c", "1", "2", "+", "(", "tom", "hens"]), max_size=20).map(
    " ".join
)


def in_time(began: float) -> bool:
    return time.process_time() - began < CPU_S


@settings(max_examples=60)
@given(st.lists(LINE, max_size=5), st.lists(LINE, max_size=8))
def test_a_batch_is_its_texts_one_by_one_in_any_order(items: list[str], texts: list[str]) -> None:
    known = Decontaminator([Item("b", str(n), text) for n, text in enumerate(items)], ngram=4)
    found = known.check_all(texts)
    assert found == [known.check(text) for text in texts]
    assert found[::-1] == known.check_all(texts[::-1])
    assert all(known.check(item) for item in items if any(map(str.isalnum, item)))


@pytest.mark.parametrize("text", ["", " ", "?!", "word", "7", "\x00", "\ud800", "​​"])
def test_empty_and_tiny_texts(text: str) -> None:
    known = Decontaminator([Item("b", "1", ITEM), Item("b", "2", ""), Item("b", "3", "word")])
    assert (known.check(text) is not None) == (text == "word")
    assert Decontaminator([Item("b", "2", text)]).check(ITEM) is None


@pytest.mark.parametrize("unit", ["hens and ", "a "])
def test_ten_megabytes(unit: str) -> None:
    began = time.process_time()
    known = Decontaminator([Item("b", "1", ITEM), Item("b", "2", "hens and " * 40), Item("b", "3", PHRASE)])
    huge = unit * (10_000_000 // len(unit.encode()))
    assert known.check(f"{huge} {ITEM}") is not None
    assert in_time(began)


def test_a_benchmark_of_identical_items_is_one_item() -> None:
    began = time.process_time()
    known = Decontaminator([Item("b", str(n), ITEM) for n in range(20_000)])
    assert len(known.items) == 1
    hit = known.check(ITEM)
    assert hit is not None
    assert hit.item == "0"
    assert in_time(began)


def test_a_phrase_in_every_item_and_every_row() -> None:
    began = time.process_time()
    known = Decontaminator([Item("b", str(n), f"Thing{n} is {n % 7} old. {PHRASE}") for n in range(5_000)])
    found = known.check_all([f"Row{n} is old. {PHRASE}" for n in range(5_000)])
    assert not any(found)
    assert in_time(began)


def test_names_are_harmless_and_told_apart(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test.jsonl").write_text(json.dumps({"id": ITEM, "question": ITEM}))
    found = read_benchmarks([tmp_path / "one", tmp_path / "two"])
    assert [item.benchmark for item in found] == ["one/test", "two/test"]
    assert [item.item for item in found] == ["0", "0"]  # an id that may be an item is not shown


def test_a_benchmark_without_its_column_names_the_others(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    path.write_text('{"stem": "What?", "key": 1}')
    with pytest.raises(ConfigError, match="of the columns stem, key none is called question"):
        read_benchmarks([path])
    assert read_benchmarks([path], "stem") == [Item("b", "0", "What?")]
    with pytest.raises(ConfigError, match="none is called body or question"):
        read_benchmarks([path], "body")


def test_faults_quote_no_item(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    path.write_text(f'{{"question": "{ITEM}" oh no')
    with pytest.raises(ConfigError) as fault:
        read_benchmarks([path])
    assert "line 1 is no JSON" in str(fault.value)
    assert "hens" not in str(fault.value)
    path.write_text('{"question": ""}\n{"question": " "}')
    with pytest.raises(ConfigError, match="all 2 questions are empty"):
        read_benchmarks([path])
