"""Questions across the runs of a store: near-equal ones fall, and an index that is lost or half made is no loss."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import synth
from synth.dedup.index import Index
from synth.incremental.remembered import index_of
from synth.schemas import stage_folder
from synth.settings import load
from synth.stages.screen import scheme_of
from tests.incremental.feeds import config, put

# So low a bar that questions about other things are near-equal: single words, a tenth of them shared.
LOOSE = ("screen.shingle_words=1", "screen.bands=128", "screen.rows=1", "screen.threshold=0.1")
STORE = Path("data/stores/notes")


def fallen(run: Path) -> list[str]:
    """The ids of earlier questions that questions of a run repeat."""
    rejected = synth.load(run, "rejected", ["stage", "reason", "detail", "clash_id"])
    mine = rejected[rejected["detail"].str.contains("earlier question", na=False)]
    assert set(mine["stage"]) <= {"screen"} and set(mine["reason"]) <= {"near_duplicate"}
    return list(mine["clash_id"])


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*.parquet"))}


def test_a_question_that_repeats_an_earlier_run_falls(tmp_path: Path) -> None:
    feed, runs = put(tmp_path / "feed", "energy.md", "motion.md"), tmp_path / "runs"
    first = synth.take_new(config(feed, *LOOSE), runs=runs)
    assert not fallen(first.run)
    put(feed, "rates.txt", "lines.md")
    second = synth.take_new(config(feed, *LOOSE), runs=runs)
    published = set(synth.load(first.run, "dataset")["id"])
    assert fallen(second.run)
    assert set(fallen(second.run)) <= published
    made = contents(second.run / "dataset")

    # Killed before it was recorded: nothing is screened against itself, and not a byte is another.
    (tmp_path / STORE / "runs" / "0002.json").unlink()
    shutil.rmtree(tmp_path / "data/datasets/notes/v0002")
    (tmp_path / "data/datasets/notes/latest").write_text("v0001\n")
    again = synth.take_new(config(feed, *LOOSE), runs=runs)
    assert again.run == second.run
    assert contents(again.run / "dataset") == made

    # The index holds nothing that the runs do not have.
    asked = config(feed, *LOOSE)
    folder = index_of(tmp_path / STORE, asked.screen)
    shutil.rmtree(folder)
    synth.take_new(asked, runs=runs)
    assert Index(folder, scheme_of(asked.screen)).sources == ["notes-0001", "notes-0002"]
    shutil.rmtree(second.run / stage_folder("screen"))
    synth.run(load(str(second.run / "run.toml")), name="notes-0002", runs=runs)
    assert contents(second.run / "dataset") == made


def test_another_way_of_measuring_has_an_index_of_its_own(tmp_path: Path) -> None:
    feed, runs = put(tmp_path / "feed", "energy.md"), tmp_path / "runs"
    synth.take_new(config(feed), runs=runs)
    for more in ((), LOOSE):
        asked = config(feed, *more)
        assert synth.take_new(asked, runs=runs).run is None
        assert Index(index_of(tmp_path / STORE, asked.screen), scheme_of(asked.screen)).rows > 0
    assert len(list((tmp_path / STORE / "index").iterdir())) == 2


# Kills itself at the n-th thing that it does to the index of the store.
ROOT = Path(__file__).parents[2]
KILLED = """
import os, signal, sys
from pathlib import Path
import synth
from tests.incremental.feeds import config
from tests.incremental.test_remembered import LOOSE
home, feed, at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
os.environ["SYNTH_HOME"] = str(home)
done = 0
def hook(event, args):
    global done
    if event in {"os.mkdir", "os.rename"} and str(args[0]).startswith(str(home / "stores/notes/index")):
        done += 1
        if done == at:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
synth.take_new(config(feed, *LOOSE), runs=home / "runs")
"""


@pytest.mark.slow
def test_killed_while_the_index_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed, before = put(tmp_path / "feed", "energy.md", "motion.md"), tmp_path / "before"
    monkeypatch.setenv("SYNTH_HOME", str(before))
    synth.take_new(config(feed, *LOOSE), runs=before / "runs")
    put(feed, "rates.txt", "lines.md")
    whole = shutil.copytree(before, tmp_path / "whole")
    monkeypatch.setenv("SYNTH_HOME", str(whole))
    made = contents(synth.take_new(config(feed, *LOOSE), runs=whole / "runs").run / "dataset")
    for at in (1, 4, 5, 6):
        home = shutil.copytree(before, tmp_path / f"h{at}")
        monkeypatch.setenv("SYNTH_HOME", str(home))
        command = [sys.executable, "-c", KILLED, str(home), str(feed), str(at)]
        ended = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})
        assert ended.returncode == -signal.SIGKILL
        fired = synth.take_new(config(feed, *LOOSE), runs=home / "runs")
        assert contents(fired.run / "dataset") == made
        assert not list((home / "stores").rglob(".*.tmp"))
