"""`synth verify` on options and on code: what it writes, and that code is run only where that is said."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from synth.errors import ConfigError
from synth.verify.code.sandbox import Sandbox

Synth = Callable[..., Result]
COLUMNS = ("--response", "response", "--gold", "gold")
QUESTION = "What is 3 + 4? (A) 5 (B) 7 (C) 12"


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def verdicts(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(out / "verdicts.parquet").to_pylist()
    return found


def test_options_are_compared_by_letter_and_text(synth: Synth, tmp_path: Path) -> None:
    pytest.importorskip("math_verify")
    said = [
        "The answer is (B).", "B", "So the answer is 7.", "\\boxed{A}", "\\boxed{7}", "I do not know.", None,
        "\\boxed{B. 12}",
    ]  # fmt: skip
    path = lines(tmp_path / "a.jsonl", [{"q": QUESTION, "response": text, "gold": "B"} for text in said])
    more = ("--kind", "choice", "--question", "q", "--out", tmp_path / "o", "--json")
    done = synth("verify", path, *COLUMNS, *more)
    assert done.exit_code == 0, done.output
    found = verdicts(tmp_path / "o")
    assert [row["correct"] for row in found] == [True, True, True, False, True, None, None, None]
    assert found[1]["extracted"] == "B"
    assert json.loads(done.stdout)["correct"] == 4
    without = synth("verify", path, *COLUMNS, "--kind", "choice", "--out", tmp_path / "p")
    assert without.exit_code == 0
    assert verdicts(tmp_path / "p")[2]["correct"] is None


def test_code_is_run_against_its_tests(synth: Synth, tmp_path: Path) -> None:
    try:
        Sandbox().require()
    except ConfigError as fault:
        pytest.skip(str(fault))
    cases = json.dumps([{"input": "1 2", "output": "3"}])
    rows = [
        {"response": "```python\ndef f(x): return 2 * x\n```", "gold": "assert f(2) == 4"},
        {"response": "```python\ndef f(x): return x\n```", "gold": "assert f(2) == 4"},
        {"response": "```python\nprint(sum(map(int, input().split())))\n```", "gold": cases},
        {"response": "I cannot.", "gold": "assert f(2) == 4"},
        {"response": "```python\ndef f(x): return x\n```", "gold": None},
        {"response": "```python\nimport os\nos._exit(0)\n```", "gold": "assert f(2) == 4"},
    ]
    path = lines(tmp_path / "a.jsonl", rows)
    asked = (*COLUMNS, "--kind", "code", "--out", tmp_path / "o")
    refused = synth("verify", path, *asked)
    assert refused.exit_code == 2
    assert "add --run-code" in refused.output
    assert not (tmp_path / "o").exists()
    done = synth("verify", path, *asked, "--run-code", "--seconds", 20, "--workers", 2)
    assert done.exit_code == 0, done.output
    found = verdicts(tmp_path / "o")
    assert [row["correct"] for row in found] == [True, False, True, None, None, False]
    assert found[0]["extracted"] == "def f(x): return 2 * x\n"
    assert found[1]["reason"].startswith("failed: AssertionError")
    assert found[4]["reason"].startswith("untested")
    assert found[5]["reason"].startswith("crashed")
