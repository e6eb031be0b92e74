"""One Prefect server for all tests of flows, started and stopped by our own code, in a folder of its own.

It ends with the last of them, as one that nobody asks has work to do as well.
"""

import json
import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from flows.server import ensure_server, is_healthy, stop_server

# A server over SQLite says so while its database is locked; Prefect's own client asks again as well.
BUSY, TRIES = 503, 5


def ask(api_url: str, path: str, **body: Any) -> Any:
    """What the server answers to a filter."""
    for _ in range(TRIES - 1):
        try:
            return _ask(api_url, path, body)
        except HTTPError as fault:
            if fault.code != BUSY:
                raise
            time.sleep(1)
    return _ask(api_url, path, body)


def _ask(api_url: str, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        api_url + path, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@pytest.fixture(scope="package")
def server_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "prefect"


@pytest.fixture(scope="package")
def running_server(server_home: Path) -> Iterator[str]:
    """The API address of a server."""
    from prefect.context import refresh_global_settings_context

    before = dict(os.environ)
    try:
        os.environ.pop("PREFECT_API_URL", None)
        os.environ.update(PREFECT_HOME=str(server_home), PREFECT_SERVER_API_PORT="0")
        api_url = ensure_server()
        # It reads its settings when it is imported. Its threads know no others, and without an address they
        # would start a server of their own.
        refresh_global_settings_context()
        yield api_url
        assert stop_server()
        assert not is_healthy(api_url)
        assert not stop_server()
    finally:
        os.environ.clear()
        os.environ.update(before)
        refresh_global_settings_context()


@pytest.fixture
def server(running_server: str, server_home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same, for a test that looks for it in the environment."""
    monkeypatch.setenv("PREFECT_HOME", str(server_home))
    monkeypatch.setenv("PREFECT_API_URL", running_server)
    return running_server


@pytest.fixture(scope="package")
def runs_of(running_server: str) -> Callable[[str], list[dict[str, Any]]]:
    """Flow runs of a name, the newest first."""

    def find(name: str) -> list[dict[str, Any]]:
        wanted = {"name": {"any_": [name]}}
        found = ask(running_server, "/flow_runs/filter", flow_runs=wanted, sort="START_TIME_DESC")
        return list(found)

    return find
