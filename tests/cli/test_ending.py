"""What is said at the end of a run: why rows fell out, which calls failed, and what became of the server."""

from pathlib import Path

import pytest

from flows.commands import ending
from flows.commands.ending import next_commands
from flows.commands.serve import repair
from flows.work import Done
from synth.report import FunnelRow

URL = "http://127.0.0.1:4200/runs/flow-run/x"
REASONS = {"call_failed": 2, "duplicate": 5, "empty": 1, "proof": 3}


def done(folder: Path, reasons: dict[str, int], url: str | None = None) -> Done:
    row = FunnelRow("screen", 20, 9, 9, sum(reasons.values()), reasons, 0)
    return Done(folder, folder / "dataset", [row], url)


def test_the_commonest_reasons_and_failed_calls_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ending.show_yield(done(tmp_path, REASONS))
    told = capsys.readouterr().out
    assert "Rejected: 11 (duplicate 5, proof 3, call_failed 2, …)." in told
    assert "2 rows fell out as their calls failed; the same command asks for them again." in told


def test_where_nothing_fell_nothing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ending.show_yield(done(tmp_path, {}))
    told = capsys.readouterr().out
    assert "Rejected:" not in told
    assert "calls failed" not in told


def test_a_server_that_stays_is_told_with_the_way_to_stop_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("flows.server.is_healthy", lambda url: asked.append(url) or True)
    monkeypatch.setattr("flows.server.started_here", lambda: 4711)
    ending.show_places(done(tmp_path, {}, URL))
    assert asked == ["http://127.0.0.1:4200/api"]
    told = capsys.readouterr().out
    assert URL in told
    assert "kill 4711" in told
    monkeypatch.setattr("flows.server.started_here", lambda: None)  # somebody else's
    ending.show_places(done(tmp_path, {}, URL))
    assert "kill" not in capsys.readouterr().out


def test_no_page_of_a_stopped_server_is_offered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.server.is_healthy", lambda url: False)
    ending.show_places(done(tmp_path, {}, URL))
    assert "http" not in capsys.readouterr().out


def test_the_server_is_stopped_also_where_the_run_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[bool] = []
    monkeypatch.setattr("flows.server.stop_server", lambda: stopped.append(True) or True)
    with pytest.raises(OSError, match="full"), ending.server_stopped(True):
        raise OSError("full")
    with ending.server_stopped(False):
        pass
    assert stopped == [True]


def test_where_no_row_came_through_there_is_none_to_explain_or_export(tmp_path: Path) -> None:
    assert [line.split()[1] for line in next_commands(tmp_path, None)] == ["view", "stats"]
    assert [line.split()[1] for line in next_commands(tmp_path, "x")] == [
        "view",
        "stats",
        "explain",
        "export",
    ]


def test_repair_with_nothing_left_starts_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    repair()
    assert "was left behind" in capsys.readouterr().out
    assert not (tmp_path / "prefect").exists()
