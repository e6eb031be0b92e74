"""Real code: the solutions of HumanEval pass the examples of their own docstrings, and fail changed ones."""

import ast
import doctest
import gzip
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from synth.verify.code.blocks import Suite
from synth.verify.code.check import check
from synth.verify.code.sandbox import Sandbox

DATA = os.environ.get("SYNTH_TEST_DATA")


def examples() -> Iterator[tuple[str, list[str]]]:
    """Code, and its examples as assertions, as far as they are plain values."""
    path = Path(str(DATA)) / "benchmarks" / "humaneval.jsonl.gz"
    for line in gzip.decompress(path.read_bytes()).splitlines():
        code = json.loads(line)["question"]
        try:
            found = doctest.DocTestParser().get_examples(code)
        except ValueError:
            continue
        asserts = []
        for example in found:
            source, want = example.source.partition("#")[0].strip(), example.want.strip()
            try:
                ast.literal_eval(want)
                compile(source, "", "eval")
            except (ValueError, SyntaxError):
                continue
            asserts.append(f"assert ({source}) == ({want})")
        if asserts:
            yield code, asserts


@pytest.mark.slow
@pytest.mark.skipif(not DATA, reason="SYNTH_TEST_DATA is not set")
def test_real_solutions_pass_their_own_examples_and_fail_changed_ones(sandbox: Sandbox) -> None:
    known = list(examples())
    assert len(known) > 50

    def both(item: tuple[str, list[str]]) -> tuple[str, str]:
        code, asserts = item
        changed = [asserts[0].rpartition(" == (")[0] + " == ('changed',)", *asserts[1:]]
        suites = (Suite(asserts="\n".join(lines)) for lines in (asserts, changed))
        first, second = (check(code, suite, sandbox).outcome for suite in suites)
        return first, second

    with ThreadPoolExecutor(2) as threads:
        assert set(threads.map(both, known)) == {("passed", "failed")}
