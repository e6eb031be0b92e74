"""What the fake model says where a prompt asks for code: small functions, some of them wrong, and tests.

In: a question, and the stream of one request. Out: text in the form that is asked for. What is right depends
on the question only, so that right solutions agree whoever writes them; wrong ones are off by one or two,
with tests to match or without.
"""

import random

from synth.ids import stream

# Shares of responses: wrong code whose tests fit it, code that fails its own tests, another form.
WRONG, BROKEN, SHAPELESS = 0.15, 0.1, 0.05
FENCE = "```python"
_FORMS = (
    "def solve(n):\n    return {factor} * n + {rest}\n",
    "def solve(n):\n    total = {rest}\n    for _ in range(n):\n        total += {factor}\n"
    "    return total\n",
)


def solution(draw: random.Random, question: str) -> str:
    """A solution and its tests, in two blocks."""
    factor, rest = _task(question)
    kind, off = draw.random(), draw.randint(1, 2)
    if kind < SHAPELESS:
        return f"It is a multiplication.\n\n{_block(_code(draw, factor, rest))}"
    code_off = off if kind < SHAPELESS + WRONG + BROKEN else 0
    tests_off = off if kind < SHAPELESS + WRONG else 0
    code, tests = _code(draw, factor, rest + code_off), _tests(factor, rest + tests_off)
    return f"Each one counts {factor}, and {rest} come on top.\n\n{_block(code)}\n\nTests:\n\n{_block(tests)}"


def attempt(draw: random.Random, problem: str, model: str) -> str:
    """The code of a student, right as often as its ability for the problem says."""
    ability = stream(0, "fake-student", f"{model} {problem}").random()
    factor, rest = _task(problem)
    is_right = draw.random() < ability
    return f"I count them.\n\n{_block(_code(draw, factor, rest + (not is_right)))}"


def _task(question: str) -> tuple[int, int]:
    shared = stream(0, "fake-code", question)
    return shared.randint(2, 9), shared.randint(0, 20)


def _code(draw: random.Random, factor: int, rest: int) -> str:
    return draw.choice(_FORMS).format(factor=factor, rest=rest)


def _tests(factor: int, rest: int) -> str:
    return "".join(f"assert solve({n}) == {factor * n + rest}\n" for n in (0, 1, 7))


def _block(code: str) -> str:
    return f"{FENCE}\n{code}```"
