"""The published folder, read as a plain user would."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

import synth
from synth.config import RunConfig
from synth.facade import Result
from synth.schemas import TABLES
from synth.settings import load
from tests import corpus

COLUMNS = [column.name for column in TABLES["dataset"].columns]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    documents = corpus.write(tmp_path_factory.mktemp("documents"))
    return load("synthllm-recommended", [str(documents)], "fake", overrides=["combinations.epochs=1"])


@pytest.fixture(scope="module")
def dataset(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    result: Result = synth.run(config, runs=tmp_path_factory.mktemp("runs"))
    return result.dataset, result.funnel[-1].outputs


def test_datasets(dataset: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, rows = dataset
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import get_dataset_config_names, load_dataset

    loaded = load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == rows
    assert loaded.column_names == COLUMNS
    assert sorted(get_dataset_config_names(str(folder))) == ["concepts", "documents", "questions", "rejected"]
    rejected = load_dataset(str(folder), "rejected", split="train", cache_dir=str(tmp_path / "cache"))
    assert set(rejected.column_names) == {column.name for column in TABLES["rejected"].columns}


def test_two_runs_are_not_taken_for_each_other(
    config: RunConfig, dataset: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both folders are called `dataset`, and the library keeps what it has read by that name and the card."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    other = synth.run(config.model_copy(update={"seed": config.seed + 1}), name="another")
    for folder in (dataset[0], other.dataset):
        loaded = load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
        expected = (folder / "questions").glob("*.parquet")
        assert loaded["id"] == [i for path in expected for i in pq.read_table(path)["id"].to_pylist()]


def test_pandas(dataset: tuple[Path, int]) -> None:
    import pandas as pd

    frame = pd.read_parquet(dataset[0] / "questions")
    assert (len(frame), list(frame.columns)) == (dataset[1], COLUMNS)


def test_duckdb(dataset: tuple[Path, int]) -> None:
    import duckdb

    found = duckdb.sql(
        f"select count(*), count(distinct id) from '{dataset[0]}/questions/*.parquet'"
    ).fetchall()
    assert found == [(dataset[1], dataset[1])]


def test_polars(dataset: tuple[Path, int]) -> None:
    import polars as pl

    frame = pl.read_parquet(dataset[0] / "questions")
    assert (frame.height, frame.columns) == (dataset[1], COLUMNS)


def test_checksums_hold_and_nothing_is_left_out(dataset: tuple[Path, int]) -> None:
    import hashlib

    folder = dataset[0]
    sums = dict(reversed(line.split("  ")) for line in (folder / "checksums.sha256").read_text().splitlines())
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {
        "checksums.sha256"
    }
    assert set(sums) == files
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == sums[name] for name in files)


def test_provenance_stands_in_every_file(dataset: tuple[Path, int]) -> None:
    for path in dataset[0].rglob("*.parquet"):
        meta = pq.read_schema(path).metadata
        assert {b"synth.version", b"synth.models", b"synth.prompts", b"synth.fingerprint"} <= set(meta)
