"""What a large run leaves for the viewer: the same figures that a page would have worked out."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from synth.publish import figures
from synth.view import profile
from tests.view.pages import Page


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "LARGE", 5)


def copied(runs: Path, to: Path) -> Path:
    shutil.copytree(runs / "plain", to / "plain", ignore=shutil.ignore_patterns("view"))
    return to / "plain"


def test_a_large_run_leaves_its_figures(
    opened: Callable[..., TestClient],
    runs: Path,
    tmp_path: Path,
    large: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = copied(runs, tmp_path / "runs")
    figures.for_viewer(run, run / "dataset")
    assert {path.name.partition("-")[0] for path in (run / "view").iterdir()} == {"spread", "graph"}
    plain = opened(copied(runs, tmp_path / "other").parent).get("/d/plain/stats").text
    # With the figures there, no page works them out.
    monkeypatch.setattr(profile, "heads", None)
    client = opened(tmp_path / "runs")
    assert Page(client.get("/d/plain/stats").text).text.split() == Page(plain).text.split()
    assert client.get("/d/plain/t/dataset").status_code == client.get("/d/plain/graph").status_code == 200


def test_the_same_run_leaves_the_same_bytes(runs: Path, tmp_path: Path, large: None) -> None:
    told = []
    for name in ("a", "b"):
        run = copied(runs, tmp_path / name)
        figures.for_viewer(run, run / "dataset")
        told.append([path.read_bytes() for path in sorted((run / "view").glob("graph-*"))])
        spread = next(
            (run / "view").glob("spread-*")
        )  # named by where the files lie, and when they were made
        told[-1].append(json.dumps(json.loads(spread.read_bytes()), sort_keys=True).encode())
    assert told[0] == told[1]


def test_a_small_run_leaves_nothing_and_a_fault_stops_no_run(runs: Path, tmp_path: Path) -> None:
    run = copied(runs, tmp_path)
    figures.for_viewer(run, run / "dataset")
    assert not (run / "view").exists()
    next((run / "dataset" / "questions").iterdir()).write_bytes(b"no Parquet")
    figures.for_viewer(run, run / "dataset")
    assert not (run / "view").exists()
