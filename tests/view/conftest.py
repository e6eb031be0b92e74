"""A real run for the viewer, made once, with judges, votes and a student; and a client of the application."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import synth
from synth.settings import load
from synth.view.app import create
from tests import corpus, rolled

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


@pytest.fixture(scope="session")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rounds: in the second every third failed problem is solved, and one that was solved is failed."""
    root = tmp_path_factory.mktemp("rounds")
    documents = corpus.write(root / "documents")
    for name in ("one", "two"):
        log = rolled.write(root / f"{name}.jsonl")
        if name == "two":
            rows = [json.loads(line) for line in log.read_text().splitlines()]
            failed = [row for row in rows if row["accuracies"][-1] == 0]
            solved = next(row for row in rows if row["accuracies"][-1] == 1)
            for row in failed[::3]:
                row["accuracies"] = [0.25, 0.5, 0.75, 0.75]
            solved["accuracies"] = [0.5, 0.25, 0.0, 0.0]
            log.write_text("".join(json.dumps(row) + "\n" for row in rows))
        config = load(
            "sws-recommended", [str(documents)], "fake", overrides=["targets.budget=20"], rollouts=[str(log)]
        )
        synth.run(config, name=name, runs=root / "runs")
    return root / "runs"


@pytest.fixture(scope="session")
def bare(rounds: Path) -> Path:
    """A folder with one run that aims, and reads no documents."""
    log = rounds.parent / "one.jsonl"
    config = load("sws-recommended", [], "fake", overrides=["targets.budget=6"], rollouts=[str(log)])
    synth.run(config, name="bare", runs=rounds.parent / "bare")
    return rounds.parent / "bare"


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
