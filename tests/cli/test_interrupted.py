"""Ctrl-C: one sentence, and the same command goes on without paying twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.work import interruptible
from synth.run_report import read

ROOT = Path(__file__).parents[2]


def heed_interrupts() -> None:
    """Tests that run in the background are started deaf to Ctrl-C, and so would be what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def synth(*arguments: str) -> "subprocess.Popen[str]":
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *arguments], text=True, env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed_interrupts,
    )  # fmt: skip


def asked(url: str) -> dict[str, int]:
    with urlopen(url.removesuffix("/v1") + "/stats") as reply:
        return dict(json.load(reply))


def test_an_interrupted_run_goes_on_and_repeats_no_call(documents: Path, tmp_path: Path) -> None:
    served = synth("fake-endpoint", "--port", "0", "--latency-ms", "500")
    assert served.stdout is not None
    url = served.stdout.readline().strip()
    entry = f'models.big={{base_url="{url}", model="m", max_in_flight=1}}'
    few = ("--set", "combinations.level3=off", "--set", "combinations.level2=off", "--model", "big")
    command = ("run", "synthllm-recommended", "--documents", str(documents), "--no-ui", "--set", entry, *few)
    begun = synth(*command, "--out", str(tmp_path), "--name", "r")
    while asked(url)["answered"] < 1:  # by what was answered, not by the clock
        assert begun.poll() is None
        time.sleep(0.02)
    begun.send_signal(signal.SIGINT)
    _, told = begun.communicate(timeout=60)
    assert begun.returncode == 1
    assert told.strip().splitlines()[-1].startswith("Interrupted; ")
    assert "Traceback" not in told

    again = CliRunner().invoke(app, [*command, "--out", str(tmp_path), "--name", "r"])
    assert again.exit_code == 0, again.output
    assert asked(url)["repeated"] <= 1  # the call that was under way; its answer was never seen
    served.send_signal(signal.SIGINT)
    assert served.wait(20) == 0
    assert [this["outcome"] for this in read(tmp_path / "r")["tries"]] == ["interrupted", "finished"]


def test_calls_are_stopped_before_the_interruption_is_raised() -> None:
    stopped: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interruptible(lambda: stopped.append("calls")):
        signal.raise_signal(signal.SIGINT)
    assert stopped == ["calls"]
    assert signal.getsignal(signal.SIGINT) is before


def test_what_stopped_threads_raise_is_the_interruption() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible(lambda: None):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:  # as Prefect does at times
            raise RuntimeError("the client has been closed") from None


def test_other_faults_pass_through() -> None:
    with pytest.raises(RuntimeError, match="its own"), interruptible(lambda: None):
        raise RuntimeError("its own")
