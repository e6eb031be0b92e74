"""A folder of its own for the brokers of a test; whatever lives in it at the end is ended, by its process id."""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from synth.llm.rendezvous import VARIABLE, hold

STREAM = """
import sys
from pathlib import Path
from synth.config import ModelConfig, Sampling
from synth.llm.client import Client, Request
from synth.llm.journal import Journal
url, folder, name, rows, in_flight, form = sys.argv[1:]
limits = {"transport": "direct", "max_in_flight": int(in_flight), "broker": True}
entry = ModelConfig(base_url=url, model="fake", structured=form, **limits)
texts = (f"<question>{name} {n}</question>" for n in range(int(rows)))
asked = (Request(({"role": "user", "content": text},), Sampling(), "s") for text in texts)
with Journal(Path(folder)) as journal, Client({"m": entry}, journal) as client:
    client.form("m")
    sound = sum(reply.reason is None for _, reply in client.stream("m", asked))
sys.exit(sound != int(rows))
"""


def streaming(url: str, folder: Path, name: str, rows: int, in_flight: int, form: str = "tags") -> list[str]:
    """The command of a client that asks for so many rows through a broker; 0 where all are there."""
    return [sys.executable, "-c", STREAM, url, str(folder), name, str(rows), str(in_flight), form]


class Brokers(NamedTuple):
    folder: Path

    def living(self) -> list[int]:
        """The processes that hold the lock of a broker's life; one that has ended holds none."""
        return [pid for path in self.folder.glob("*.lock") if (pid := _holder(path))]

    def wait_for(self, count: int, seconds: float = 15.0) -> list[int]:
        until = time.monotonic() + seconds
        while len(living := self.living()) != count:
            assert time.monotonic() < until, f"{len(living)} brokers, not {count}"
            time.sleep(0.02)
        return living

    def kill(self, signum: int = signal.SIGKILL) -> None:
        for pid in self.living():
            os.kill(pid, signum)

    def log(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*.log"))


def _holder(path: Path) -> int | None:
    file = hold(path)
    if file is None:
        return int(path.read_text() or 0) or None
    os.close(file)
    return None


@pytest.fixture
def brokers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Brokers]:
    # Not the test's own folder: its path is too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="synth-"))
    monkeypatch.setenv(VARIABLE, str(folder))
    found = Brokers(folder)
    yield found
    found.kill()
    found.wait_for(0)
    shutil.rmtree(folder)
