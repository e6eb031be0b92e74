"""A store of training logs: each log is taken once, whole, and all questions so far are one dataset."""

from pathlib import Path

import pandas as pd

import synth
from synth.incremental.store import records
from synth.settings import load
from tests import corpus, rolled


def test_each_log_is_taken_once(tmp_path: Path) -> None:
    logs, documents = tmp_path / "logs", corpus.write(tmp_path / "documents")
    logs.mkdir()
    rolled.write(logs / "week1.jsonl")
    asked = ["targets.budget=6", "store.name=weak", "publish.dataset=aimed"]
    config = load("sws-recommended", [str(documents)], "fake", overrides=asked, rollouts=[str(logs)])
    first = synth.take_new(config, runs=tmp_path / "runs")
    assert first.said == "1 log taken by weak-0001; all runs of the store published as aimed v0001."
    assert synth.take_new(config, runs=tmp_path / "runs").run is None

    text = (logs / "week1.jsonl").read_text().replace("?", "? Say why.")
    (logs / "week2.jsonl").write_text(text + "\n")
    second = synth.take_new(config, runs=tmp_path / "runs")
    assert second.run == tmp_path / "runs" / "weak-0002"
    assert set(synth.load(second.run, "weaknesses")["source"]) == {"week2.jsonl"}
    # Documents stand behind each run, and their answers are not asked for again.
    assert len(synth.load(second.run, "documents")) == len(corpus.TEXTS)
    ids = [set(pd.read_parquet(tmp_path / f"data/datasets/aimed/v000{n}/questions")["id"]) for n in (1, 2)]
    assert ids[0] <= ids[1]
    assert [len(record.logs) for record in records(tmp_path / "data/stores/weak")] == [1, 1]
