"""The examples of the README, run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import corpus

README = (Path(__file__).parent.parent / "README.md").read_text()
# Blocks marked `<!-- runs -->` run in order in one folder; the others need an endpoint or an installation.
BLOCKS = re.findall(r"<!-- runs -->\n```(\w+)\n(.*?)```", README, re.DOTALL)


@pytest.mark.slow
def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNTH_HOME")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    corpus.write(tmp_path / "notes")
    assert [language for language, _ in BLOCKS] == ["sh", "sh", "sh", "python", "sh"]
    for language, code in BLOCKS:
        shell = ["bash", "-euo", "pipefail", "-c", code]
        done = subprocess.run(
            shell if language == "sh" else [sys.executable, "-c", code], capture_output=True, text=True
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "first.jsonl").stat().st_size > 0


def test_the_readme_names_every_command_and_recipe() -> None:
    from flows.cli import app
    from synth.settings import shipped_recipes

    commands = {c.name or getattr(c.callback, "__name__", "") for c in app.registered_commands}
    commands |= {g.name or "" for g in app.registered_groups}
    assert {c for c in commands if f"`synth {c}" not in README} == set()
    assert {r for r in shipped_recipes() if f"`{r}`" not in README} == set()
