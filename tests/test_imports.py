"""The direction of imports: synth never reaches for flows or Prefect, and the core reads no clock."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "synth").rglob("*.py"))
NETWORK = {"httpx", "httpx2", "openai", "requests", "socket", "urllib.request", "huggingface_hub", "uvicorn"}


def imported(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def name(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_synth_never_imports_upwards(module: Path) -> None:
    assert not {n for n in imported(module) if n.split(".")[0] in {"prefect", "flows"}}


@pytest.mark.parametrize("module", [m for m in MODULES if "llm" not in m.parts], ids=name)
def test_only_llm_reaches_the_network(module: Path) -> None:
    assert not {n for n in imported(module) if n in NETWORK or n.split(".")[0] in NETWORK}


@pytest.mark.parametrize("module", [m for m in MODULES if "stages" in m.parts], ids=name)
def test_stages_know_no_clock_and_no_global_randomness(module: Path) -> None:
    assert not imported(module) & {"time", "datetime", "uuid", "random", "secrets"}


def test_a_broker_stays_small() -> None:
    heavy = {"pyarrow", "pandas", "prefect", "openai", "matplotlib", "networkx"}
    look = f"import sys, synth.llm.serving; sys.exit(' '.join({heavy!r} & set(sys.modules)) or 0)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_modules_stay_small(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= 400
