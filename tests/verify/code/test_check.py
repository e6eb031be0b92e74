"""Right code passes, wrong code does not, and what cannot be tested is not known."""

import os

import pytest

from synth.verify.code import sandbox as boxes
from synth.verify.code.agree import Attempt, agree
from synth.verify.code.blocks import Case, Suite, code_of, suite_of
from synth.verify.code.check import Checked, check
from synth.verify.code.plain import NotPlain, dumps, loads
from synth.verify.code.sandbox import Sandbox

DOUBLE = "def f(x): return 2 * x"


@pytest.mark.parametrize(
    ("code", "tests", "outcome"),
    [
        (DOUBLE, "assert f(2) == 4\nassert f([1]) == [1, 1]", "passed"),
        (DOUBLE, "assert f(2) == 4\nassert f(2) == 5", "failed"),
        (DOUBLE, "from solution import f\nassert f(2) == 4", "passed"),
        (DOUBLE, "def check(candidate):\n    assert candidate(2) == 4\ncheck(f)", "passed"),
        (DOUBLE, "assert g(2) == 4", "failed"),
        ("def f(x) return", "assert f(2) == 4", "failed"),
        ("def f(l): l.sort()", "l = [2, 1]\nf(l)\nassert l == [1, 2]", "passed"),
        ("def f(d): d['a'] = {1}", "d = {}\nf(d)\nassert d == {'a': {1}}", "passed"),
        ("class S:\n    def __init__(self, n=1): self.n = n\n    def add(self, x): return self.n + x", "s = S(n=3)\nassert s.add(2) == 5 and s.n == 3", "passed"),
        ("def f():\n    yield 1\n    yield 2", "assert list(f()) == [1, 2]", "passed"),
        ("def f(): return (1, {'a': [2.5, None, b'x', 1j]}, frozenset({3}), float('inf'), range(2))", "assert f() == (1, {'a': [2.5, None, b'x', 1j]}, frozenset({3}), float('inf'), range(2))", "passed"),
        ("def f(x):\n    if x < 0: raise ValueError('no')\n    return x", "assert f(1) == 1\ntry:\n    f(-1)\nexcept ValueError: pass\nelse: assert False", "passed"),
        ("import math\nPI = math.pi\ndef area(r): return PI * r ** 2", "import math\nassert math.isclose(area(1), PI)", "passed"),
        ("print('loud')\ndef f(x): print('x' * 5000000); return 2 * x", "assert f(2) == 4", "passed"),
        (DOUBLE, "assert True", "untested"),
        (DOUBLE, "def never():\n    assert f(2) == 5", "untested"),
        (DOUBLE, "assert f(lambda: 2) == 4", "untested"),
        (DOUBLE, "import os\nos._exit(0)\nassert f(2) == 4", "untested"),
    ],
)  # fmt: skip
def test_assertions(code: str, tests: str, outcome: str, sandbox: Sandbox) -> None:
    assert check(code, Suite(asserts=tests), sandbox).outcome == outcome


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("a, b = map(int, input().split())\nprint(a + b)", "passed"),
        ("import sys\nprint(sum(map(int, sys.stdin.buffer.read().split())), end='\\n\\n')", "passed"),
        ("import sys\nprint(3); sys.exit(0)", "failed"),
        ("a, b = map(int, input().split())\nprint(a * b)", "failed"),
        ("a, b = map(int, input().split())\nprint(a + b); raise SystemExit(1)", "failed"),
        ("print(1/0)", "failed"),
        ("input(); input()", "failed"),
    ],
)
def test_cases(code: str, outcome: str, sandbox: Sandbox) -> None:
    tests = Suite(cases=(Case("1 2\n", "3\n"), Case("4 5", "9")))
    assert check(code, tests, sandbox).outcome == outcome


def test_without_tests_nothing_is_known(sandbox: Sandbox) -> None:
    found = check(DOUBLE, None, sandbox)
    assert (found.outcome, found.passed) == ("untested", None)


def test_many_open_files_change_no_verdict(sandbox: Sandbox) -> None:
    """A run with hundreds of calls under way has as many; the ends of pipes then have any numbers."""
    suite, held = Suite(asserts="assert f(1) == 2"), list[int]()
    try:
        for most in (*range(186, 204), 900):
            while not held or held[-1] < most:
                held.append(os.open(os.devnull, os.O_RDONLY))
            assert check("def f(x):\n    return x + 1", suite, sandbox).outcome == "passed"
    finally:
        for number in held:
            os.close(number)


def test_where_no_box_can_be_made_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes.sys, "platform", "darwin")
    boxes._fault.cache_clear()
    try:
        assert "Linux only" in str(boxes._fault("namespaces"))
    finally:
        boxes._fault.cache_clear()


def test_where_only_sealed_boxes_can_be_made_they_are_named() -> None:
    weak = boxes._fault("limits")
    if weak is None or boxes._fault("namespaces") is not None:
        pytest.skip("needs a place where sealed boxes can be made and others cannot")
    assert "leave out --weak-sandbox" in weak and "another user" not in weak


def test_the_last_block_that_is_no_test_is_the_code() -> None:
    text = "First:\n```python\ndef f(x): return x\n```\nBetter:\n```python\ndef f(x): return 2 * x\n```\nTests:\n```python\nassert f(2) == 4\n```\nOutput:\n```\n4\n```\n"
    assert code_of(text) == "def f(x): return 2 * x\n"
    assert code_of(f"<think>\n```python\nwrong\n```\n</think>\n```\n{DOUBLE}\n```") == f"{DOUBLE}\n"
    assert code_of("no code") is None
    assert code_of("```bash\nls\n```") is None
    assert code_of("```python\n" + "x = 1\n" * 50_000 + "```") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("assert f(2) == 4", Suite(asserts="assert f(2) == 4")),
        ("```python\nassert f(2) == 4\n```", Suite(asserts="assert f(2) == 4\n")),
        ('[{"input": "1", "output": "2"}]', Suite(cases=(Case("1", "2"),))),
        ('{"inputs": ["1"], "outputs": ["2"]}', Suite(cases=(Case("1", "2"),))),
        ('{"inputs": ["1"], "outputs": []}', None),
        ('[{"input": 1}]', None),
        ("42", None),
        ("it should be fast", None),
        ("assert" * 100_000, None),
        ("(" * 50_000, None),
    ],
)
def test_tests_are_read_strictly(text: str, found: Suite | None) -> None:
    assert suite_of(text) == found


@pytest.mark.parametrize(
    "value", [None, True, 1.5, "ß\ud800", (1, [2, {3: b"\x00"}]), {(1, 2): {"a"}}, 1j, range(1, 9, 2)]
)
def test_plain_values_come_back(value: object) -> None:
    assert loads(dumps(value)) == value


def test_other_objects_do_not_travel() -> None:
    class Sly(int):
        pass

    for value in (Sly(1), object(), [Sly(1)], lambda: 1):
        with pytest.raises(NotPlain):
            dumps(value)
    for line in (
        "{}",
        '{"x": 1}',
        '{"l": 1}',
        '{"b": "x"}',
        "[",
        '{"l": [1], "t": []}',
        '{"s": [{"l": []}]}',
    ):
        with pytest.raises(ValueError):
            loads(line)


def test_solutions_that_pass_each_others_tests_agree() -> None:
    """Behaviour is looked up: what each code does is its name, what tests ask is theirs."""
    asked: list[tuple[str, str]] = []

    def run(code: str, tests: Suite) -> Checked:
        asked.append((code, tests.asserts))
        return Checked("passed" if code == tests.asserts or tests.asserts == "all" else "failed", "")

    def attempt(code: str | None, tests: str | None) -> Attempt:
        return Attempt(code, Suite(asserts=tests) if tests else None)

    right, wrong, none = attempt("r", "r"), attempt("w", "w"), attempt(None, None)
    found = agree([wrong, right, right, right], run)
    assert (found.winner, found.why, found.agreement) == (1, "agreed", 0.75)
    assert (found.agreeing, found.believed) == ((1, 2, 3), (1, 2, 3))
    # Suite that fit nobody else fell nobody; failed extraction counts among the samples.
    assert agree([right, right, none, wrong], run).why == "no_believed_tests"
    assert agree([right, right, right, none], run).agreement == 0.75
    # A solution that fails its own tests does not agree, and two camps leave nobody.
    assert agree([attempt("r", "x"), right, right, right], run).agreeing == (1, 2, 3)
    assert agree([right, right, wrong, wrong], run).winner is None
    assert agree([right, attempt("w", "all"), right, right], run, 0.9).why == "below_share"
    assert agree([none, none], run).why == "no_code"
    assert agree([attempt("r", "w")], run).why == "own_tests"
    alone = agree([right], run)
    assert (alone.winner, alone.agreement) == (0, None)
