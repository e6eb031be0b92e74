"""Prefect over a real PostgreSQL: migrations, a run from the command line, and the database restarted in mid-run."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.server import stop_server
from synth.report import manifests
from tests import corpus
from tests.endpoints import FakeEndpoint
from tests.flows.served import command, until
from tests.services.postgres import Postgres
from tests.test_kill import contents

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]
# While calls wait that long, the database goes and comes back.
LATENCY_SECONDS, DOWN_SECONDS = 12, 6


@pytest.fixture
def own_server(database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What a person sets for a server over PostgreSQL; ends the server that the run starts. Its folder."""
    home = tmp_path / "prefect"
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(home))
    monkeypatch.setenv("PREFECT_SERVER_API_PORT", "0")
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", database.url)
    yield home
    stop_server()


def arguments(documents: Path, url: str, extractor: str, *more: str) -> list[str]:
    """A small run; the calls of its second stage go to an endpoint of their own, under the same identity."""
    entry = {"model": '"fake"', "structured": '"json_schema"', "identity": '"far"'}
    far = {f"models.far.{key}": value for key, value in {"base_url": f'"{url}"', **entry}.items()}
    other = {f"models.other.{key}": value for key, value in {"base_url": f'"{extractor}"', **entry}.items()}
    few = {"combinations.level2": "off", "combinations.level3": "off", "part_rows": "3"}
    sets = {**far, **other, **few, "screen.benchmarks": "[]", "roles.extractor": "other"}
    told = [part for name, value in sets.items() for part in ("--set", f"{name}={value}")]
    return ["run", "synthllm-recommended", "--documents", str(documents), "--model", "far", *told, *more]


@pytest.mark.slow
def test_a_run_over_a_database_that_is_restarted(
    database: Postgres, own_server: Path, start_fake: Callable[..., FakeEndpoint], tmp_path: Path
) -> None:
    documents, said = corpus.write(tmp_path / "documents"), tmp_path / "said"
    quick, slow = start_fake(), start_fake("--latency", str(LATENCY_SECONDS))
    with command(
        *arguments(documents, quick.url, quick.url, "--name", "plain", "--no-ui"), said=said
    ) as process:
        assert process.wait(timeout=120) == 0, said.read_text()

    with command(*arguments(documents, quick.url, slow.url, "--name", "disturbed"), said=said) as process:
        until(lambda: process.poll() is not None or slow.stats()["in_flight"] > 0, "calls under way")
        database.stop()
        time.sleep(DOWN_SECONDS)
        database.start()
        process.wait(timeout=600)
    assert process.returncode == 0, said.read_text()
    assert contents(tmp_path / "data/runs/disturbed/dataset") == contents(
        tmp_path / "data/runs/plain/dataset"
    )
    assert slow.stats()["repeated"] == 0

    states = dict(database.asked("select name, state_name from flow_run"))
    stages = [name for name in states if name not in ("disturbed", "the dataset")]
    assert len(stages) == len(manifests(tmp_path / "data/runs/disturbed"))
    assert set(states.values()) == {"Completed"}
    assert not list(own_server.glob("*.db"))  # nothing went to SQLite
    shown = {key for (key,) in database.asked("select key from artifact")}
    assert {"funnel", "data-card", "dataset"} <= shown
    for leak in (said, own_server / "synth-server.log", own_server / "synth-server.json"):
        assert database.url.split(":")[2].split("@")[0] not in leak.read_text()
