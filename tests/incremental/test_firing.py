"""Firings of a store: each takes only what is new, and all their rows are one dataset, version by version."""

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

import synth
from synth import lock
from synth.errors import BudgetReached, ConfigError, StoreError
from synth.incremental.store import records
from synth.settings import load
from tests.incremental.feeds import ONE_EACH, config, more, put

FIRST = ("energy.md", "motion.md")


def rows(tmp_path: Path, version: str) -> pd.DataFrame:
    return pd.read_parquet(tmp_path / "data/datasets/notes" / version / "questions")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_each_firing_takes_what_is_new_and_publishes_all(tmp_path: Path) -> None:
    feed = put(tmp_path / "feed", *FIRST)
    first = synth.take_new(config(feed), runs=tmp_path / "runs")
    assert first.run == tmp_path / "runs" / "notes-0001"
    assert first.said == "2 files taken by notes-0001; all runs of the store published as notes v0001."
    before = contents(tmp_path / "data/datasets/notes/v0001")

    put(feed, "rates.txt")
    second = synth.take_new(config(feed), runs=tmp_path / "runs")
    assert second.run == tmp_path / "runs" / "notes-0002"
    assert set(synth.load(second.run, "documents")["source"]) == {"rates.txt"}
    assert "2 files are left out" in " ".join(
        json.loads((second.run / "dataset/stats.json").read_bytes())["notes"]
    )
    old, new = rows(tmp_path, "v0001"), rows(tmp_path, "v0002")
    own = synth.load(second.run, "dataset")
    assert set(new["id"]) == {*old["id"], *own["id"]}
    assert len(new) == len(old) + len(own) > len(old) > 0
    assert contents(tmp_path / "data/datasets/notes/v0001") == before

    third = synth.take_new(config(feed), runs=tmp_path / "runs")
    assert third.run is None
    assert third.said == "Nothing new, as every file was seen before; notes v0002 stays."
    assert third.version is not None and not third.version.is_new
    assert not (tmp_path / "runs" / "notes-0003").exists()
    assert [record.run for record in records(tmp_path / "data/stores/notes")] == ["notes-0001", "notes-0002"]


def test_the_whole_has_the_card_figures_and_graph_of_all_runs(tmp_path: Path) -> None:
    feed = put(tmp_path / "feed", *FIRST)
    synth.take_new(config(feed), runs=tmp_path / "runs")
    put(feed, "rates.txt", "lines.md")
    fired = synth.take_new(config(feed), runs=tmp_path / "runs")
    folder = fired.version.folder
    at_once = synth.run(
        load("synthllm-recommended", [str(feed)], "fake", overrides=ONE_EACH),
        runs=tmp_path / "once",
    ).dataset
    for table in ("concepts", "documents"):
        ours, theirs = (pq.read_table(place / table, partitioning=None) for place in (folder, at_once))
        assert ours.to_pylist() == theirs.to_pylist()
    stats = json.loads((folder / "stats.json").read_bytes())
    assert stats["graph"] == json.loads((at_once / "stats.json").read_bytes())["graph"]
    assert stats["rows"] == len(rows(tmp_path, "v0002"))
    assert stats["funnel"][0]["outputs"] == 4
    assert "Rows of 2 runs of the store notes" in (folder / "README.md").read_text()


def test_of_a_table_that_grew_only_new_rows_are_taken(tmp_path: Path) -> None:
    feed, table = tmp_path / "feed", tmp_path / "feed" / "rows.jsonl"
    feed.mkdir()
    texts = [f"Subject {n}. " + " ".join(f"word{n}x{i}" for i in range(40)) for n in range(4)]
    table.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts[:2]))
    synth.take_new(config(feed), runs=tmp_path / "runs")
    table.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    second = synth.take_new(config(feed), runs=tmp_path / "runs")
    assert set(synth.load(second.run, "documents")["source"]) == {"rows.jsonl#2", "rows.jsonl#3"}
    fallen = synth.load(second.run, "rejected", ["stage", "reason", "source"])
    assert set(fallen[fallen["reason"] == "seen_before"]["source"]) == {"rows.jsonl#0", "rows.jsonl#1"}


def test_moved_and_reformatted_documents_are_not_new(tmp_path: Path) -> None:
    feed = put(tmp_path / "feed", *FIRST)
    synth.take_new(config(feed), runs=tmp_path / "runs")
    (feed / "motion.md").rename(feed / "moved.md")
    assert synth.take_new(config(feed), runs=tmp_path / "runs").run is None
    text = (feed / "energy.md").read_text()
    (feed / "copy.md").write_text(text + "\n\n\n\n\n")  # other bytes, the same text once it is read
    fired = synth.take_new(config(feed), runs=tmp_path / "runs")
    assert fired.said == "Nothing new, as nothing in them was new; notes v0001 stays."
    # And next time its bytes are known.
    assert "every file was seen" in synth.take_new(config(feed), runs=tmp_path / "runs").said


def test_a_firing_that_was_stopped_is_taken_up_by_the_next_with_what_came_in(tmp_path: Path) -> None:
    feed = put(tmp_path / "feed", *FIRST)
    synth.take_new(config(feed), runs=tmp_path / "runs")
    put(feed, "rates.txt")
    with pytest.raises(BudgetReached):
        synth.take_new(config(feed, "budget.calls=2"), runs=tmp_path / "runs")
    assert (tmp_path / "runs" / "notes-0002").is_dir()
    assert len(records(tmp_path / "data/stores/notes")) == 1
    put(feed, "lines.md")
    fired = synth.take_new(config(feed), runs=tmp_path / "runs")
    assert fired.run.name == "notes-0002"
    assert set(synth.load(fired.run, "documents")["source"]) == {"rates.txt", "lines.md"}


def test_a_version_that_was_not_published_comes_with_the_next_firing(tmp_path: Path) -> None:
    feed = put(tmp_path / "feed", *FIRST)
    version = synth.take_new(config(feed), runs=tmp_path / "runs").version
    before = contents(version.folder)
    shutil.rmtree(version.folder.parent)
    fired = synth.take_new(config(feed), runs=tmp_path / "runs")
    assert fired.said == "Nothing new, as every file was seen before; notes v0001 is published now."
    assert contents(fired.version.folder) == before


def test_two_firings_at_once_are_one_and_a_sentence(tmp_path: Path) -> None:
    feed = put(tmp_path / "feed", *FIRST)
    held = lock.take(tmp_path / "data/stores/notes")
    with pytest.raises(StoreError, match="Another process is at work with the store"):
        synth.take_new(config(feed), runs=tmp_path / "runs")
    os.close(held)


def test_what_is_lost_is_said_before_anything_is_paid_for(tmp_path: Path) -> None:
    feed = put(tmp_path / "feed", *FIRST)
    synth.take_new(config(feed), runs=tmp_path / "runs")
    (tmp_path / "runs" / "notes-0001").rename(tmp_path / "elsewhere")
    more(feed, 1)
    with pytest.raises(StoreError, match="notes-0001 is a run of the store, and is missing"):
        synth.take_new(config(feed), runs=tmp_path / "runs")
    assert not (tmp_path / "runs" / "notes-0002").exists()
    (tmp_path / "elsewhere").rename(tmp_path / "runs" / "notes-0001")
    (tmp_path / "data/stores/notes/seen/0001.parquet").unlink()
    with pytest.raises(StoreError, match="0001.parquet is missing or damaged"):
        synth.take_new(config(feed), runs=tmp_path / "runs")
    record = tmp_path / "data/stores/notes/runs/0001.json"
    record.write_text("{")
    with pytest.raises(StoreError, match="0001.json is damaged"):
        synth.take_new(config(feed), runs=tmp_path / "runs")


def test_a_run_of_a_store_is_begun_by_the_store(tmp_path: Path) -> None:
    feed = put(tmp_path / "feed", *FIRST)
    with pytest.raises(ConfigError, match="store.name"):
        synth.run(config(feed), runs=tmp_path / "runs")
    with pytest.raises(ConfigError, match=r"store\.name"):
        synth.take_new(load("synthllm-recommended", [str(feed)], "fake"))
