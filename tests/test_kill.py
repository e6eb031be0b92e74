"""METHOD 7, check 13: killed at random moments and run again, the dataset is the same, and nothing is paid twice."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import corpus
from tests.endpoints import FakeEndpoint

IN_FLIGHT = 2
KILLS = 10
RUN = """
import sys
from pathlib import Path
import synth
config = synth.recipe("synthllm-recommended", [sys.argv[1]], "far", overrides=sys.argv[3:])
synth.run(config, runs=Path(sys.argv[2]), name="r")
"""


def start(documents: Path, runs: Path, url: str) -> "subprocess.Popen[bytes]":
    settings = {
        "models.far.base_url": f'"{url}"',
        "models.far.model": '"fake"',
        "models.far.structured": '"json_schema"',
        "models.far.identity": '"far"',  # the port is chosen anew, the model is the same
        "models.far.max_in_flight": IN_FLIGHT,
        "combinations.epochs": 1,
        "combinations.level2_sets": 1,
        "part_rows": 5,
    }
    overrides = [f"{key}={value}" for key, value in settings.items()]
    command = [sys.executable, "-c", RUN, str(documents), str(runs), *overrides]
    return subprocess.Popen(command)


def run_until(process: "subprocess.Popen[bytes]", seconds: float | None) -> bool:
    """Whether it came to its end; else it was killed after so many seconds."""
    try:
        return process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return False


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


@pytest.mark.slow
def test_kill_and_resume(documents: Path, start_fake: Callable[..., FakeEndpoint], tmp_path: Path) -> None:
    undisturbed, disturbed = start_fake("--latency", "0.02"), start_fake("--latency", "0.02")
    began = time.monotonic()
    assert run_until(start(documents, tmp_path / "one", undisturbed.url), None)
    length = time.monotonic() - began
    assert undisturbed.stats()["repeated"] == 0
    moments = random.Random(13)
    kills = 0
    while kills < KILLS:
        # From before the first call to the last part: each resumed run has less left to do.
        left = length * (1 - kills / (2 * KILLS))
        if run_until(start(documents, tmp_path / "two", disturbed.url), moments.uniform(0.3, 1) * left):
            break
        kills += 1
    assert kills >= 5
    assert run_until(start(documents, tmp_path / "two", disturbed.url), None)
    assert contents(tmp_path / "one/r/dataset") == contents(tmp_path / "two/r/dataset")
    # Only what was in flight at a kill was asked for again.
    assert disturbed.stats()["repeated"] <= kills * IN_FLIGHT
    assert disturbed.stats()["distinct"] == undisturbed.stats()["distinct"]


EMBEDDED = """
import sys
from pathlib import Path
import synth
config = synth.recipe("demo", [sys.argv[1]], overrides=sys.argv[3:])
synth.run(config, runs=Path(sys.argv[2]), name="r")
"""


@pytest.mark.slow
@pytest.mark.embedded
def test_kill_and_resume_with_the_embedded_model(tmp_path: Path) -> None:
    """Replies depend on their request alone, so a resumed run ends with the same rows."""
    documents = tmp_path / "documents"
    documents.mkdir()
    for name in ("energy.md", "motion.md"):
        (documents / name).write_text(corpus.TEXTS[name])

    def begin(runs: Path) -> "subprocess.Popen[bytes]":
        settings = ["combinations.max_level3=1", "screen.benchmarks=[]"]
        return subprocess.Popen([sys.executable, "-c", EMBEDDED, str(documents), str(runs), *settings])

    began = time.monotonic()
    assert run_until(begin(tmp_path / "one"), None)
    length = time.monotonic() - began
    assert not run_until(begin(tmp_path / "two"), length * 0.6)
    calls = tmp_path / "two/r/calls"
    assert calls.is_dir()
    assert run_until(begin(tmp_path / "two"), None)
    assert contents(tmp_path / "one/r/dataset") == contents(tmp_path / "two/r/dataset")
