"""The promises of a run folder: balance, reuse, identity of bytes."""

import fcntl
import json
import os
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import synth
from synth import lock
from synth.config import RunConfig
from synth.errors import ConfigError, StoreError
from synth.facade import run_stage
from synth.report import funnel, manifests
from synth.road import stages_of
from synth.runs import Run, default_name
from synth.schemas import TABLES
from synth.settings import load
from tests import corpus


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_a_run_ends_in_a_dataset_of_all_levels(config: RunConfig) -> None:
    result = synth.run(config)
    rows = pq.read_table(result.dataset / "questions").to_pylist()
    assert {row["origin"] for row in rows} == {"level1", "level2", "level3"}
    assert all(row["question"] and row["answer"] and row["label"] for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)


def test_each_stage_balances_and_feeds_the_next(config: RunConfig) -> None:
    result = synth.run(config)
    found = manifests(result.folder)
    assert list(found) == list(stages_of(config))
    assert "judge" not in found
    assert found["questions"].inputs == found["combinations"].outputs["combinations"]
    assert found["screen"].inputs == found["questions"].outputs["questions"]
    assert found["answers"].inputs == found["screen"].outputs["screened"]
    assert found["dataset"].outputs["dataset"] == found["answers"].outputs["answers"]


def test_a_second_run_reuses_every_stage(config: RunConfig) -> None:
    first = synth.run(config)
    before = contents(first.dataset)
    heard: list[str] = []
    second = synth.run(config, progress=lambda stage, done, total: heard.extend([stage] * done))
    assert (second.folder, heard) == (first.folder, [])
    assert contents(second.dataset) == before


def test_two_runs_elsewhere_give_the_same_bytes(config: RunConfig, tmp_path: Path) -> None:
    one = synth.run(config, runs=tmp_path / "one")
    two = synth.run(config, runs=tmp_path / "two", name="other")
    assert contents(one.dataset) == contents(two.dataset)


def test_rows_do_not_depend_on_parts_names_or_order_of_files(config: RunConfig, tmp_path: Path) -> None:
    whole = synth.run(config, runs=tmp_path / "whole")
    again = tmp_path / "moved"
    corpus.write(again)
    paths = tuple(str(p) for p in sorted(again.iterdir(), reverse=True))
    documents = config.documents.model_copy(update={"paths": paths})
    cut = config.model_copy(update={"part_rows": 2, "tasks": 3, "documents": documents})
    parts = synth.run(cut, runs=tmp_path / "cut")
    assert contents(parts.dataset) == contents(whole.dataset)
    assert default_name(config) == default_name(cut)


def test_a_changed_setting_recomputes_its_stage_and_those_after_it(config: RunConfig) -> None:
    first = synth.run(config, name="r")
    before = {stage: m.fingerprint for stage, m in manifests(first.folder).items()}
    screen = config.screen.model_copy(update={"threshold": 0.5})
    second = synth.run(config.model_copy(update={"screen": screen}), name="r")
    after = {stage: m.fingerprint for stage, m in manifests(second.folder).items()}
    changed = [stage for stage in before if before[stage] != after[stage]]
    assert changed == ["screen", "answers", "dataset"]


@pytest.mark.parametrize(
    "override",
    [
        "tasks=3",
        "part_rows=7",
        "models.fake.max_in_flight=3",
        "models.fake.timeout_s=9",
        "models.fake.max_tries=2",
    ],
)
def test_what_cannot_change_rows_is_no_part_of_a_fingerprint(documents: Path, override: str) -> None:
    base = ['models.fake.base_url="fake:"', 'models.fake.model="fake"']
    plain = load("synthllm-recommended", [str(documents)], "fake", overrides=base)
    other = load("synthllm-recommended", [str(documents)], "fake", overrides=[*base, override])
    assert plain != other
    assert default_name(plain) == default_name(other)


def test_one_process_at_a_time(config: RunConfig, tmp_path: Path) -> None:
    with Run.open(config, tmp_path, "r"), pytest.raises(StoreError, match="Another process"):
        Run.open(config, tmp_path, "r")
    Run.open(config, tmp_path, "r").close()


def test_a_look_at_the_lock_keeps_no_run_from_starting(config: RunConfig, tmp_path: Path) -> None:
    Run.open(config, tmp_path, "r").close()
    looking = os.open(tmp_path / "r" / ".lock", os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)  # as `synth status` does, for an instant
    threading.Timer(2 * lock.PAUSE_S, os.close, (looking,)).start()
    Run.open(config, tmp_path, "r").close()


def test_what_was_damaged_is_made_anew(config: RunConfig) -> None:
    result = synth.run(config, name="r")
    before = contents(result.dataset)
    next((result.folder / "05_questions").glob("part-*")).write_bytes(b"no parquet")
    next((result.dataset / "questions").iterdir()).unlink()
    (result.dataset / "stray.parquet").write_bytes(b"")
    assert contents(synth.run(config, name="r").dataset) == before


def test_another_model_is_another_outcome(documents: Path) -> None:
    def run(model: str) -> set[str]:
        overrides = ['models.a.base_url="fake:"', f'models.a.model="{model}"']
        made = synth.run(load("synthllm-recommended", [str(documents)], "a", overrides=overrides), name="r")
        return set(synth.load(made.folder, "dataset")["model"])

    assert run("one") == {"fake@1#one"}
    assert run("two") == {"fake@1#two"}


def test_an_unfinished_run_publishes_nothing(config: RunConfig, tmp_path: Path) -> None:
    with Run.open(config, tmp_path, "r") as opened:
        run_stage(opened, "documents", lambda *_: None)
        with pytest.raises(StoreError, match="concepts"):
            opened.finish()
    assert [row.stage for row in funnel(tmp_path / "r")] == ["documents"]


def test_tables_load_as_pandas_with_arrow_types(config: RunConfig) -> None:
    result = synth.run(config)
    frame = synth.load(result.folder, "questions")
    assert set(frame.columns) == {c.name for c in TABLES["questions"].columns}
    assert "pyarrow" in str(frame.dtypes["concepts"])
    with pytest.raises(ConfigError, match="no table"):
        synth.load(result.folder, "nothing")


def test_rejected_rows_keep_the_raw_reply_and_cost_no_neighbour(documents: Path) -> None:
    faults = "fake:?broken_json=0.2&empty=0.1&refusal=0.1&echo=0.1"
    overrides = [f'models.fake.base_url="{faults}"', 'models.fake.model="fake"']
    result = synth.run(load("synthllm-recommended", [str(documents)], "fake", overrides=overrides))
    rejected = pq.read_table(result.dataset / "rejected").to_pylist()
    reasons = {row["reason"] for row in rejected}
    assert {"unparseable", "empty_reply", "refused", "echoed_prompt"} <= reasons
    broken = next(row for row in rejected if row["reason"] == "unparseable")
    assert json.loads(broken["row"])["reply"]
    assert pq.read_table(result.dataset / "questions").num_rows > 0
