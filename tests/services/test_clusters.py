"""Runs on real workers, two processes each: the dataset is that of threads, also where a worker is killed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from flows.engines import engine_of
from synth.clusters import PACKAGES
from synth.config import RunConfig
from synth.errors import SynthError
from synth.llm.carrier import FILE
from synth.settings import load
from tests import corpus
from tests.endpoints import FakeEndpoint
from tests.test_kill import contents

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(900)]

MORE_FILES = 40
IN_FLIGHT = 8
# How a worker's command line looks.
SIGN = {"processes": "spawn_main", "dask": "spawn_main", "ray": "ray::work"}


def configured(documents: Path, endpoint: FakeEndpoint, *more: str) -> RunConfig:
    entry = {
        "model": '"fake"',
        "structured": '"json_schema"',
        "identity": '"far"',
        "max_in_flight": IN_FLIGHT,
    }
    told = [f"models.far.{key}={value}" for key, value in {"base_url": f'"{endpoint.url}"', **entry}.items()]
    few = ["combinations.epochs=1", "combinations.level2_sets=1", "part_rows=12", "tasks=2"]
    return load("synthllm-recommended", [str(documents)], "far", overrides=[*told, *few, *more])


def run(config: RunConfig, name: str, runs: Path) -> dict[str, bytes]:
    from flows.synthllm import synthllm

    return contents(Path(synthllm(config, name, str(runs))))


def workers(sign: str) -> list[int]:
    """Processes below this one that are workers."""
    found, below = [], {os.getpid()}
    stats = {int(path.name): path for path in Path("/proc").glob("[0-9]*")}
    for pid, path in sorted(stats.items()):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if parent in below:
            below.add(pid)
            found += [pid] if sign in command and not _is_dead(path) else []
    return found


def _is_dead(path: Path) -> bool:
    return (path / "stat").read_text().rpartition(")")[2].split()[0] == "Z"


@contextmanager
def killing(sign: str, endpoint: FakeEndpoint) -> Iterator[list[int]]:
    """Kill a worker once calls are under way; who was killed."""
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not killed and not over.wait(0.05):
            if endpoint.stats()["distinct"] > IN_FLIGHT and (found := workers(sign)):
                os.kill(found[-1], signal.SIGKILL)
                killed.append(found[-1])

    killer = threading.Thread(target=watch)
    killer.start()
    try:
        yield killed
    finally:
        over.set()
        killer.join()


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough files to be shared among workers."""
    folder = corpus.write(tmp_path_factory.mktemp("documents"))
    for number in range(MORE_FILES):
        text = (
            f"Sum {number}: the sum of {number} and a falling ball is a ratio of two linear equations. " * 4
        )
        (folder / f"sum{number}.txt").write_text(text)
    return folder


@pytest.fixture(scope="module")
def by_threads(
    running_server: str, documents: Path, start_fake: Callable[..., FakeEndpoint],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, bytes]:  # fmt: skip
    return run(configured(documents, start_fake()), "threads", tmp_path_factory.mktemp("threads"))


@pytest.fixture
def dask_address(tmp_path: Path) -> Iterator[str]:
    """A scheduler and two workers that somebody else has started, in folders of their own; nobody replaces them."""
    if find_spec("distributed") is None:
        pytest.skip("distributed is not installed: pip install 'synth[dask]'")
    file = tmp_path / "scheduler.json"
    told = ["--scheduler-file", str(file)]
    scheduler = [*told, "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"]
    worker = [*told, "--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
    commands = [("scheduler", scheduler), ("worker", worker), ("worker", worker)]
    running = []
    for place, (what, arguments) in enumerate(commands):
        (own := tmp_path / f"{what}{place}").mkdir()
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments]
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "SYNTH"))}
        with (own / "log").open("wb") as log:
            running.append(subprocess.Popen(command, cwd=own, env=env, stdout=log, stderr=log))
    end = time.monotonic() + 120
    while not file.exists() or not file.read_text():
        assert time.monotonic() < end and all(one.poll() is None for one in running)
        time.sleep(0.1)
    yield json.loads(file.read_text())["address"]
    for one in running:
        one.kill()
        one.wait()


def test_on_workers_that_are_there_one_of_which_is_lost(
    dask_address: str, by_threads: dict[str, bytes], documents: Path, start_fake: Callable[..., FakeEndpoint],
    tmp_path: Path,
) -> None:  # fmt: skip
    endpoint = start_fake("--latency", "0.5")
    config = configured(documents, endpoint, "runner=dask", f"runner_address={dask_address!r}")
    sign = "dask_worker"
    with killing(sign, endpoint) as killed:
        made = run(config, "far", tmp_path / "runs")
    assert killed
    assert made == by_threads
    assert endpoint.stats()["repeated"] == 0
    assert len(workers(sign)) == 1  # the other stays, as it is not ours to end


@pytest.mark.parametrize("runner", ["processes", "dask", "ray"])
def test_the_dataset_is_that_of_threads_also_where_a_worker_is_killed(
    runner: str, by_threads: dict[str, bytes], documents: Path, start_fake: Callable[..., FakeEndpoint],
    tmp_path: Path,
) -> None:  # fmt: skip
    if (package := PACKAGES.get(runner)) and find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install 'synth[{runner}]'")
    endpoint = start_fake("--latency", "0.5")
    config = configured(documents, endpoint, f"runner={runner}", "runner_workers=2")
    with killing(SIGN[runner], endpoint) as killed:
        made = run(config, runner, tmp_path)
    assert killed
    assert made == by_threads
    stats = endpoint.stats()
    # One place for all workers, and no call is made again because a worker was lost.
    assert stats["max_in_flight"] <= IN_FLIGHT
    assert stats["repeated"] == 0
    assert not (tmp_path / runner / FILE).exists()
    assert len(list((tmp_path / runner).glob("01_documents/read/*/read-*.parquet"))) >= 2
    assert not workers(SIGN[runner])


def end_at_once(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_work_that_kills_every_worker_ends_in_a_sentence() -> None:
    config = load("demo", overrides=["runner=processes", "runner_workers=1"])
    with engine_of(config) as engine:
        with pytest.raises(
            SynthError, match=r"^Workers were lost again and again \(.*run the same command again\.$"
        ):
            engine.call(end_at_once, None)
        assert engine.call(abs, -1) == 1  # the engine itself goes on
