"""A real run for the viewer, made once, with judges, votes and a student; and a client of the application."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import synth
from synth.view.app import create
from tests import corpus

MORE = (
    'roles.judge=["fake"]',
    'roles.student="fake"',
    'answers.mode="vote"',
    "combinations.epochs=1",
    "difficulty.attempts=4",
)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs: `plain`, and `rich` with votes, verdicts and attempts."""
    home = tmp_path_factory.mktemp("viewed")
    documents = corpus.write(home / "documents")
    twin = next(path for path in sorted(documents.iterdir()) if path.is_file())
    (documents / "twin.txt").write_text(twin.read_text())  # so that there is a row that clashed with another
    before = Path.cwd()
    os.chdir(home)
    try:
        for name, more in (("plain", MORE[3:4]), ("rich", MORE)):
            config = synth.recipe(
                "synthllm-recommended", documents=[str(documents)], model="fake", overrides=more
            )
            synth.run(config, name=name, runs=home / "runs")
    finally:
        os.chdir(before)
    return home / "runs"


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))


@pytest.fixture
def opened(caches: None, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., TestClient]]:
    """Opens a viewer of any place; closed afterwards. Faults that nobody foresaw fail the test."""
    clients: list[TestClient] = []

    def open_place(place: Path, **more: object) -> TestClient:
        app = create(place, **more)  # type: ignore[arg-type]
        clients.append(TestClient(app, base_url="http://127.0.0.1", follow_redirects=False))
        return clients[-1]

    yield open_place
    for client in clients:
        client.app.state.site.close()  # type: ignore[attr-defined]
    assert not [one.getMessage() for one in caplog.get_records("call") if one.name == "synth.view.app"]


@pytest.fixture
def client(opened: Callable[..., TestClient], runs: Path) -> TestClient:
    """A client of a viewer of both runs."""
    return opened(runs)
