"""Benchmark files of every kind, and what is wrong with those that cannot be used."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth.dedup.benchmarks import Item, read_benchmarks, repeated
from synth.errors import ConfigError

ROWS = [{"id": 7, "Problem": "What is 1+1?"}, {"id": "x", "Problem": "What is 2+2?"}]
ITEMS = [Item("bench", "7", "What is 1+1?"), Item("bench", "x", "What is 2+2?")]
LINES = "\n".join(map(json.dumps, ROWS)) + "\n\n"


@pytest.mark.parametrize("name", ["bench.jsonl", "bench.v2.jsonl.gz", "bench.json", "bench.csv"])
def test_every_format_gives_the_same_items(tmp_path: Path, name: str) -> None:
    text = {"json": json.dumps({"data": ROWS}), "csv": "id,Problem\n7,What is 1+1?\nx,What is 2+2?\n"}
    data = text.get(name.split(".")[1], LINES).encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert read_benchmarks([tmp_path / name]) == ITEMS


def test_parquet_folders_and_globs_are_read(tmp_path: Path) -> None:
    pq.write_table(
        pa.Table.from_pylist([{**row, "id": str(row["id"])} for row in ROWS]), tmp_path / "bench.parquet"
    )
    (tmp_path / "notes.md").write_text("no benchmark")
    assert read_benchmarks([str(tmp_path)]) == ITEMS
    assert read_benchmarks([str(tmp_path / "*.parquet")]) == ITEMS


def test_the_first_known_column_is_the_question(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text(
        '{"text": "no", "question": "yes"}\n{"instruction": "Sort", "input": "3 1"}\n'
        '{"prompt": [{"role": "user", "content": "Hello?"}]}\n'
    )
    assert [item.text for item in read_benchmarks([tmp_path / "b.jsonl"])] == ["yes", "Sort\n3 1", "Hello?"]
    assert [item.item for item in read_benchmarks([tmp_path / "b.jsonl"])] == ["0", "1", "2"]


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "columns.jsonl").write_text('{"alpha": 1, "beta": 2}')
    (tmp_path / "broken.jsonl").write_text('{"question": "a"}\n{"question"')
    (tmp_path / "list.jsonl").write_text("[1]")
    (tmp_path / "short.jsonl.gz").write_bytes(gzip.compress(b"{}")[:-3])
    (tmp_path / "slides.pdf").write_bytes(b"%PDF")
    names = ["columns.jsonl", "broken.jsonl", "list.jsonl", "short.jsonl.gz", "slides.pdf", "missing.csv"]
    with pytest.raises(ConfigError) as fault:
        read_benchmarks([tmp_path / name for name in names])
    assert len(fault.value.faults) == len(names)
    assert "alpha, beta" in fault.value.faults[0]
    for name, said in zip(names, fault.value.faults, strict=True):
        assert name in said


def test_no_benchmark_is_no_item() -> None:
    assert read_benchmarks([]) == []


@pytest.mark.parametrize(
    ("known", "shown"),
    [
        ("mmlu/college_mathematics/test/12", True),
        ("HumanEval/0", True),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", True),
        ("How_many_apples_does_the_farmer_have_after_he_sells", False),
        ("HowManyApplesDoesTheFarmerHave", False),
        ("一个农夫有三十个苹果他卖了十二个", False),
        ("how many", False),
        ("x" * 65, False),
    ],
)
def test_an_id_that_may_be_the_item_is_a_number(known: str, shown: bool, tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text(json.dumps({"id": known, "question": "What is 1+1?"}))
    (item,) = read_benchmarks([tmp_path / "b.jsonl"])
    assert item.item == (known if shown else "0")


def test_a_fault_quotes_no_item_of_a_table_without_names(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("SECRET item: how many apples?,42\nsecond,3\n")
    with pytest.raises(ConfigError, match=r"row 0: of the columns 42, 1 more none is called") as fault:
        read_benchmarks([tmp_path / "b.csv"])
    assert "SECRET" not in str(fault.value)


def test_half_of_a_pair_of_surrogates_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text('{"question": "bad \\ud800 half"}')
    assert read_benchmarks([tmp_path / "b.jsonl"])[0].text == "bad ? half"


def test_a_file_without_items_protects_from_nothing_and_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    pq.write_table(pa.table({"question": pa.array([], pa.string())}), tmp_path / "none.parquet")
    with pytest.raises(ConfigError) as fault:
        read_benchmarks([tmp_path / "empty.jsonl", tmp_path / "none.parquet"])
    assert ["holds no item" in said for said in fault.value.faults] == [True, True]


def test_a_named_column_is_read_where_it_is_and_shuts_out_no_other_file(tmp_path: Path) -> None:
    rows = [{"stem": "What is 1+1?", "text": "a remark", "nr": 1}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "odd.parquet")
    (tmp_path / "usual.jsonl").write_text('{"question": "What is 2+2?"}')
    items = read_benchmarks([tmp_path / "odd.parquet", tmp_path / "usual.jsonl"], "stem")
    assert [item.text for item in items] == ["What is 1+1?", "What is 2+2?"]
    (tmp_path / "none.jsonl").write_text('{"alpha": 1}')
    with pytest.raises(ConfigError, match="none is called stem or question"):
        read_benchmarks([tmp_path / "none.jsonl"], "stem")


def test_a_file_beside_its_zipped_self_goes_by_its_ending_and_is_known_to_repeat_it(tmp_path: Path) -> None:
    folder = tmp_path / "held"
    folder.mkdir()
    (folder / "b.jsonl").write_text(LINES)
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(LINES.encode()))
    (tmp_path / "other.jsonl").write_text('{"question": "What is 3+3?"}')
    items = read_benchmarks([folder, tmp_path / "other.jsonl"])
    assert list(dict.fromkeys(item.benchmark for item in items)) == [
        "held/b.jsonl",
        "held/b.jsonl.gz",
        "other",
    ]
    assert repeated(items) == [("held/b.jsonl.gz", "held/b.jsonl")]
