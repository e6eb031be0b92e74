"""`--rows` and the ceiling of candidates on the command line: what is said, and what is forecast."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from synth.config import RunConfig
from synth.forecast import forecast

Synth = Callable[..., Result]


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_target_is_told_at_the_end_and_in_the_figures(synth: Synth, documents: Path) -> None:
    command = ("run", "synthllm-recommended", "--documents", documents, "--model", "fake", "--no-ui")
    done = synth(*command, "--name", "t", "--rows", "7")
    assert done.exit_code == 0, done.output
    assert "Target: 7 of 7 rows, from " in flat(done.stdout)
    assert "rows each): reached." in flat(done.stdout)
    assert "05 questions: wave 1 asks the first " in flat(done.stderr)
    assert "Target: 7 of 7 rows, from " in flat(synth("stats", "t").stdout)
    told = json.loads(synth("stats", "t", "--json").stdout)
    assert told["dataset"]["target"] == told["report"]["target"]
    assert told["dataset"]["target"]["stop"] == "reached"
    assert told["dataset"]["rows"] == told["dataset"]["target"]["rows"] == 7

    missed = synth(*command, "--name", "t", "--rows", "100000")
    assert missed.exit_code == 0, missed.output
    assert "of 100,000 rows" in flat(missed.stdout)
    assert "not reached, as no combination is left" in flat(missed.stdout)
    assert "Target" not in synth(*command, "--name", "t").stdout


def test_a_target_of_nothing_is_wrong_usage(synth: Synth, documents: Path) -> None:
    for wrong in (("--rows", "0"), ("--set", "target.rows=-1"), ("--set", "target.candidates=many")):
        done = synth("run", "synthllm-recommended", "--documents", documents, "--model", "fake", *wrong)
        assert done.exit_code == 2, wrong


@pytest.mark.parametrize("ceiling", [1, 4])
def test_the_ceiling_bounds_the_forecast(config: RunConfig, ceiling: int) -> None:
    capped = config.model_copy(update={"target": config.target.model_copy(update={"candidates": ceiling})})
    whole, few = ({s.stage: s for s in forecast(c).stages} for c in (config, capped))
    assert few["questions"].calls == ceiling < (whole["questions"].calls or 0)
    assert few["questions"].rows == few["answers"].calls == 5 * ceiling
    assert few["combinations"] == whole["combinations"]
    assert [e.prompt for e in forecast(capped).examples] == [e.prompt for e in forecast(config).examples]


def test_a_dry_run_says_what_a_target_means_for_it(synth: Synth, documents: Path) -> None:
    command = ("run", "synthllm-recommended", "--documents", documents, "--model", "fake", "--dry-run")
    done = synth(*command, "--rows", "7", "--set", "target.candidates=4")
    assert done.exit_code == 0, done.output
    assert "The run ends once it has 7 rows" in flat(done.stdout)
    assert "Questions are asked of 4 combinations at most." in flat(done.stdout)
