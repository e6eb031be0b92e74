"""The commands of docs/exports.md, run as they stand."""

import inspect
import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from flows.commands.export import export
from flows.commands.verify import verify
from synth.export import LeftOut, Options
from tests.cli.test_export_rollouts import attempts

PAGE = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()
BLOCKS = re.findall(r"<!-- runs -->\n```sh\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_run(
    synth: Callable[..., Result], finished: Path, home: Path, tmp_path: Path, command: str
) -> None:
    shutil.copytree(finished, home / "runs" / "first")
    rows = attempts(finished).to_pylist()
    (tmp_path / "rollouts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    program, *arguments = shlex.split(command)
    assert program == "synth"
    done = synth(*arguments)
    assert done.exit_code == 0, done.output
    assert Path(arguments[-1]).exists()


def test_every_form_has_a_command() -> None:
    forms = {re.findall(r"--format (\w+)", command)[0] for command in COMMANDS}
    assert forms == {"sft", "dpo", "rl", "alpaca", "sharegpt"}


def test_the_form_of_your_own(finished: Path) -> None:
    code = re.findall(r"```python\n(from synth.export import .*?)```", PAGE, re.DOTALL)[0]
    names: dict[str, Callable[..., object]] = {}
    exec(code, names)
    row = {"id": "q", "question": "What is 2 + 2?", "label": "4"}
    assert names["cloze"](row, Options()) == {"id": "q", "text": "What is 2 + 2? ____", "gap": "4"}
    with pytest.raises(LeftOut, match="no label"):
        names["cloze"]({**row, "label": ""}, Options())


def test_every_option_on_the_page_is_one_of_the_commands() -> None:
    known = set(re.findall(r'"(--[a-z-]+)"', inspect.getsource(export) + inspect.getsource(verify)))
    assert set(re.findall(r"--[a-z][a-z-]+", PAGE)) <= known
