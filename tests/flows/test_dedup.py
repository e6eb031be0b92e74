"""The flow of deduplication: the results of one machine by either runner, and what a person sees of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from synth.config_dedup import DedupConfig
from tests.dedup.test_phases import ROWS, content, in_one, put
from tests.flows.conftest import ask

pytestmark = pytest.mark.flows
Find = Callable[[str], list[dict[str, Any]]]


def inside(api_url: str, run: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Flow runs or task runs below a flow run."""
    of = "parent_flow_run_id" if kind == "flow_runs" else "flow_run_id"
    wanted = {kind: {of: {"any_": [run["id"]]}}}
    return list(ask(api_url, f"/{kind}/filter", **wanted))


@pytest.mark.parametrize("runner", ["threads", pytest.param("processes", marks=pytest.mark.slow)])
def test_a_folder_by_either_runner(running_server: str, runs_of: Find, tmp_path: Path, runner: Any) -> None:
    from flows.dedup import dedup

    paths = put(tmp_path / "tables", 300, 300, 600)
    in_one(paths, tmp_path / "one")
    config = DedupConfig(
        inputs=(str(tmp_path / "tables"),),
        out=str(tmp_path / "out"),
        id="id",
        shingle=3,
        runner=runner,
        tasks=1,
    )
    done = dedup(config)
    assert content(tmp_path / "out") == content(tmp_path / "one")
    assert done["rows"] == len(ROWS) == done["kept"] + done["removed"]
    assert not list((tmp_path / "out").glob(".dedup-*"))

    run = runs_of("deduplicate tables")[0]
    assert run["state"]["type"] == "COMPLETED"
    found = {one["name"]: one for one in inside(running_server, run, "flow_runs")}
    assert sorted(found) == ["choose", "group", "link", "measure"]
    names = {one["name"] for one in inside(running_server, found["measure"], "task_runs")}
    assert names <= {f"measure: table {number} of 3" for number in (1, 2, 3)}  # the server may lag behind
    wanted = {"flow_run_id": {"any_": [run["id"]]}, "key": {"any_": ["duplicates"]}}
    (artifact,) = ask(running_server, "/artifacts/filter", artifacts=wanted)
    rows = {row["rows"]: row["count"] for row in json.loads(artifact["data"])}
    assert rows["kept"] == pq.read_metadata(tmp_path / "out" / "kept.parquet").num_rows
    assert sum(count for name, count in rows.items() if name.startswith("removed")) == done["removed"]


def test_a_fault_is_one_sentence(running_server: str, runs_of: Find, tmp_path: Path) -> None:
    from flows.dedup import dedup

    (path,) = put(tmp_path / "tables", len(ROWS))
    config = DedupConfig(inputs=(str(path),), out=str(tmp_path / "out"), text="body")
    state = dedup(config, return_state=True)
    assert state.is_failed()
    assert "there is no column 'body'" in str(state.message)
