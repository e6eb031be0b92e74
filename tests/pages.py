"""Blocks of documentation that are marked as ones that run, and how they are run: as they stand.

A mark stands in the line before a block: `<!-- runs -->`, `<!-- runs: 3 -->` for a last exit code other than 0,
`<!-- runs with a server -->` where Prefect is needed. Commands of synth run in this process, which saves the
imports of each; whatever needs a shell gets one.
"""

import os
import re
import shlex
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

from typer.testing import CliRunner

from flows.cli import app

ROOT = Path(__file__).parent.parent
SHELL = re.compile(r"[$|>*]")


class Block(NamedTuple):
    """Code in a language, the exit code that it ends with, and whether it needs a server."""

    language: str
    code: str
    ends: int = 0
    server: bool = False

    @property
    def lines(self) -> list[str]:
        """Lines of a shell as it reads them: joined where they end in a backslash."""
        return [
            line for line in self.code.replace("\\\n", " ").splitlines() if line and not line.startswith("#")
        ]


def blocks(text: str) -> list[Block]:
    found = re.findall(r"<!-- runs(: \d)?( with a server)? -->\n```(\w+)\n(.*?)```", text, re.DOTALL)
    return [Block(language, code, int(ends[2:] or 0), bool(server)) for ends, server, language, code in found]


def files(text: str) -> dict[str, str]:
    """The files that a page shows: blocks behind `<!-- file: NAME -->`."""
    return dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL))


def links(text: str) -> set[tuple[str, str]]:
    """Path and anchor of each link within the project."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return {link for link in re.findall(r"\]\(([^)#\s:]*)(?:#([^)\s]*))?\)", prose) if any(link)}


def is_there(page: Path, path: str, anchor: str) -> bool:
    """Whether a link of a page leads to a file, and to a heading of it."""
    target = page.parent / path if path else page
    if not target.exists() or not anchor:
        return target.exists()
    heads = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
    return anchor in [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads]


def run(block: Block) -> str:
    """Run a block in the working folder; what it printed."""
    if block.language == "python":
        return shell([sys.executable, "-c", block.code], 0)
    return "".join(line_of(line, block.ends) for line in block.lines)


def line_of(line: str, ends: int) -> str:
    words = shlex.split(line, comments=True)
    if words[0] == "export":
        name, _, value = words[1].partition("=")
        os.environ[name] = value
        return ""
    if words[:2] == ["synth", "view"]:
        return viewed(words)
    if words[0] != "synth" or SHELL.search(line):
        return shell(["bash", "-euo", "pipefail", "-c", line], ends)
    done = CliRunner().invoke(app, words[1:])
    assert done.exit_code == ends, f"{line}\n{done.output}"
    return done.output


def shell(command: list[str], ends: int) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == ends, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def viewed(words: list[str]) -> str:
    """Start the viewer at a free port, look at the page that it names, end it."""
    command = [sys.executable, "-m", "flows.cli", *words[1:], "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as viewer:
        assert viewer.stdout is not None
        try:
            return page(next(line.strip() for line in viewer.stdout if "http://" in line))
        finally:
            viewer.terminate()


def page(url: str) -> str:
    for left in reversed(range(100)):  # its socket is open before it answers
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return str(answer.read(), "utf-8")
        except ConnectionError:
            assert left
            time.sleep(0.1)
    return ""
