"""Runs on real workers, two processes each: the dataset is that of threads, also where a worker is killed."""

import os
import signal
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from synth.clusters import PACKAGES
from synth.config import RunConfig
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
            found += [pid] if sign in command else []
    return found


def kill_one(sign: str, at_work: Callable[[], bool], killed: list[int], over: threading.Event) -> None:
    while not over.is_set():
        if at_work() and (found := workers(sign)):
            os.kill(found[-1], signal.SIGKILL)
            killed.append(found[-1])
            return
        time.sleep(0.05)


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


@pytest.mark.parametrize("runner", ["processes", "dask", "ray"])
def test_the_dataset_is_that_of_threads_also_where_a_worker_is_killed(
    runner: str, by_threads: dict[str, bytes], documents: Path, start_fake: Callable[..., FakeEndpoint],
    tmp_path: Path,
) -> None:  # fmt: skip
    if (package := PACKAGES.get(runner)) and find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install 'synth[{runner}]'")
    endpoint = start_fake("--latency", "0.5")
    config = configured(documents, endpoint, f"runner={runner}", "runner_workers=2")
    killed: list[int] = []
    over = threading.Event()

    def at_work() -> bool:
        return endpoint.stats()["distinct"] > IN_FLIGHT

    killer = threading.Thread(target=kill_one, args=(SIGN[runner], at_work, killed, over))
    killer.start()
    try:
        made = run(config, runner, tmp_path)
    finally:
        over.set()
        killer.join()
    assert killed
    assert made == by_threads
    stats = endpoint.stats()
    # One place for all workers, and no call is made again because a worker was lost.
    assert stats["max_in_flight"] <= IN_FLIGHT
    assert stats["repeated"] == 0
    assert not (tmp_path / runner / FILE).exists()
    assert len(list((tmp_path / runner).glob("01_documents/read/*/read-*.parquet"))) >= 2
    assert not workers(SIGN[runner])
