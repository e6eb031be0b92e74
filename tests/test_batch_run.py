"""A run through batches: left, polled, killed and resumed; the dataset is that of a live run."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synth
from synth.config import RunConfig
from synth.errors import Waiting
from synth.facade import Result
from synth.llm.batches import read_shards
from synth.run_report import read
from tests.children import Child, Ended, command
from tests.endpoints import FakeEndpoint
from tests.test_kill import contents, never, run_until

Start = Callable[..., FakeEndpoint]
RUN = """
import sys
from pathlib import Path
import synth
from synth.errors import Waiting
config = synth.recipe("synthllm-recommended", [sys.argv[1]], "far", overrides=sys.argv[3:])
try:
    synth.run(config, runs=Path(sys.argv[2]), name="r")
except Waiting as waiting:
    sys.exit(waiting.exit_code)
"""


def settings(endpoint: FakeEndpoint, **more: Any) -> list[str]:
    entry = {
        "base_url": f'"{endpoint.url}"', "model": '"fake"', "structured": '"json_schema"', "identity": '"far"',
        "batch_least": 1, "batch_poll_s": 0.05, **more,
    }  # fmt: skip
    overrides = [f"models.far.{key}={value}" for key, value in entry.items()]
    return [*overrides, "combinations.epochs=1", "combinations.level2_sets=1", "part_rows=9"]


def config_of(documents: Path, endpoint: FakeEndpoint, **more: Any) -> RunConfig:
    return synth.recipe("synthllm-recommended", [str(documents)], "far", overrides=settings(endpoint, **more))


def until_done(config: RunConfig, runs: Path) -> tuple[Result, list[Waiting]]:
    waited: list[Waiting] = []
    for _ in range(300):
        try:
            return synth.run(config, runs=runs, name="r"), waited
        except Waiting as waiting:
            waited.append(waiting)
            time.sleep(0.05)
    raise AssertionError("it waits for ever")


def counts(endpoint: FakeEndpoint) -> dict[str, int]:
    told: Any = endpoint.stats()["batches"]
    return dict(told)


def test_called_again_and_again_it_ends_as_a_live_run(
    documents: Path, start_fake: Start, tmp_path: Path
) -> None:
    """All parts of a stage submit theirs before the command leaves, so it leaves once for each stage."""
    endpoint, live = start_fake("--batch-s", "0.3"), start_fake()
    config = config_of(documents, endpoint, batch='"on"')
    done, waited = until_done(config, tmp_path / "batched")
    assert contents(done.dataset) == contents(
        synth.run(config_of(documents, live), runs=tmp_path / "l").dataset
    )
    shards = read_shards(done.folder / "calls")
    for stage in ("questions", "answers"):
        batches = [shard for shard in shards if shard.stage == stage]
        assert len(batches) > 2
        assert (sum(shard.calls for shard in batches), len(batches)) in [(w.calls, w.batches) for w in waited]
    stats = endpoint.stats()
    assert (stats["requests"], stats["repeated"]) == (0, 0)
    assert counts(endpoint)["created"] == counts(endpoint)["files"] == len(shards)
    tries = read(done.folder)["tries"]
    assert [t["outcome"] for t in tries] == ["waiting"] * len(waited) + ["finished"]
    assert sum(t["calls"]["made"] for t in tries) == stats["answered"]


def test_a_command_that_waits_needs_no_second(documents: Path, start_fake: Start, tmp_path: Path) -> None:
    endpoint = start_fake("--batch-s", "0.2")
    config = config_of(documents, endpoint, batch='"on"', batch_wait_s=60)
    assert len(synth.load(synth.run(config, runs=tmp_path, name="r").folder, "dataset")) > 0
    assert endpoint.stats()["requests"] == 0


def test_what_fails_in_batches_ends_as_live_calls(documents: Path, start_fake: Start, tmp_path: Path) -> None:
    endpoint = start_fake("--batch-s", "0.1", "--fault", "batch_line=0.2", "--fault", "batch_expire=0.3")
    done, _ = until_done(config_of(documents, endpoint, batch='"on"'), tmp_path / "b")
    live = synth.run(config_of(documents, start_fake()), runs=tmp_path / "l")
    assert contents(done.dataset) == contents(live.dataset)
    assert endpoint.stats()["repeated"] == 0
    left = sum(shard.left for shard in read_shards(done.folder / "calls"))
    assert endpoint.stats()["requests"] == left > 0


# What has come so far at each state of a batch; the run is killed once at each, on its way to the end.
MOMENTS: dict[str, Callable[[dict[str, int], Path], int]] = {
    "prepared": lambda seen, calls: len(list(calls.glob("batches/*.json"))),
    "uploaded": lambda seen, calls: seen["files"],
    "created": lambda seen, calls: seen["created"],
    "answered": lambda seen, calls: seen["lines"],
    "taken in": lambda seen, calls: sum(p.stat().st_size for p in calls.glob("segment-*.jsonl")),
}


@pytest.mark.slow
def test_killed_at_each_state_nothing_is_paid_twice(
    documents: Path, start_fake: Start, tmp_path: Path
) -> None:
    endpoint, live = start_fake("--batch-s", "0.3"), start_fake()
    given = settings(endpoint, batch='"on"', batch_wait_s=60)
    program = (RUN, documents, tmp_path / "b", *given)
    calls = tmp_path / "b/r/calls"
    for moment, come in MOMENTS.items():
        before = come(counts(endpoint), calls)
        # The instant that something more has come so far than when it was started.
        ended = run_until(Child(*program), lambda come=come, at=before: come(counts(endpoint), calls) > at)
        assert not ended, f"the run was over before anything more was {moment}"
    assert run_until(Child(*program), never)
    result = synth.run(config_of(documents, live), runs=tmp_path / "l")
    assert contents(tmp_path / "b/r/dataset") == contents(result.dataset)
    seen, shards = counts(endpoint), read_shards(calls)
    assert seen["created"] == seen["files"] == len(shards)
    assert (endpoint.stats()["repeated"], endpoint.stats()["requests"]) == (0, 0)
    assert seen["lines"] == endpoint.stats()["distinct"] == sum(shard.calls for shard in shards)


@pytest.mark.slow
def test_the_command_leaves_with_exit_code_3(documents: Path, start_fake: Start, tmp_path: Path) -> None:
    endpoint = start_fake("--batch-s", "0.1")
    more = [part for setting in settings(endpoint, batch='"on"') for part in ("--set", setting)]
    run = ["run", "synthllm-recommended", "--documents", documents, "--model", "far", "--name", "r", *more]

    def call(*arguments: object) -> Ended:
        return command(*arguments, folder=tmp_path, COLUMNS="140")

    left = call(*run, "--no-ui")
    assert left.returncode == 3, left.said
    assert "under way; the same command, by hand or by schedule, collects the answers." in left.said
    told = call("status", "r").said
    assert "Batches under way" in told
    assert "batch_0000" in told
    for _ in range(60):
        done = call(*run, "--no-ui")
        if done.returncode != 3:
            break
    assert done.returncode == 0, done.said
    assert "Batches under way" not in call("status", "r").said
    assert (endpoint.stats()["requests"], endpoint.stats()["repeated"]) == (0, 0)
