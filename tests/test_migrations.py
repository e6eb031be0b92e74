"""Runs that earlier versions made are read, shown, exported and taken up; those of newer ones are refused."""

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

import synth
from flows.cli import app
from synth import migrations
from synth.columns import SCHEMA_VERSION
from synth.errors import StoreError
from synth.report import manifests
from synth.sample import sample_folder
from synth.schemas import TABLES
from synth.settings import load
from synth.store import StageStore
from synth.view.app import create

GOLDEN = Path(__file__).parent / "golden"
OLD = ("first", "readers")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in OLD:
        with tarfile.open(GOLDEN / "runs" / f"{name}.tar.xz") as archive:
            archive.extractall(tmp_path / "data" / "runs", filter="data")
    return tmp_path / "data" / "runs"


def rename_version(run: Path, version: int) -> None:
    for path in run.rglob("_manifest.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": version}))


@pytest.mark.parametrize("name", OLD)
def test_tables_of_older_runs_are_tables_of_today(runs: Path, name: str) -> None:
    before = {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()}
    found = manifests(runs / name)
    assert len(found) == 8 and {m.schema_version for m in found.values()} == {1}
    for table, spec in TABLES.items():
        for stage in [spec.stage] if spec.stage else found:
            if stage in found:
                rows = StageStore(runs / name, stage).read(table)
                assert rows.schema.names == spec.schema.names and rows.schema.types == spec.schema.types
                nulls = [c.name for c in spec.columns if not c.nullable and rows[c.name].null_count]
                assert nulls == [], table
    answers = StageStore(runs / name, "answers").read("answers")
    assert set(answers["mode"].to_pylist()) == {"single"} and set(answers["samples"].to_pylist()) == {1}
    assert {path: path.read_bytes() for path in runs.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", OLD)
def test_older_runs_are_looked_at_and_exported(runs: Path, name: str) -> None:
    row = synth.load(runs / name, "dataset")["id"][0]
    commands = (
        (["status", name], "finished"),
        (["stats", name], "Tokens and cost"),
        (["explain", name, row], "passage"),
        (["export", name, "--format", "sft", "--out", "rows.jsonl"], "Wrote 19 rows"),
        (["compare", "first", "readers"], "in both, equal"),
    )
    for command, said in commands:
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0 and said in done.output, f"{command}\n{done.output}"
    assert len(Path("rows.jsonl").read_text().splitlines()) == 19


def test_older_runs_are_shown(runs: Path) -> None:
    with TestClient(create(runs), base_url="http://127.0.0.1") as client:
        for name in OLD:
            for page in (
                "",
                "/t/answers",
                "/t/passages/row/0",
                "/t/dataset/row/0",
                "/stats",
                "/graph",
                "/progress",
            ):
                assert client.get(f"/d/{name}{page}").status_code == 200, page


def test_an_older_run_is_taken_up_as_if_it_were_made_today(runs: Path, tmp_path: Path) -> None:
    documents = tmp_path / "notes"
    documents.mkdir()
    for name in ("conservation-of-energy.md", "linear-equations.md", "derivatives.txt"):
        shutil.copy(sample_folder() / "documents" / name, documents)
    config = load(str(runs / "readers" / "run.toml"), [str(documents)])
    said: dict[str, str] = {}
    resumed = synth.run(config, name="readers", runs=runs, explain=said.__setitem__)
    assert said["documents"].startswith("Reused")
    assert said["concepts"].startswith("Computed anew, as what the code of this stage makes")
    assert said["screen"].startswith("Computed anew, as what the code of this stage makes")
    fresh = synth.run(config, name="fresh", runs=runs)
    sums = [
        (folder / "checksums.sha256").read_text().splitlines() for folder in (resumed.dataset, fresh.dataset)
    ]
    # The first ones did not count the calls of a part, so their costs are unknown.
    assert {line.split()[1] for line in set(sums[0]) ^ set(sums[1])} == {"README.md", "stats.json"}
    versions = {stage: m.schema_version for stage, m in manifests(resumed.folder).items()}
    assert versions["documents"] == 1 and versions["dataset"] == SCHEMA_VERSION


def test_a_newer_run_is_refused_in_one_sentence_and_left_alone(runs: Path) -> None:
    rename_version(runs / "first", SCHEMA_VERSION + 1)
    settings = (runs / "first" / "run.toml").read_bytes()
    with pytest.raises(StoreError, match=r"newer synth \(tables of version \d+; this one knows up to \d+\)"):
        synth.run(load(str(runs / "first" / "run.toml"), [str(runs)], "fake"), name="first", runs=runs)
    assert (runs / "first" / "run.toml").read_bytes() == settings
    done = CliRunner().invoke(app, ["status", "first"])
    assert done.exit_code == 1 and "newer synth" in " ".join(done.output.split())


def test_a_newer_manifest_of_another_shape_is_not_called_damaged(runs: Path) -> None:
    path = runs / "first" / "01_documents" / "_manifest.json"
    path.write_text(json.dumps({"schema_version": SCHEMA_VERSION + 1, "pieces": {}}))
    with pytest.raises(StoreError, match="newer synth"):
        StageStore(runs / "first", "documents").manifest()


def test_a_newer_part_is_refused(runs: Path) -> None:
    path = next((runs / "first" / "05_questions").glob("*.parquet"))
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.replace_schema_metadata({migrations.VERSION: b"99"}), path)
    with pytest.raises(StoreError, match="newer synth"):
        StageStore(runs / "first", "questions").read("questions")


def test_steps_are_numbered_without_gaps_and_end_at_this_version() -> None:
    assert [step.to for step in migrations.STEPS] == list(range(2, SCHEMA_VERSION + 1))
    assert all(set(step.tables) <= set(TABLES) for step in migrations.STEPS)


def test_a_table_of_this_version_is_handed_back_as_it_is() -> None:
    table = TABLES["answers"].schema.empty_table()
    assert migrations.table_of("answers", table, "here") is table


def test_steps_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def named(name: str) -> Callable[[pa.Table], pa.Table]:
        return lambda table: table.append_column(name, pa.array([table.num_columns]))

    steps = tuple(migrations.Step(to, "", {"answers": named(f"c{to}")}) for to in (2, 3, 4))
    monkeypatch.setattr(migrations, "STEPS", steps)
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", 4)
    table = pa.table({"a": [1]}).replace_schema_metadata({migrations.VERSION: b"2"})
    assert migrations.table_of("answers", table, "here").to_pylist() == [{"a": 1, "c3": 1, "c4": 2}]
    assert migrations.table_of("questions", table, "here").to_pylist() == [{"a": 1}]


def test_a_changed_table_has_a_new_version() -> None:
    """Written anew by `python -m tests.test_migrations`, with a step in synth/migrations.py."""
    known = json.loads((GOLDEN / "tables.json").read_text())
    hint = (
        "raise SCHEMA_VERSION, add a step to synth/migrations.py, then run `python -m tests.test_migrations`"
    )
    assert known == today(), hint


def today() -> dict[str, object]:
    columns = {name: {field.name: f"{field.type}{'?' * field.nullable}" for field in spec.schema}
               for name, spec in TABLES.items()}  # fmt: skip
    return {"schema_version": SCHEMA_VERSION, "tables": columns}


if __name__ == "__main__":
    (GOLDEN / "tables.json").write_text(json.dumps(today(), indent=1) + "\n")


@pytest.mark.parametrize("said", [b"abc", b"2.0", b"-1", b"\xff\xfe", b"9" * 5000, b""])
def test_a_table_with_a_version_that_is_no_number_is_a_sentence(runs: Path, said: bytes) -> None:
    store = StageStore(runs / "first", "documents")
    path = next(store.folder.glob("part-*.parquet"))
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({migrations.VERSION: said}), path)
    with pytest.raises(StoreError, match=r"part-\S+ says no version that could be read; run the same"):
        store.read("documents")
