"""Every test runs in a folder of its own, knows no key and no endpoint, and reaches loopback only."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from synth.config import RunConfig
from synth.settings import load
from tests import corpus
from tests.endpoints import start_fake

__all__ = ["start_fake"]

# Tests start some hundred interpreters: where nothing may be kept, each of them would compile the product anew,
# and each worker all tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# What takes long begins first, so that no processor is idle at the end: tests that kill, whole runs, then
# flows, then what is quick. Each begins a name of a file or folder; within a line the order stays.
ORDER = (
    (
        "test_kill",
        "test_batch_run",
        "llm/test_embedded",
        "test_readme",
        "view/test_browser",
        "incremental/test_kill",
    ),
    ("test_", "cli/", "view/", "filter/", "incremental/", "rounds/", "rollouts/", "documents/test_hostile"),
    ("flows/",),
)
# How long an example takes says nothing of it where other work is done beside.
settings.register_profile("synth", deadline=None)
settings.load_profile("synth")
LOOPBACK = ("127.0.0.1", "::1", "localhost", "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _rank(item.path.relative_to(Path(__file__).parent).as_posix()))


def _rank(name: str) -> int:
    ranks = (rank for rank, begins in enumerate(ORDER) if name.startswith(begins))
    return next(ranks, len(ORDER))


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYNTH_HOME", str(tmp_path / "data"))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def checked(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise AssertionError(f"a test reached for {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", checked)


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Six short documents that share concepts."""
    return corpus.write(tmp_path / "documents")


@pytest.fixture
def config(documents: Path) -> RunConfig:
    """A small run of all levels with the fake model."""
    return load("synthllm-recommended", [str(documents)], "fake", overrides=["combinations.epochs=1"])


@pytest.fixture(scope="session")
def test_data() -> Iterator[Path]:
    """Real documents and benchmarks, where the machine has them."""
    folder = os.environ.get("SYNTH_TEST_DATA")
    if not folder:
        pytest.skip("SYNTH_TEST_DATA is not set: it names the folder of real documents and benchmarks")
    yield Path(folder)
