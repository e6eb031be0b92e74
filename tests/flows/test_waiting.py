"""A flow run that leaves its calls in batches is not a failed one, and the next run of it collects them."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synth.errors import Waiting
from synth.settings import load
from tests.endpoints import FakeEndpoint

pytestmark = pytest.mark.flows


def test_a_flow_that_waits_is_not_red(
    running_server: str,
    runs_of: Callable[[str], list[dict[str, Any]]],
    documents: Path,
    start_fake: Callable[..., FakeEndpoint],
    tmp_path: Path,
) -> None:
    from flows.synthllm import synthllm

    endpoint = start_fake("--batch-s", "0.2")
    entry = {"base_url": f'"{endpoint.url}"', "model": '"fake"', "structured": '"json_schema"'}
    entry |= {"batch": '"on"', "batch_least": "1"}
    overrides = [f"models.far.{name}={value}" for name, value in entry.items()]
    overrides += ["combinations.epochs=1", "combinations.level2_sets=1", "part_rows=3", "tasks=2"]
    config = load("synthllm-recommended", [str(documents)], "far", overrides=overrides)
    waited: list[Waiting] = []
    for _ in range(20):
        try:
            synthllm(config, "batched", str(tmp_path / "runs"))
            break
        except Waiting as waiting:
            waited.append(waiting)
            time.sleep(0.3)
    # Both tasks, with both of their parts, have submitted before the first command left.
    assert waited[0].calls == 6
    assert waited[0].batches == 2
    ended = [(run["state_type"], run["state_name"]) for run in runs_of("batched")]
    assert ended == [("COMPLETED", "Completed")] + [("CANCELLED", "Waiting")] * len(waited)
    assert (endpoint.stats()["requests"], endpoint.stats()["repeated"]) == (0, 0)
