"""`synth export`: the rows of the dataset in the form that was asked for, whole or not at all."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from synth.errors import ConfigError, StoreError
from synth.export import Options, export

Synth = Callable[..., Result]


def rows_of(finished: Path) -> pa.Table:
    return pq.read_table(finished / "dataset" / "questions")


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_chat_messages(synth: Synth, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "train.jsonl"
    done = synth("export", finished, "--format", "sft", "--out", out)
    assert done.exit_code == 0, done.output
    rows = rows_of(finished).to_pylist()
    assert lines(out) == [
        {
            "id": row["id"],
            "messages": [
                {"role": "user", "content": row["question"]},
                {"role": "assistant", "content": row["answer"]},
            ],
        }
        for row in rows
    ]
    assert f"{len(rows)} rows" in done.stdout


def test_rows(finished: Path, tmp_path: Path) -> None:
    done = export(finished, "jsonl", tmp_path / "rows.jsonl")
    assert lines(done.path) == rows_of(finished).to_pylist()


def test_parquet_keeps_types_and_meanings(finished: Path, tmp_path: Path) -> None:
    done = export(finished, "parquet", tmp_path / "rows.parquet")
    assert pq.read_table(done.path).equals(rows_of(finished), check_metadata=True)


def test_a_folder_gets_a_file_that_says_what_it_is(finished: Path, tmp_path: Path) -> None:
    assert export(finished, "sft", tmp_path).path == tmp_path / "done-sft.jsonl"
    assert export(finished, "parquet", tmp_path / "new").path == tmp_path / "new" / "done-parquet.parquet"


def test_nothing_is_overwritten_unless_it_is_asked_for(synth: Synth, finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "train.jsonl"
    out.write_text("mine")
    done = synth("export", finished, "--format", "sft", "--out", out)
    assert done.exit_code == 2
    assert "--force" in done.stderr
    assert out.read_text() == "mine"
    assert synth("export", finished, "--format", "sft", "--out", out, "--force").exit_code == 0
    assert lines(out)


@pytest.mark.parametrize("name", ["t.csv", "d.txt", "x.json"])
def test_a_suffix_that_no_form_has(synth: Synth, finished: Path, tmp_path: Path, name: str) -> None:
    done = synth("export", finished, "--format", "sft", "--out", tmp_path / name)
    assert done.exit_code == 2
    assert ".jsonl or .parquet" in done.stderr and done.stderr.count("\n") == 1
    assert not (tmp_path / name).exists()
    assert export(finished, "sft", tmp_path / name, options=Options(kind="jsonl")).rows


def test_a_run_without_a_dataset(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no dataset"):
        export(tmp_path, "sft", tmp_path / "x.jsonl")


def test_a_damaged_dataset_leaves_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "dataset" / "questions"
    folder.mkdir(parents=True)
    (folder / "train-00000-of-00001.parquet").write_bytes(b"PAR1 no Parquet PAR1")
    with pytest.raises(StoreError, match="damaged"):
        export(tmp_path / "run", "jsonl", tmp_path / "x.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_unknown_form(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sft, alpaca, sharegpt, dpo, rl, jsonl, parquet"):
        export(finished, "csv", tmp_path)
