"""The suites can be imported, the peers' scripts compile, and the long ones hold at a tiny size."""

import ast
import os
import sys
import time
from pathlib import Path

import pytest

import benchmarks.__main__ as bench
from benchmarks import replay, soak, weaknesses
from benchmarks.peers import suite, tree

PEERS = sorted(Path(suite.__file__).parent.glob("*.py"))


def test_every_suite_has_figures() -> None:
    assert all(callable(module.figures) for module in bench.SUITES.values())


@pytest.mark.parametrize("path", PEERS, ids=lambda path: path.name)
def test_the_scripts_of_peers_compile(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)


def test_each_contender_has_its_script() -> None:
    scripts = {path.stem for path in PEERS}
    assert {one.module for one in suite._contenders()} <= scripts


def test_a_missing_peer_is_named_and_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTH_BENCH_PEERS", str(tmp_path))
    peer = list(suite._contenders())[-1]
    assert "pip install" in suite._version(peer)
    figure = suite._measured(peer, 10)
    assert figure.cost is None
    assert "not installed" in figure.cells([figure])[0]


def test_ours_writes_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "LATENCY", ("--latency", "0.01"))
    monkeypatch.setattr(suite, "SLOTS", 16)
    figure = suite._measured(next(iter(suite._contenders())), 50)
    assert (figure.rows, figure.requests, figure.note) == (50, 50, "")
    assert figure.cost is not None
    assert figure.cost.cpu_s > 0


SLOW = """
import pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
child.wait()
"""


def test_what_is_too_slow_is_ended_with_its_children(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SLOW, str(tmp_path / "child")]
    cost = tree.cost_of(command, dict(os.environ), tmp_path / "log", 1.5)
    assert cost.ended is None
    child = Path("/proc", (tmp_path / "child").read_text(), "stat")
    for _ in range(100):  # it may still be on its way out
        if not child.exists() or child.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("a child of what was ended still runs")


def test_a_soak_accounts_for_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "TIMEOUT_S", 8.0)  # no answer takes so long on a busy machine
    found = soak.measure(200, 0.2)
    assert found.server["distinct"] == 200
    assert found.client["unconfirmed"] > 0


def test_a_finished_run_asks_nothing() -> None:
    (found,) = replay.figures(300)
    assert (found.calls, found.requests) == (300, 0)


@pytest.mark.parametrize("shape", ["attempts", "answers", "visits"])
def test_logs_of_all_shapes_are_scored(shape: str) -> None:
    figure = weaknesses.measure(shape, shape, 20)
    assert figure.rows == 20 * weaknesses.VISITS * (1 if shape == "visits" else weaknesses.SAMPLES)
    assert figure.seconds > 0 and figure.megabytes > 0
