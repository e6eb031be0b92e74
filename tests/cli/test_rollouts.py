"""`synth rollouts`: from seeds to a table, on to `synth weaknesses`; killed at any moment and run again."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from tests.children import COMMAND, Child
from tests.endpoints import FakeEndpoint
from tests.rollouts.seeds import ROWS, put

pytest.importorskip("math_verify")

Synth = Callable[..., Result]
IN_FLIGHT = 2
CHECKPOINTS = """
[models.early]
base_url = "fake:?ability=1&ability=geometry=0"
model = "early"

[models.late]
base_url = "fake:?ability=1&ability=geometry=0&ability=number theory=0.5"
model = "late"
"""


@pytest.fixture
def checkpoints(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoints.toml"
    path.write_text(CHECKPOINTS)
    return path


def test_from_seeds_to_weaknesses(synth: Synth, checkpoints: Path, tmp_path: Path) -> None:
    seeds, out = put(tmp_path), tmp_path / "o"
    done = synth("rollouts", seeds, "--visits", checkpoints, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [(visit["visit"], visit["entry"]) for visit in told["visits"]] == [(0, "early"), (1, "late")]
    assert told["visits"][0]["pass_rate"] == 0.5 and 0.1 < told["visits"][1]["pass_rate"] < 0.4
    assert (told["problems"], told["rows"], told["cost"]) == (len(ROWS), 16 * len(ROWS), "0")
    found = synth("weaknesses", out / "rollouts.parquet", "--out", tmp_path / "w", "--json")
    assert found.exit_code == 0, found.output
    table = pq.read_table(tmp_path / "w" / "weaknesses.parquet")
    failed = table.filter(table["is_weakness"])["category"].to_pylist()
    assert set(failed) == {"Geometry"} and len(failed) == 6
    assert json.loads(found.stdout)["visits"] == [2, 2]


def test_the_table_and_what_is_beside_it(synth: Synth, checkpoints: Path, tmp_path: Path) -> None:
    odd = {"question": "Why?", "answer": "It depends on whom you ask, and on the time of the day as well"}
    seeds = put(tmp_path, [*ROWS, ROWS[0], {"question": "A?"}, odd])
    done = synth("rollouts", seeds, "--visits", checkpoints, "--out", tmp_path / "o", "--attempts", 2)
    assert done.exit_code == 0, done.output
    for said in ("pass rate", "truncated", "undecided", "0.00 USD", "late", "duplicate 1, unlabelled 1"):
        assert said in done.output
    assert f"{len(ROWS) + 1} problems of {len(ROWS) + 3} rows" in done.output
    assert "1 label of 13 can hardly be compared" in done.output
    assert "synth weaknesses" in done.output


def test_a_dry_run_writes_nothing(synth: Synth, checkpoints: Path, tmp_path: Path) -> None:
    command = ("rollouts", put(tmp_path), "--visits", checkpoints, "--out", tmp_path / "o", "--dry-run")
    done = synth(*command)
    assert done.exit_code == 0 and "96" in done.output and "No call was made" in done.output
    assert not (tmp_path / "o").exists()
    told = json.loads(synth(*command, "--json").stdout)
    assert [visit["calls"] for visit in told["visits"]] == [96, 96]


def test_options_of_the_sampling(synth: Synth, tmp_path: Path) -> None:
    options = ("--temperature", 0.5, "--top-p", 0.9, "--max-tokens", 20, "--attempts", 3)
    done = synth("rollouts", put(tmp_path), "--model", "fake", "--out", tmp_path / "o", *options)
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "o/rollouts.json").read_bytes())
    assert told["sampling"] == {"temperature": 0.5, "top_p": 0.9, "max_tokens": 20}
    table = pq.read_table(tmp_path / "o/rollouts.parquet")
    assert table.num_rows == 3 * len(ROWS)
    assert sum(table["truncated"].to_pylist()) > 2 * len(ROWS)  # all but those that give up


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((), 2, "There is no visit"),
        (("--model", "gpt"), 2, "OPENAI_API_KEY is not set"),
        (("--model", "fake", "--label", "gold"), 2, "there is no column 'gold'"),
        (("--model", "fake", "--attempts", "0"), 2, "--attempts 0: give 1 to 1,000"),
        (("--model", "fake", "--set", "budget.calls=5"), 3, "budget.calls"),
        (("--visits", "none.toml"), 2, "There is no recipe 'none.toml'"),
        (
            ("--set", 'models.a={base_url="http://127.0.0.1:9/v1", model="a", max_tries=1}'),
            1,
            "cannot be reached",
        ),
    ],
)
def test_faults_are_one_sentence(
    synth: Synth, tmp_path: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    done = synth("rollouts", put(tmp_path), "--out", tmp_path / "o", *options)
    assert done.exit_code == code, done.output
    assert said in done.output and "Traceback" not in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not (tmp_path / "o/rollouts.parquet").exists()


def start(seeds: Path, out: Path, url: str) -> Child:
    visits = [
        f'models.{name}={{base_url="{url}", model="{name}", identity="far", max_in_flight={IN_FLIGHT}}}'
        for name in ("early", "late")
    ]
    settings = [part for visit in visits for part in ("--set", visit)]
    return Child(COMMAND, "rollouts", seeds, "--out", out, *settings, said=Path(os.devnull))


@pytest.mark.slow
def test_killed_and_resumed(tmp_path: Path, start_fake: Callable[..., FakeEndpoint]) -> None:
    """Only what was in flight is asked again, and the files are those of an undisturbed run."""
    seeds = put(tmp_path)
    plain, killed = start_fake("--latency", "0.02"), start_fake("--latency", "0.02")
    assert start(seeds, tmp_path / "one", plain.url).wait() == 0
    calls = plain.stats()["distinct"]
    assert calls == 2 * 8 * len(ROWS) and plain.stats()["repeated"] == 0
    kills = 2
    for kill in range(kills):
        process = start(seeds, tmp_path / "two", killed.url)
        while killed.stats()["distinct"] < 10 + calls * kill // kills:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "two/rollouts.parquet").exists()
    assert start(seeds, tmp_path / "two", killed.url).wait() == 0
    for name in ("rollouts.parquet", "rejected.parquet", "rollouts.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert killed.stats()["distinct"] == calls
    assert killed.stats()["repeated"] <= kills * IN_FLIGHT
    assert not list((tmp_path / "two").glob(".*.tmp"))


def test_two_at_once_into_one_folder(
    synth: Synth, tmp_path: Path, start_fake: Callable[..., FakeEndpoint]
) -> None:
    slow = start_fake("--latency", "0.05")
    first = start(put(tmp_path), tmp_path / "o", slow.url)
    while not slow.stats()["distinct"]:
        assert first.poll() is None
        time.sleep(0.01)
    second = synth("rollouts", put(tmp_path), "--out", tmp_path / "o", "--model", "fake")
    first.kill()
    first.wait()
    assert second.exit_code == 1
    assert "Another process is at work in" in second.output and "another --out" in second.output
