"""Two commands at one index: what one has searched no other adds to meanwhile; and where results may not go."""

import json
from pathlib import Path
from typing import Any

import pytest

from synth.dedup import job, phases
from synth.dedup.deduplicate import deduplicate
from synth.dedup.index import Index
from synth.dedup.tables import options_of
from synth.errors import ConfigError, StoreError
from tests.dedup.made import SCHEME, edited, measured
from tests.dedup.test_phases import told as told_with_ids


def told(index: Path) -> dict[str, Any]:
    return told_with_ids(index=str(index)) | {"id": None}


def until_the_end(path: Path, out: Path, index: Path) -> Path:
    """All steps but the last; the folder of the job."""
    folder = job.begin([path], out, told(index))
    phases.measure(folder, 0)
    for band in range(phases.bands_of(folder)):
        phases.link(folder, band)
    for number in range(phases.group(folder)):
        phases.choose(folder, number)
    return folder


def table(folder: Path) -> Path:
    path = folder / "a.jsonl"
    path.write_text("".join(json.dumps({"question": text}) + "\n" for text in edited(3, 60)))
    return path


def test_nobody_adds_while_rows_are_compared(tmp_path: Path) -> None:
    path, index = table(tmp_path), tmp_path / "index"
    refused = []

    def meanwhile(rows: int) -> None:
        with pytest.raises(StoreError, match="another process writes this index"):
            deduplicate([path], tmp_path / "b", options_of(**told(index)))
        refused.append(rows)

    made = options_of(**told(index))
    done = deduplicate([path], tmp_path / "a", made, meanwhile)
    assert refused
    assert not (tmp_path / "b").exists()
    assert done.stored == done.kept == Index(index, SCHEME).rows


def test_steps_end_only_on_the_index_that_they_began_with(tmp_path: Path) -> None:
    path, index = table(tmp_path), tmp_path / "index"
    out = tmp_path / "out"
    folder = until_the_end(path, out, index)
    Index(index, SCHEME).add("other", ["x"], measured(edited(3, 60)[:1]))
    with pytest.raises(StoreError, match="was changed while rows were compared"):
        phases.end(folder)
    assert not list(out.iterdir())
    assert phases.end(until_the_end(path, out, index)).known >= 1  # run again, it sees what was added


@pytest.mark.parametrize("out", ["index", "index/results"])
def test_results_do_not_go_into_the_index(tmp_path: Path, out: str) -> None:
    path, index = table(tmp_path), tmp_path / "index"
    with pytest.raises(ConfigError, match="lies in the index"):
        deduplicate([path], tmp_path / out, options_of(**told(index)))
    with pytest.raises(ConfigError, match="lies in the index"):
        job.begin([path], tmp_path / out, told(index))
    assert not index.exists()


def test_a_file_is_no_index(tmp_path: Path) -> None:
    path = table(tmp_path)
    with pytest.raises(ConfigError, match="this is a file, and an index is a folder"):
        deduplicate([path], tmp_path / "out", options_of(**told(path)))
    assert not (tmp_path / "out").exists()
