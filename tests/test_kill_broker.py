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
from tests.test_kill import contents, never, run_until, start

__all__ = ["brokers"]

ROWS, IN_FLIGHT, KILLS = 600, 16, 5


@pytest.mark.slow
def test_nothing_is_paid_twice(
    start_fake: Callable[..., FakeEndpoint], tmp_path: Path, brokers: Brokers
) -> None:
    fake, moments = start_fake("--latency", "0.1"), random.Random(5)
    command = streaming(fake.url, tmp_path / "calls", "row", ROWS, IN_FLIGHT, "auto")
    for kill in range(KILLS):
        running = subprocess.Popen(command, start_new_session=True)
        # The first while the form of replies is found out, the others after some of the rows.
        first = fake.stats()["answered"] + moments.randrange(60) * (kill > 0)
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


@pytest.mark.slow
@pytest.mark.usefixtures("brokers")
def test_a_run_that_is_killed_pays_nothing_twice_and_ends_with_the_same_bytes(
    documents: Path, start_fake: Callable[..., FakeEndpoint], tmp_path: Path
) -> None:
    undisturbed, disturbed = start_fake("--latency", "0.02"), start_fake("--latency", "0.02")
    assert run_until(start(documents, tmp_path / "one", undisturbed.url), never)
    calls = undisturbed.stats()["distinct"]
    through = {"broker": "true", "max_in_flight": 16}
    for kill in range(2):
        answered = 1 + calls * kill // 2
        process = start(documents, tmp_path / "two", disturbed.url, **through)
        assert not run_until(process, lambda at=answered: disturbed.stats()["distinct"] >= at)
    assert run_until(start(documents, tmp_path / "two", disturbed.url, **through), never)
    assert contents(tmp_path / "one/r/dataset") == contents(tmp_path / "two/r/dataset")
    assert (disturbed.stats()["repeated"], disturbed.stats()["distinct"]) == (0, calls)
