"""Runs inside a box of its own: the tests, with stand-ins for what the code in the other box defines.

In: through standard input a JSON object `{"tests": …}`; what the code answers, on descriptor `HEARD`. Out:
on standard output one JSON object, the verdict. The code never shares a process with its tests: it sees
arguments and gives plain values, so it can neither end the tests, nor change what `assert` means, nor be
equal to everything.
"""

import ast
import builtins
import json
import os
import sys
import types
from typing import Any, NoReturn

from synth.verify.code.plain import NotPlain, dumps, loads

HEARD, ASK = 3, 4
MOST_CHARS = 5_000_000


class Stopped(BaseException):
    """The verdict is known: nothing of the tests may catch this."""


class Verdict:
    """Collects what happens; written once, at the end."""

    asserts = 0
    asked = 0
    outcome = "passed"
    detail = ""

    def stop(self, outcome: str, detail: str) -> NoReturn:
        """Settle it, and leave the tests."""
        if self.outcome == "passed":
            self.outcome, self.detail = outcome, detail
        raise Stopped


class Line:
    """The line to the other box."""

    def __init__(self, verdict: Verdict) -> None:
        self._heard = os.fdopen(HEARD, "r", encoding="utf-8", errors="replace")
        self._ask = os.fdopen(ASK, "w", encoding="utf-8")
        self._verdict = verdict

    def hear(self) -> dict[str, Any]:
        """What the code says next."""
        line = self._heard.readline(MOST_CHARS)
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if not line:
            self._verdict.stop("crashed", "the code ended its process")
        if not isinstance(answer, dict):
            self._verdict.stop("failed", "what the code gives cannot be read")
        if "fault" in answer:
            self._raise(answer)
        return answer

    def ask(
        self, what: str, of: int, given: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        """Have something done in the other box; its value, or what it raises."""
        self._verdict.asked += 1
        request = {"what": what, "object": of, "given": [self._sent(one) for one in given]}
        request["named"] = {name: self._sent(one) for name, one in (named or {}).items()}
        try:
            self._ask.write(json.dumps(request) + "\n")
            self._ask.flush()
        except OSError:
            self._verdict.stop("crashed", "the code ended its process")
        answer = self.hear()
        for ours, after in zip(given, answer.get("given", ()), strict=False):
            if after is not None:
                _change(ours, loads(after))
        return self.value(answer)

    def value(self, answer: dict[str, Any]) -> Any:
        """A plain value, or a stand-in for an object of the code."""
        try:
            return Stand(self, int(answer["object"])) if "object" in answer else loads(answer["value"])
        except (ValueError, KeyError, TypeError):
            self._verdict.stop("failed", "what the code gives cannot be read")

    def _sent(self, value: Any) -> dict[str, Any]:
        if type(value) is Stand:
            return {"object": object.__getattribute__(value, "_of")}
        try:
            return {"value": dumps(value)}
        except NotPlain as fault:
            self._verdict.stop("untested", f"the tests give what cannot be given to another process: {fault}")

    def _raise(self, answer: dict[str, Any]) -> NoReturn:
        """The exception of the code, where it is one of Python's own; limits settle the verdict."""
        kind, name, said = (str(answer.get(key, "")) for key in ("fault", "name", "said"))
        if kind in ("forbidden", "memory"):
            self._verdict.stop(kind, f"{name}: {said}")
        found = getattr(builtins, name, None)
        if not (isinstance(found, type) and issubclass(found, Exception)):
            found, said = RuntimeError, f"{name}: {said}"
        try:
            fault = found(said)
        except Exception:
            fault = RuntimeError(f"{name}: {said}")
        raise fault


class Stand:
    """Stands for an object of the code. It is equal to itself only."""

    def __init__(self, line: Line, of: int) -> None:
        self._line = line
        self._of = of

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._line.ask("get", self._of, (name,))

    def __call__(self, *given: Any, **named: Any) -> Any:
        """What the object gives when it is called with these."""
        return self._line.ask("call", self._of, given, named)

    def __getitem__(self, key: Any) -> Any:
        return self._line.ask("item", self._of, (key,))

    def __len__(self) -> int:
        return int(self._line.ask("length", self._of))

    def __iter__(self) -> Any:
        stepper = self._line.ask("begin", self._of)
        while True:
            try:
                found = self._line.ask("next", object.__getattribute__(stepper, "_of"))
            except StopIteration:
                return
            yield found


class Counted(ast.NodeTransformer):
    """Puts a count before each assertion, so that tests which assert nothing are known."""

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt]:
        """The assertion, with its count."""
        count = ast.Expr(ast.Call(ast.Name(_COUNT, ast.Load()), [], []))
        return [ast.copy_location(count, node), node]


_COUNT = "__count__"


def main() -> None:
    """Run the tests and write the verdict."""
    tests = json.load(sys.stdin)["tests"]
    verdict_to = os.dup(1)
    nowhere = os.open("/dev/null", os.O_RDWR)
    for place in (0, 1, 2):
        os.dup2(nowhere, place)
    verdict = Verdict()
    try:
        _run(tests, verdict)
    except Stopped:
        pass
    except BaseException as fault:
        if verdict.outcome == "passed":
            verdict.outcome = "failed"
            verdict.detail = f"{type(fault).__name__}: {_said(fault)}"
    if verdict.outcome == "passed" and not (verdict.asserts and verdict.asked):
        missing = "ask nothing of the code" if verdict.asserts else "assert nothing"
        verdict.outcome, verdict.detail = "untested", f"the tests {missing}"
    told = {"outcome": verdict.outcome, "detail": verdict.detail[:500], "asserts": verdict.asserts}
    os.write(verdict_to, (json.dumps(told) + "\n").encode())


def _run(tests: str, verdict: Verdict) -> None:
    try:
        tree = ast.fix_missing_locations(Counted().visit(ast.parse(tests)))
        code = compile(tree, "tests", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        verdict.stop("untested", f"the tests are no Python ({type(fault).__name__})")
    line = Line(verdict)
    try:
        told = line.hear()["names"]
    except Exception as fault:
        verdict.stop("failed", f"the code cannot be loaded: {type(fault).__name__}: {_said(fault)}")
    names = {str(name): line.value(value) for name, value in told.items() if not _is_pythons(str(name))}
    module = types.ModuleType("solution")
    module.__dict__.update(names)
    sys.modules["solution"] = module

    def count() -> None:
        verdict.asserts += 1

    exec(code, {**names, "__name__": "__main__", _COUNT: count})
    if verdict.outcome != "passed":
        raise Stopped


def _is_pythons(name: str) -> bool:
    """Whether it means something to Python itself: with `__builtins__` the code would say what `abs` is."""
    return name.startswith("__") or hasattr(builtins, name)


def _change(ours: Any, after: Any) -> None:
    """Bring a container to what the code made of its copy."""
    if type(ours) is not type(after) and not isinstance(ours, bytearray):
        return
    if isinstance(ours, list | bytearray):
        ours[:] = after
    elif isinstance(ours, dict | set):
        ours.clear()
        ours.update(after)


def _said(fault: BaseException) -> str:
    try:
        return str(fault)
    except Exception:
        return ""


if __name__ == "__main__":
    main()
