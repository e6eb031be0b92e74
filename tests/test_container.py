"""The container's file as far as it can be read without an engine, and the sentence for a system that is none of ours."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

from typer.main import get_command

from flows.cli import app

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
STEPS = [
    line.split(maxsplit=1)
    for line in re.sub(r"\\\n", " ", DOCKERFILE).splitlines()
    if line.strip() and not line.startswith("#")
]


def steps(kind: str) -> list[str]:
    return [rest for name, rest in STEPS if name == kind]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copied = {path for step in steps("COPY") if "--from" not in step for path in step.split()[:-1]}
    assert "*" in ignored and copied == allowed
    assert all((ROOT / path).exists() for path in copied)


def test_the_package_finds_what_it_is_built_of() -> None:
    """Read in the project's own words: the paths that pyproject.toml, setup.py and MANIFEST.in name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    copied = " ".join(steps("COPY")).split()
    named = {project["project"]["readme"], *project["project"]["license-files"], "data/sample", "MANIFEST.in"}
    named |= {pattern.rstrip("*") for pattern in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert named <= set(copied)


def test_it_runs_our_command_as_nobody_special() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    entry = steps("ENTRYPOINT")
    assert [eval(step) for step in entry] == [["synth"]] and "synth" in project["project"]["scripts"]
    assert steps("USER") == ["synth"] and "useradd --uid 1000" in DOCKERFILE
    assert steps("VOLUME") == ["/data"] and "SYNTH_HOME=/data" in " ".join(steps("ENV"))
    base = steps("FROM")[-1]
    minor = int(re.fullmatch(r"python:3\.(\d+)-slim", base)[1])  # type: ignore[index]
    assert minor >= int(project["project"]["requires-python"].rpartition(".")[2])


def test_nothing_secret_is_baked_in_and_nobody_is_let_in() -> None:
    assert not re.search(r"(?i)key|token|secret|password|https?://|0\.0\.0\.0", DOCKERFILE)
    assert steps("ADD") == steps("EXPOSE") == []


def test_the_commands_of_its_page_are_ours() -> None:
    page = (ROOT / "docs" / "platforms.md").read_text()
    known = get_command(app).commands  # type: ignore[attr-defined]
    found = []
    for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL):
        for line in re.sub(r"\\\n", " ", block).splitlines():
            words = shlex.split(line)
            if words[:2] == ["docker", "run"]:
                found.append(words[words.index("synth") + 1])
                options = {option for p in known[found[-1]].params for option in p.opts}
                assert {word for word in words[words.index("synth") :] if word.startswith("--")} <= options
    assert found == ["run", "stats", "view"]


def test_windows_is_told_where_to_go() -> None:
    code = "import sys; sys.platform = 'win32'; import synth"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith(
        "ImportError: synth runs on Linux and macOS"
    )
