"""One finished run with the fake model, for all that look at runs; and the command line without Prefect."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.cli import app
from synth import facade
from synth.config import RunConfig

DOCUMENTS = {
    "lines.md": """# Lines

A linear equation in one unknown has the form $ax + b = c$. Its slope is a rate of change: the ratio of the
change of y to the change of x. A tank holds 40 litres and a pump adds 6 litres per minute, so the volume is
a linear function of time and its slope is 6 litres per minute.
""",
    "energy.md": """# Energy

Energy is conserved: without friction the sum of kinetic energy and potential energy stays the same. A body
that falls from 20 metres turns potential energy into kinetic energy, and its speed follows from the square
root of twice the height times the acceleration of free fall.
""",
    "waves.txt": """A wave carries energy and no matter. Its speed is the product of frequency and wavelength.
When a wave enters a denser medium its frequency stays the same, its wavelength becomes shorter, and the ratio
of the speeds is the refractive index of the medium.
""",
}


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def config(documents: Path) -> RunConfig:
    few = ["combinations.max_level3=4", "combinations.level2_sets=1", "combinations.min_concepts=2"]
    return facade.recipe("synthllm-recommended", [str(documents)], "fake", None, few)


@pytest.fixture(scope="session")
def finished(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run: to be read, never to be changed."""
    runs = tmp_path_factory.mktemp("home") / "runs"
    return facade.run(config, name="done", runs=runs, clock=time.time).folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYNTH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SYNTH_DEBUG", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("flows.terminal.program", lambda: "synth")  # here it would be the test runner's name
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def synth(home: Path) -> Iterator[Callable[..., Result]]:
    """`synth("run", …)`: the command line in this process."""
    runner = CliRunner()
    yield lambda *arguments: runner.invoke(app, [str(a) for a in arguments])
