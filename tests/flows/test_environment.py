"""Settings are there before Prefect is, and the user's own win."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.environment import prefect_home, prepare, settings


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "DO_NOT"))}
    monkeypatch.setattr(os, "environ", kept)


def test_telemetry_is_off() -> None:
    prepare()
    assert os.environ["DO_NOT_TRACK"] == "1"
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


def test_all_pinned_settings_are_set_unless_the_user_has_set_them() -> None:
    os.environ["PREFECT_SERVER_API_PORT"] = "4711"
    prepare()
    wanted = {**settings(), "PREFECT_SERVER_API_PORT": "4711"}
    assert {name: os.environ[name] for name in wanted} == wanted


def test_prefect_keeps_its_database_beside_the_runs(tmp_path: Path) -> None:
    os.environ["SYNTH_HOME"] = str(tmp_path / "here")
    assert prefect_home() == tmp_path / "here" / "prefect"
    os.environ["PREFECT_HOME"] = str(tmp_path / "mine")
    assert prefect_home() == tmp_path / "mine"


@pytest.mark.parametrize(("verbose", "level"), [(False, "CRITICAL"), (True, "INFO")])
def test_prefect_is_quiet_on_the_terminal_unless_asked(verbose: bool, level: str) -> None:
    prepare(verbose)
    assert os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == level


def test_a_proxy_is_not_asked_for_this_machine() -> None:
    os.environ |= {"http_proxy": "http://proxy.invalid:3128", "no_proxy": "intranet"}
    prepare()
    prepare()
    assert os.environ["no_proxy"] == "intranet,127.0.0.1,localhost"


def test_prefect_is_not_imported_by_what_prepares_for_it() -> None:
    code = "import sys, flows.server; flows.server.prepare(); assert 'prefect' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
