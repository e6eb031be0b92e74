"""`synth run --store`: what is new, and nothing else; a firing with nothing new ends well and says so."""

import shutil
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

Synth = Callable[..., Result]


def test_a_store_takes_what_is_new(synth: Synth, home: Path, documents: Path, tmp_path: Path) -> None:
    feed = shutil.copytree(documents, tmp_path / "feed")
    held = (feed / "waves.txt").rename(tmp_path / "waves.txt")
    asked = ("run", "synthllm-recommended", "--documents", feed, "--model", "fake", "--store", "notes")
    few = ("--set", "combinations.max_level3=2", "--set", "combinations.level2=off", "--no-ui")
    done = synth(*asked, *few)
    assert done.exit_code == 0, done.output
    assert "2 files taken by notes-0001; all runs of the store published as notes v0001." in done.stdout
    assert "synth view" in done.stdout.split("rows of all runs of the store")[1]
    assert str(home / "datasets/notes/v0001/questions") in done.stdout
    held.rename(feed / "waves.txt")
    dry = synth(*asked, *few, "--dry-run")
    assert "1 file not seen before; the run would be" in dry.stdout
    assert not (home / "runs/notes-0002").exists()
    assert "1 file taken by notes-0002" in synth(*asked, *few).stdout
    last = synth(*asked, *few)
    assert last.exit_code == 0
    assert "Nothing new, as every file was seen before; notes v0002 stays." in last.stdout
    assert "Nothing new" in synth(*asked, *few, "--dry-run").stdout
    assert (home / "datasets/notes/latest").read_text() == "v0002\n"


def test_runs_of_a_store_have_no_name_of_ones_own(synth: Synth, home: Path, documents: Path) -> None:
    asked = ("run", "synthllm-recommended", "--documents", documents, "--model", "fake", "--store", "notes")
    for option in (("--name", "mine"), ("--rounds", "1")):
        done = synth(*asked, *option)
        assert done.exit_code == 2
        assert f"{option[0]}: runs of a store are named" in done.stderr
