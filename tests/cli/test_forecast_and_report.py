"""The forecast of a run bounds what it does; the report of a run says what it did, however it ended."""

import json
import shlex
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from typer.testing import Result

from synth.config import RunConfig
from synth.errors import EndpointError
from synth.facade import run
from synth.forecast import forecast, total
from synth.report import funnel
from synth.run_report import RunReport, read
from synth.runs import Run


def clock() -> Iterator[float]:
    return (1_800_000_000.0 + second for second in count())


def test_a_run_stays_within_its_forecast(config: RunConfig, finished: Path) -> None:
    expected = {stage.stage: stage for stage in forecast(config).stages}
    for row in funnel(finished):
        if row.stage in expected:
            assert row.outputs <= (expected[row.stage].rows or 0), row.stage
    calls = read(finished)["tries"][0]["calls_by_stage"]
    for stage, used in calls.items():
        assert used["made"] <= (expected[stage].calls or 0), stage
        assert used["prompt_tokens"] <= 1.5 * (expected[stage].prompt_tokens or 0), stage


def test_prompt_tokens_are_those_of_the_rendered_prompts(config: RunConfig, finished: Path) -> None:
    """Every passage is asked for once, so this estimate can be held against the fake model's count."""
    expected = next(stage for stage in forecast(config).stages if stage.stage == "concepts")
    used = read(finished)["tries"][0]["calls_by_stage"]["concepts"]
    assert expected.calls == used["made"]
    assert expected.prompt_tokens == pytest.approx(used["prompt_tokens"], rel=0.02)


def test_the_sum_is_over_stages_that_call(config: RunConfig) -> None:
    found = forecast(config)
    assert total(found.stages).calls == sum(stage.calls or 0 for stage in found.stages)


@pytest.mark.parametrize("level", ["level1", "level2", "level3"])
def test_a_level_that_is_off_is_not_forecast(config: RunConfig, level: str) -> None:
    off = config.combinations.model_copy(update={level: "off"})
    found = forecast(config.model_copy(update={"combinations": off}))
    assert f"questions, {level}" not in [example.prompt for example in found.examples]


def test_times_come_from_the_clock_that_was_passed_in(config: RunConfig, tmp_path: Path) -> None:
    ticks = clock()
    with Run.open(config, tmp_path, "r") as opened, RunReport(opened, lambda: next(ticks)) as report:
        with report.stage("documents"):
            plan = opened.plan("documents")
            opened.commit(plan, [opened.work(plan, part) for part in plan.parts])
        assert read(opened.folder)["tries"][0]["outcome"] == "running"
    this = read(tmp_path / "r")["tries"][0]
    assert this["outcome"] == "finished"
    assert this["started"].startswith("2027-01-15T")
    assert this["stages"]["documents"]["status"] == "done"
    assert this["stages"]["documents"]["seconds"] == 1.0
    assert this["versions"]["python"]


def test_every_try_is_kept_and_reuse_is_told(config: RunConfig, tmp_path: Path) -> None:
    for _ in range(2):
        run(config, name="r", runs=tmp_path)
    report = read(tmp_path / "r")
    first, second = report["tries"]
    assert {stage["status"] for stage in first["stages"].values()} == {"done"}
    assert {stage["status"] for stage in second["stages"].values()} == {"reused"}
    assert second["calls"]["made"] == 0
    assert report["calls"]["made"] == first["calls"]["made"] > 0


def test_a_failed_and_an_interrupted_try_say_why(config: RunConfig, tmp_path: Path) -> None:
    with pytest.raises(EndpointError), Run.open(config, tmp_path, "r") as opened, RunReport(opened):
        raise EndpointError("models.big: it is gone.")
    with pytest.raises(KeyboardInterrupt), Run.open(config, tmp_path, "r") as opened, RunReport(opened):
        raise KeyboardInterrupt
    told = [(this["outcome"], this["fault"]) for this in read(tmp_path / "r")["tries"]]
    assert told == [("failed", "models.big: it is gone."), ("interrupted", "stopped by hand")]


def test_a_try_that_was_killed_is_known_by_the_next(config: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    killed = {"outcome": "running", "calls": {"made": 7}, "calls_by_stage": {}, "stages": {}}
    (tmp_path / "r" / "run_report.json").write_text(json.dumps({"tries": [killed]}))
    with Run.open(config, tmp_path, "r") as opened, RunReport(opened):
        pass
    report = read(tmp_path / "r")
    assert [this["outcome"] for this in report["tries"]] == ["killed", "finished"]
    assert report["calls"]["made"] == 7


@pytest.mark.parametrize(
    "report",
    [
        "{",
        "[]",
        '{"tries": 1}',
        '{"tries": [7]}',
        '{"tries": [{"outcome": "running", "stages": {}, "calls": 1, "calls_by_stage": {}}]}',
        '{"tries": [{"outcome": "running", "stages": {}, "calls": {}, "calls_by_stage": {"concepts": 0}}]}',
    ],
)
def test_a_damaged_report_stops_nothing(
    report: str, config: RunConfig, tmp_path: Path, synth: Callable[..., Result]
) -> None:
    with Run.open(config, tmp_path, "r"):
        (tmp_path / "r" / "run_report.json").write_text(report)
    for command in ("status", "stats"):
        done = synth(command, tmp_path / "r")
        assert done.exit_code == 0, done.output
        assert "run_report.json is damaged" in done.stderr
    with Run.open(config, tmp_path, "r") as opened, RunReport(opened):
        pass
    assert [this["outcome"] for this in read(tmp_path / "r")["tries"]] == ["finished"]


def test_a_killed_run_is_called_interrupted_and_can_be_resumed_from_anywhere(
    config: RunConfig, tmp_path: Path, synth: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my runs" / "r"
    killed = {"outcome": "running", "calls": {"made": 7}, "calls_by_stage": {}, "stages": {}}
    with Run.open(config, folder.parent, "r"):
        (folder / "run_report.json").write_text(json.dumps({"tries": [killed]}))
        assert "Last try: running" in synth("status", folder).stdout
    monkeypatch.chdir(folder.parent)
    told = synth("status", "r").stdout
    assert "Last try: interrupted" in told
    command = next(line for line in told.splitlines() if line.startswith("  synth run"))
    assert shlex.split(command)[1:] == [
        *("run", str(folder / "run.toml"), "--name", "r", "--out", str(folder.parent))
    ]


def test_the_calls_of_the_screen_are_forecast(config: RunConfig, tmp_path: Path) -> None:
    """An embedder at an endpoint and a judge: neither is asked more than was said."""
    items = "".join(json.dumps({"question": f"How many are {n} and {n}?"}) + "\n" for n in range(70))
    (tmp_path / "bench.jsonl").write_text(items)
    screen = config.screen.model_copy(
        update={"benchmarks": (str(tmp_path / "bench.jsonl"),), "semantic": True, "paraphrase_cosine": 0.0}
    )
    roles = config.roles.model_copy(update={"judge": ("fake",), "embedder": "fake"})
    asked = config.model_copy(update={"screen": screen, "roles": roles})
    (expected,) = [stage for stage in forecast(asked).stages if stage.stage == "screen"]
    without = forecast(config)
    assert "screen" not in [stage.stage for stage in without.stages]
    assert not any("How many are" in str(e.messages) for e in forecast(asked).examples if e.stage == "screen")
    done = run(asked, name="asked", runs=tmp_path)
    used = read(done.folder)["tries"][0]["calls_by_stage"]["screen"]
    assert 0 < used["made"] <= (expected.calls or 0)
    assert used["prompt_tokens"] <= 1.5 * (expected.prompt_tokens or 0)
