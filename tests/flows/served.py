"""`synth serve` in a process of its own, over the server of the tests, and what the server says of its runs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.flows.conftest import ask

PATIENCE_SECONDS = 240


def until(found: Callable[[], Any], what: str) -> Any:
    """What `found` gives, once it gives something."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(1)
    raise AssertionError(f"waited {PATIENCE_SECONDS} s in vain for {what}")


@contextmanager
def command(*arguments: str, said: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The command line in a process of its own, which is gone afterwards with all its children."""
    with said.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *arguments], stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield process
    finally:
        kill(process)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process and its children, as a loss of power would."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def firings(api_url: str, deployment: str) -> list[dict[str, Any]]:
    """The flow runs of a deployment that are not still to come, in the order of their slots."""
    found = ask(
        api_url,
        "/flow_runs/filter",
        deployments={"name": {"any_": [deployment]}},
        sort="EXPECTED_START_TIME_ASC",
    )
    return [run for run in found if run["state_type"] != "SCHEDULED"]


def slot(run: dict[str, Any]) -> datetime:
    """The slot that a firing was meant for."""
    return datetime.fromisoformat(run["expected_start_time"])
