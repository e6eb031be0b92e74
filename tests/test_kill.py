"""Killed at random moments and run again, the dataset is the same, and nothing is paid twice."""

import json
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import corpus
from tests.children import Child
from tests.endpoints import FakeEndpoint

IN_FLIGHT = 2
KILLS = 6
RUN = """
import sys
from pathlib import Path
import synth
config = synth.recipe("synthllm-recommended", [sys.argv[1]], "far", overrides=sys.argv[3:])
synth.run(config, runs=Path(sys.argv[2]), name="r")
"""


def start(documents: Path, runs: Path, url: str, *more: str, **entry: object) -> Child:
    settings = {
        "models.far.base_url": f'"{url}"',
        "models.far.model": '"fake"',
        "models.far.structured": '"json_schema"',
        "models.far.identity": '"far"',  # the port is chosen anew, the model is the same
        "models.far.max_in_flight": IN_FLIGHT,
        "combinations.epochs": 1,
        "combinations.level2_sets": 1,
        "part_rows": 5,
        **{f"models.far.{name}": value for name, value in entry.items()},
    }
    overrides = [f"{key}={value}" for key, value in settings.items()]
    return Child(RUN, documents, runs, *overrides, *more)


def run_until(process: Child, moment: Callable[[], bool]) -> bool:
    """Whether it came to its end; else it was killed when the moment had come."""
    while process.poll() is None:
        if moment():
            process.send_signal(signal.SIGKILL)
            process.wait()
            return False
        time.sleep(0.01)
    return process.returncode == 0


def never() -> bool:
    return False


def after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


@pytest.mark.slow
def test_kill_and_resume(documents: Path, start_fake: Callable[..., FakeEndpoint], tmp_path: Path) -> None:
    undisturbed, disturbed = start_fake("--latency", "0.02"), start_fake("--latency", "0.02")
    assert run_until(start(documents, tmp_path / "one", undisturbed.url), never)
    calls = undisturbed.stats()["distinct"]
    assert undisturbed.stats()["repeated"] == 0
    for kill in range(KILLS):
        # While the first calls are made, while the last are, and between.
        answered = 1 + calls * kill // KILLS
        process = start(documents, tmp_path / "two", disturbed.url)
        assert not run_until(process, lambda at=answered: disturbed.stats()["distinct"] >= at)
    assert run_until(start(documents, tmp_path / "two", disturbed.url), never)
    assert contents(tmp_path / "one/r/dataset") == contents(tmp_path / "two/r/dataset")
    # Only what was in flight at a kill was asked for again.
    assert disturbed.stats()["repeated"] <= KILLS * IN_FLIGHT
    assert disturbed.stats()["distinct"] == calls


@pytest.mark.slow
def test_kill_and_resume_between_waves(
    documents: Path, start_fake: Callable[..., FakeEndpoint], tmp_path: Path
) -> None:
    """With a target: no wave asks again what an earlier one asked, and a killed one goes on where it was."""
    more = ("target.rows=25",)
    undisturbed, disturbed = start_fake("--latency", "0.02"), start_fake("--latency", "0.02")
    assert run_until(start(documents, tmp_path / "one", undisturbed.url, *more), never)
    calls = undisturbed.stats()["distinct"]
    assert len(json.loads((tmp_path / "one/r/waves.json").read_bytes())["accepted"]) > 1
    assert undisturbed.stats()["repeated"] == 0
    kills = 3
    for kill in range(kills):
        answered = 8 + (calls - 8) * kill // kills
        process = start(documents, tmp_path / "two", disturbed.url, *more)
        assert not run_until(process, lambda at=answered: disturbed.stats()["distinct"] >= at)
    assert run_until(start(documents, tmp_path / "two", disturbed.url, *more), never)
    assert contents(tmp_path / "one/r/dataset") == contents(tmp_path / "two/r/dataset")
    assert (tmp_path / "one/r/waves.json").read_bytes() == (tmp_path / "two/r/waves.json").read_bytes()
    assert disturbed.stats()["repeated"] <= kills * IN_FLIGHT
    assert disturbed.stats()["distinct"] == calls
    process = start(documents, tmp_path / "two", disturbed.url, *more)
    assert run_until(process, never)
    assert disturbed.stats()["distinct"] == calls


@pytest.mark.slow
def test_kill_and_resume_while_a_student_tries(
    documents: Path, start_fake: Callable[..., FakeEndpoint], tmp_path: Path
) -> None:
    """Most calls are attempts here: of a question that was tried in part, only what is missing is asked."""
    pytest.importorskip("math_verify")
    more = ('roles.student="far"', "combinations.max_level3=3")
    undisturbed, disturbed = start_fake("--latency", "0.01"), start_fake("--latency", "0.01")
    assert run_until(start(documents, tmp_path / "one", undisturbed.url, *more), never)
    calls = undisturbed.stats()["distinct"]
    kills = 3
    for kill in range(kills):
        answered = calls // 3 + calls // 2 * kill // kills
        process = start(documents, tmp_path / "two", disturbed.url, *more)
        assert not run_until(process, lambda at=answered: disturbed.stats()["distinct"] >= at)
        assert not (tmp_path / "two/r/09_difficulty/_manifest.json").exists()
    assert run_until(start(documents, tmp_path / "two", disturbed.url, *more), never)
    assert contents(tmp_path / "one/r/dataset") == contents(tmp_path / "two/r/dataset")
    tries = "r/09_difficulty/rollouts"
    assert contents(tmp_path / "one" / tries) == contents(tmp_path / "two" / tries)
    assert disturbed.stats()["repeated"] <= kills * IN_FLIGHT
    assert disturbed.stats()["distinct"] == calls


@pytest.mark.slow
def test_kill_at_moments_without_calls(
    documents: Path, start_fake: Callable[..., FakeEndpoint], tmp_path: Path
) -> None:
    """While it reads, samples, screens or publishes: by the clock, so the moments differ from run to run."""
    endpoint, moments = start_fake(), random.Random(13)
    assert run_until(start(documents, tmp_path / "one", endpoint.url), never)
    for _ in range(4):
        run_until(start(documents, tmp_path / "two", endpoint.url), after(moments.uniform(0.2, 4)))
        shutil.rmtree(tmp_path / "two/r/10_dataset", ignore_errors=True)  # so that there is something to do
    assert run_until(start(documents, tmp_path / "two", endpoint.url), never)
    assert contents(tmp_path / "one/r/dataset") == contents(tmp_path / "two/r/dataset")
    assert not list((tmp_path / "two").rglob("*.tmp"))


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
    """Replies depend on their request alone, so a resumed run ends with the same rows.

    Four calls: each takes seconds of all processors. How calls are ordered is varied in `llm/test_embedded.py`.
    """
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "energy.md").write_text(corpus.TEXTS["energy.md"])

    def begin(runs: Path) -> Child:
        settings = ["combinations.level2=off", "combinations.level3=off", "screen.benchmarks=[]"]
        return Child(EMBEDDED, documents, runs, *settings)

    def answered(runs: Path) -> int:
        return sum(len(path.read_bytes().splitlines()) for path in runs.glob("r/calls/segment-*"))

    assert run_until(begin(tmp_path / "one"), never)
    half = answered(tmp_path / "one") // 2
    assert half >= 2
    assert not run_until(begin(tmp_path / "two"), lambda: answered(tmp_path / "two") >= half)
    assert run_until(begin(tmp_path / "two"), never)
    assert answered(tmp_path / "two") == answered(tmp_path / "one")
    assert contents(tmp_path / "one/r/dataset") == contents(tmp_path / "two/r/dataset")
