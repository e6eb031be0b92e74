"""Help is complete, quick to import, and needs no environment."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from flows.cli import app

HEAVY = {
    "prefect",
    "pandas",
    "pyarrow",
    "openai",
    "pydantic",
    "numpy",
    "networkx",
    "rich",
    "starlette",
    "duckdb",
    "jinja2",
    "uvicorn",
    "tomlkit",
}
ROOT = Path(__file__).parents[2]


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    yield " ".join(path) or "synth", command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))


ALL = dict(commands(typer.main.get_command(app)))


def test_the_commands_of_the_contract_are_there() -> None:
    wanted = {"demo", "run", "init", "check", "status", "stats", "explain", "export", "fake-endpoint"}
    wanted |= {"verify", "dedup", "decontaminate", "weaknesses", "rollouts", "select"}
    wanted |= {"view", "index", "compare", "serve", "repair"}
    assert wanted | {"models", "models fetch", "models verify", "models serve", "synth"} == set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_every_command_and_option_has_help(name: str) -> None:
    command = ALL[name]
    assert command.help
    for parameter in command.params:
        assert parameter.help, f"{name}: {parameter.opts}"
        assert parameter.help.endswith("."), f"{name}: {parameter.opts}"


def test_help_imports_nothing_heavy_and_needs_no_environment() -> None:
    code = (
        "import sys\n"
        "from flows.cli import app\n"
        "try:\n    app(['--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "print('MODULES', *{name.partition('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    help_text, _, modules = done.stdout.partition("MODULES")
    assert "fake-endpoint" in help_text
    assert not HEAVY & set(modules.split())
