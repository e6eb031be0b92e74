"""A firing that is killed at any instant: the next makes it good, nothing is counted twice, `latest` is whole."""

import shutil
import signal
from pathlib import Path

import pytest

import synth
from synth.incremental.store import records
from synth.versions import latest
from tests.children import Child
from tests.incremental.feeds import config, put
from tests.test_versions import is_whole

# Kills itself at the n-th thing that it does to the store or to the published dataset.
KILLED = """
import os, signal, sys
from pathlib import Path
import synth
from tests.incremental.feeds import config
home, feed, at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
os.environ["SYNTH_HOME"] = str(home)
DEEDS = {"os.mkdir", "os.rename", "os.remove", "os.chmod"}
places, done = (str(home / "stores"), str(home / "datasets")), 0
def hook(event, args):
    global done
    if event in DEEDS and any(str(arg).startswith(places) for arg in args):
        done += 1
        if done == at:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
synth.take_new(config(feed), runs=home / "runs")
"""


@pytest.mark.slow
def test_killed_at_every_instant_after_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feed, before = put(tmp_path / "feed", "energy.md"), tmp_path / "before"
    monkeypatch.setenv("SYNTH_HOME", str(before))
    fired = synth.take_new(config(feed), runs=before / "runs")
    assert fired.version is not None
    whole = {p.name: p.read_bytes() for p in fired.version.folder.rglob("*.parquet")}
    for folder in ("stores", "datasets"):
        shutil.rmtree(before / folder)  # as it stood when the run had just ended
    kills = 0
    for at in (1, 4, 8, 13, 20, 30):
        home = shutil.copytree(before, tmp_path / f"h{at}")
        monkeypatch.setenv("SYNTH_HOME", str(home))
        ended = Child(KILLED, home, feed, at).wait()
        assert ended in (0, -signal.SIGKILL)
        place = home / "datasets" / "notes"
        assert all(is_whole(version) for version in place.glob("v*"))
        assert latest(place) in (None, place / "v0001")
        synth.take_new(config(feed), runs=home / "runs")
        assert latest(place) == place / "v0001"
        assert {p.name: p.read_bytes() for p in (place / "v0001").rglob("*.parquet")} == whole
        assert [record.run for record in records(home / "stores" / "notes")] == ["notes-0001"]
        assert not list(home.rglob(".*.tmp"))
        if ended == 0:
            break
        kills += 1
    assert kills >= 3
