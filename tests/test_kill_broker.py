"""Killed at random moments and run again: with a broker nothing is paid twice, not even what was in flight."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from synth.llm.journal import Journal
from tests.brokers import Brokers, brokers, streaming
from tests.endpoints import FakeEndpoint

__all__ = ["brokers"]

ROWS, IN_FLIGHT, KILLS = 400, 16, 5


@pytest.mark.slow
def test_nothing_is_paid_twice(
    start_fake: Callable[..., FakeEndpoint], tmp_path: Path, brokers: Brokers
) -> None:
    fake, moments = start_fake("--latency", "0.1"), random.Random(5)
    command = streaming(fake.url, tmp_path / "calls", "row", ROWS, IN_FLIGHT, "auto")
    for kill in range(KILLS):
        running = subprocess.Popen(command, start_new_session=True)
        # The first while the form of replies is found out, the others after some of the rows.
        first = fake.stats()["answered"] + moments.randrange(ROWS // KILLS) * (kill > 0)
        while fake.stats()["requests"] <= first:
            assert running.poll() is None
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.1))
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert subprocess.run(command, timeout=120, check=False).returncode == 0
    stats = fake.stats()
    assert (stats["repeated"], stats["unconfirmed"]) == (0, 0)
    assert stats["answered"] == stats["distinct"] == ROWS + 1  # and the probe
    assert stats["max_in_flight"] <= IN_FLIGHT
    with Journal(tmp_path / "calls", read_only=True) as journal:
        assert len(journal) == ROWS + 1
    assert len(brokers.living()) == 1
