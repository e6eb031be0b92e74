"""The direction of imports: synth never reaches for flows or Prefect, and the core reads no clock."""

import ast
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

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


IMPORTED = cache(lambda: {module: imported(module) for module in MODULES})


def reaching(wanted: Callable[[Path], bool], forbidden: Callable[[str], bool]) -> list[str]:
    """Modules that import what they must not, and what."""
    found = {name(m): sorted(filter(forbidden, names)) for m, names in IMPORTED().items() if wanted(m)}
    assert found
    return [f"{module} imports {', '.join(names)}" for module, names in found.items() if names]


def test_synth_never_imports_upwards() -> None:
    assert not reaching(lambda module: True, lambda n: n.split(".")[0] in {"prefect", "flows"})


def test_only_llm_reaches_the_network() -> None:
    assert not reaching(
        lambda module: "llm" not in module.parts, lambda n: n in NETWORK or n.split(".")[0] in NETWORK
    )


def test_stages_know_no_clock_and_no_global_randomness() -> None:
    clocks = {"time", "datetime", "uuid", "random", "secrets"}
    assert not reaching(lambda module: "stages" in module.parts, clocks.__contains__)


def test_a_broker_stays_small() -> None:
    heavy = {"pyarrow", "pandas", "prefect", "openai", "matplotlib", "networkx"}
    look = f"import sys, synth.llm.serving; sys.exit(' '.join({heavy!r} & set(sys.modules)) or 0)"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0


def test_modules_stay_small() -> None:
    assert not [name(m) for m in MODULES if len(m.read_text().splitlines()) > 400]
