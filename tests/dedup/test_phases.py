"""The steps over files: the same results as in one piece, however they are cut, and after a kill."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth.config_dedup import DedupConfig
from synth.dedup import job, phases
from synth.dedup.deduplicate import Summary, deduplicate
from synth.dedup.tables import options_of
from synth.errors import ConfigError
from tests.dedup.made import edited

ROWS = [{"id": f"{place:04d}", "question": text} for place, text in enumerate(edited(3, 1_200))]


def put(folder: Path, *sizes: int, rows: list[dict[str, Any]] = ROWS) -> list[Path]:
    """The rows, cut into tables."""
    folder.mkdir()
    paths, first = [], 0
    for number, size in enumerate(sizes):
        paths.append(folder / f"{number}.jsonl")
        paths[-1].write_text("".join(json.dumps(row) + "\n" for row in rows[first : first + size]))
        first += size
    assert first == len(rows)
    return paths


def told(**more: Any) -> dict[str, Any]:
    made = DedupConfig(inputs=("x",), out="x", id="id", shingle=3, **more)
    return made.model_dump(mode="json", exclude={"inputs", "out"})


def in_steps(paths: list[Path], out: Path, **more: Any) -> Summary:
    folder = job.begin(paths, out, told(**more))
    for number in reversed(range(len(paths))):
        phases.measure(folder, number)
    for band in range(phases.bands_of(folder)):
        phases.link(folder, band)
    for number in range(phases.group(folder)):
        phases.choose(folder, number)
    done = phases.end(folder)
    job.remove(folder)
    return done


def in_one(paths: list[Path], out: Path, **more: Any) -> Summary:
    return deduplicate(paths, out, options_of(**told(**more)))


def content(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("*.parquet")}


def placeless(path: Path) -> pa.Table:
    """A table without where its rows stood, which differs with how they were cut."""
    table = pq.read_table(path)
    return table.drop_columns([name for name in ("in_file", "in_row") if name in table.column_names])


def counts(done: Summary) -> dict[str, Any]:
    return {name: value for name, value in done._asdict().items() if not name.endswith("_path")}


@pytest.mark.parametrize("more", [{}, {"twins": "remove", "threshold": 0.6}, {"memory_rows": 1_000}])
def test_steps_write_what_one_machine_writes(tmp_path: Path, more: dict[str, Any]) -> None:
    one = in_one(put(tmp_path / "one", 1_200), tmp_path / "a", **more)
    assert one.removed > 300
    paths = put(tmp_path / "seven", 10, 500, 1, 300, 89, 200, 100)
    many = in_steps(paths, tmp_path / "b", **more)
    for name in content(tmp_path / "a"):  # cut into other groups of rows
        one_file, tables = (placeless(tmp_path / out / name) for out in ("a", "b"))
        assert one_file.equals(tables)
    assert counts(one) == counts(many)
    assert not list((tmp_path / "b").glob(".dedup-*"))


def test_steps_and_the_index(tmp_path: Path) -> None:
    first, second = put(tmp_path / "in", 500, 700)
    for steps, name in ((in_one, "a"), (in_steps, "b")):
        index = str(tmp_path / f"index {name}")
        steps([first], tmp_path / f"{name}1", index=index)
        done = steps([second], tmp_path / f"{name}2", index=index)
        assert done.known > 50
    assert content(tmp_path / "a2") == content(tmp_path / "b2")
    names = [{p.name for p in (tmp_path / f"index {name}/segments").iterdir()} for name in "ab"]
    assert names[0] == names[1]


def test_what_was_done_is_not_done_again(tmp_path: Path) -> None:
    paths = put(tmp_path / "in", 600, 600)
    index, out = str(tmp_path / "index"), tmp_path / "out"
    folder = job.begin(paths, out, told(index=index))
    phases.measure(folder, 0)
    (folder / "tables" / ".00001.tmp").mkdir()  # a step that was killed
    made = (folder / "tables" / "00000" / "meta.json").stat().st_mtime_ns
    assert job.begin(paths, out, told(index=index, tasks=7)) == folder  # whoever works, it is the same job
    phases.measure(folder, 0)
    phases.measure(folder, 1)
    assert (folder / "tables" / "00000" / "meta.json").stat().st_mtime_ns == made
    in_steps(paths, out, index=index)
    before = content(out)
    with pytest.raises(ConfigError, match="exists already"):
        job.begin(paths, out, told(index=index))
    # As if it had been killed at the very end: the results are there, and the index has their rows.
    assert job.begin(paths, out, told(index=index, force=True)) == folder
    assert in_steps(paths, out, index=index).known == 0
    assert content(out) == before


def test_other_tables_or_settings_are_another_job(tmp_path: Path) -> None:
    paths = put(tmp_path / "in", 600, 600)
    folders = {job.begin(paths, tmp_path, told())}
    folders.add(job.begin(paths, tmp_path, told(threshold=0.8)))
    folders.add(job.begin(paths[:1], tmp_path, told()))
    paths[0].write_text('{"id": "a", "question": "b"}\n')
    folders.add(job.begin(paths, tmp_path, told()))
    assert len(folders) == 4


def test_steps_tell_files_of_one_name_apart(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    paths = [tmp_path / folder / "train.jsonl" for folder in ("x", "y")]
    for path in paths:
        path.write_text('{"question": "How far does a train travel in 2 hours?"}')
    settings = {**told(), "id": None}
    folder = job.begin(paths, tmp_path / "out", settings)
    for number in range(2):
        phases.measure(folder, number)
    for band in range(phases.bands_of(folder)):
        phases.link(folder, band)
    for number in range(phases.group(folder)):
        phases.choose(folder, number)
    phases.end(folder)
    (row,) = pq.read_table(tmp_path / "out" / "removed.parquet").to_pylist()
    assert (row["dup_of"], row["in_file"], row["in_row"]) == ("x/train.jsonl:1", "y/train.jsonl", 1)
