"""Locks of flow runs: at no instant does a living one look dead, and foreign files are nobody's run."""

import fcntl
import os
from pathlib import Path

import pytest

from flows import alive

RUN = "11111111-1111-1111-1111-111111111111"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(alive, "_folder", lambda: tmp_path / "alive")
    monkeypatch.setattr(alive, "_held", {})
    return tmp_path / "alive"


def test_no_repair_between_making_and_locking_takes_it_for_dead(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = fcntl.flock, list[str]()

    def interrupted(handle: int, wanted: int) -> None:
        if wanted == fcntl.LOCK_EX:
            seen.extend(alive.left_behind())
        real(handle, wanted)

    monkeypatch.setattr(fcntl, "flock", interrupted)
    alive.hold(RUN)
    assert seen == [] and alive.left_behind() == []
    assert [path.name for path in folder.iterdir()] == [f"{RUN}.lock"]
    alive._release()
    assert list(folder.iterdir()) == []


def test_a_file_that_a_repair_removed_is_made_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    (folder / f"{RUN}.lock").touch()  # a killed process left it
    real, left = fcntl.flock, [RUN]

    def interrupted(handle: int, wanted: int) -> None:
        if wanted == fcntl.LOCK_EX and left:
            alive.forget(left.pop())
        real(handle, wanted)

    monkeypatch.setattr(fcntl, "flock", interrupted)
    alive.hold(RUN)
    (handle,) = alive._held.values()
    assert os.fstat(handle).st_ino == (folder / f"{RUN}.lock").stat().st_ino
    assert alive.left_behind() == []
    alive._release()


def test_foreign_files_are_no_flow_runs(folder: Path) -> None:
    folder.mkdir()
    for name in ("notes", RUN):
        (folder / f"{name}.lock").touch()
    assert alive.left_behind() == [RUN]
