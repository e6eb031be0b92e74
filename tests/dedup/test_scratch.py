"""What a killed command leaves in the folder of results and in the index is removed by the next one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from synth.dedup.deduplicate import Progress, Summary, deduplicate
from synth.dedup.plan import SCRATCH, scratch_in
from synth.dedup.tables import options_of
from synth.errors import StoreError
from tests.dedup.made import edited
from tests.dedup.test_phases import told

KILLED = """
import os, signal, sys
from pathlib import Path
from tests.dedup.test_scratch import run
run(Path(sys.argv[1]), lambda rows: rows > 200 and os.kill(os.getpid(), signal.SIGKILL))
"""


def run(home: Path, progress: Progress = lambda rows: None) -> Summary:
    asked = told(index=str(home / "index"), force=True) | {"id": None, "memory_rows": 100}
    paths = sorted(home.glob("*.jsonl"))
    return deduplicate(paths, home / "out", options_of(**asked), progress)


def test_a_killed_command_leaves_nothing_for_good(tmp_path: Path) -> None:
    rows = [json.dumps({"question": text}) + "\n" for text in edited(3, 400)]
    for name, half in (("a", rows[:200]), ("b", rows[200:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(half))
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, cwd=Path(__file__).parents[2])
    scratch = tmp_path / "out" / SCRATCH
    assert (scratch / "shard-00000").is_dir()
    run(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    (segment,) = (tmp_path / "index" / "segments").iterdir()
    for path in (
        segment / ".rows.parquet.1-2.tmp",
        tmp_path / "index" / ".manifest.json.1-2.tmp",
        tmp_path / "out" / ".kept.parquet.1-2.tmp",
    ):
        path.write_bytes(b"half of it")
    run(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
    assert not scratch.exists()


def test_one_command_at_a_time_writes_into_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"question": "one two three"}\n')
    (tmp_path / "out").mkdir()
    with (
        scratch_in(tmp_path / "out") as folder,
        pytest.raises(StoreError, match="another process deduplicates into this folder"),
    ):
        (folder / "kept").mkdir()
        run(tmp_path)
    assert run(tmp_path).kept == 1
