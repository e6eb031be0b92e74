"""A server is found, started, found again, and ended; nothing else is."""

import json
import os
import sys
import urllib.request
from pathlib import Path

import pytest

from flows.server import ensure_server, log_file, run_url, stop_server
from synth.errors import SynthError


@pytest.fixture
def no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where no server was started; the folder."""
    home = tmp_path / "prefect"
    monkeypatch.setenv("PREFECT_HOME", str(home))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return home


@pytest.mark.flows
def test_a_server_that_was_started_is_found_again(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL")
    said: list[str] = []
    assert ensure_server(said.append) == server
    assert os.environ["PREFECT_API_URL"] == server
    assert said == []


@pytest.mark.flows
def test_a_server_that_the_environment_names_is_used(
    server: str, no_server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", server)
    assert ensure_server() == server
    assert list(no_server.iterdir()) == []


@pytest.mark.flows
def test_pages_are_told_the_right_address_and_other_sites_may_not_read(server: str) -> None:
    with urllib.request.urlopen(server.removesuffix("/api") + "/ui-settings", timeout=10) as answer:
        assert json.load(answer)["api_url"] == server
    request = urllib.request.Request(f"{server}/health", headers={"Origin": "https://evil.example"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["access-control-allow-origin"] is None


@pytest.mark.flows
def test_the_page_of_a_run_is_served(server: str) -> None:
    page = run_url(server, "00000000-0000-0000-0000-000000000000")
    request = urllib.request.Request(page, headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert b"<html" in answer.read().lower()


def test_a_server_elsewhere_that_does_not_answer_is_a_fault(
    no_server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.invalid/api")
    with pytest.raises(SynthError, match=r"^No Prefect server answers at http://prefect.invalid/api; .*\.$"):
        ensure_server()


def test_a_server_that_ends_at_once_is_a_fault_that_names_its_log(
    no_server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(SynthError, match="ended at once") as fault:
        ensure_server()
    assert str(log_file()) in str(fault.value)
    assert log_file().exists()
    assert not stop_server()


def test_a_folder_that_cannot_be_written_is_a_fault(no_server: Path) -> None:
    no_server.write_text("a file stands here")
    with pytest.raises(SynthError, match="Cannot start a Prefect server in"):
        ensure_server()


def test_a_process_that_is_not_ours_is_never_ended(no_server: Path) -> None:
    no_server.mkdir()
    left_behind = {"pid": os.getpid(), "url": "http://127.0.0.1:1/api", "version": "0"}
    (no_server / "synth-server.json").write_text(json.dumps(left_behind))
    assert not stop_server()
