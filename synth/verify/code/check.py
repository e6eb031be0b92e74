"""Whether code passes tests: the verdict of one response.

In: code, tests, a sandbox. Out: a verdict with its outcome. Assertions run in a box of their own and call the
code in another one over two pipes; of cases each is a box that reads and writes, compared here.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal, NamedTuple, get_args

from synth.errors import SynthError
from synth.text import one_line
from synth.verify.code.blocks import Case, Suite
from synth.verify.code.launcher import FAULTS
from synth.verify.code.sandbox import Box, Ended, Sandbox
from synth.verify.code.served import FORBIDDEN, NO_MEMORY, RAISED

# `untested`: there was nothing to test with, so nothing is known.
Outcome = Literal["passed", "failed", "timed_out", "memory", "forbidden", "crashed", "untested"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
LATE = "it took longer than it may"
LOUD = "it wrote more than it may"
NO_TESTS = "there are no tests that can be run"
_ENDS: dict[int, tuple[Outcome, str]] = {
    FORBIDDEN: ("forbidden", "it wanted what a box refuses"),
    NO_MEMORY: ("memory", "it wanted more memory than it may have"),
    RAISED: ("failed", "it raised an exception"),
    128 + 24: ("timed_out", LATE),  # SIGXCPU
}
_SIGNALS = 128
_DETAIL_CHARS = 500


class Checked(NamedTuple):
    """What came of one run of tests; `passed` is None where nothing is known."""

    outcome: Outcome
    detail: str

    @property
    def passed(self) -> bool | None:
        """Whether the code passed."""
        return None if self.outcome == "untested" else self.outcome == "passed"


PASSED = Checked("passed", "")
# Raised whenever equal code and tests may come to another verdict.
VERSION = 1


def runner() -> str:
    """What runs code: the version of our boxes, and the Python in them, where code may behave otherwise."""
    return f"synth boxes {VERSION}, Python {sys.version_info[0]}.{sys.version_info[1]}"


def check(code: str, tests: Suite | None, sandbox: Sandbox) -> Checked:
    """Run the tests; each box has the whole time of the sandbox.

    Raises:
        SynthError: no box can be made.
    """
    if tests is None:
        return Checked("untested", NO_TESTS)
    if tests.asserts:
        return _asserted(code, tests.asserts, sandbox)
    for number, case in enumerate(tests.cases, 1):
        found = _case(code, case, sandbox)
        if found.outcome != "passed":
            return found._replace(detail=f"case {number}: {found.detail}")
    return PASSED


def _asserted(code: str, tests: str, sandbox: Sandbox) -> Checked:
    with ExitStack() as held:
        asked, ask = held.enter_context(_pipe())
        heard, tell = held.enter_context(_pipe())
        served = held.enter_context(sandbox.boxed("served", {"code": code, "stdin": None}, (asked(), tell())))
        judge = held.enter_context(sandbox.boxed("asserted", {"tests": tests}, (heard(), ask())))
        for end in (asked, ask, heard, tell):
            end.close()
        ended = judge.ended()
        if ended.late or served.late:
            return Checked("timed_out", LATE)
        if not ended.output:
            served.kill()
            _sound(served.ended())
        _sound(ended)
        return _told(ended, served)


def _told(ended: Ended, served: Box) -> Checked:
    """The verdict that the tests wrote; without one they ended themselves."""
    try:
        told = json.loads(ended.output)
        # What the code raises is quoted in it: half of a surrogate pair goes into no table.
        outcome, detail = told["outcome"], one_line(str(told["detail"]), _DETAIL_CHARS)
    except (ValueError, KeyError, TypeError):
        return Checked("untested", "the tests ended their process")
    if outcome not in OUTCOMES:
        return Checked("untested", "the tests wrote a verdict of their own")
    if outcome == "crashed":
        served.kill()
        _sound(served.ended())
    return Checked(outcome, detail)


def _case(code: str, case: Case, sandbox: Sandbox) -> Checked:
    with sandbox.boxed("served", {"code": code, "stdin": case.stdin}) as box:
        ended = box.ended()
    if ended.late:
        return Checked("timed_out", LATE)
    if ended.loud:
        return Checked("forbidden", LOUD)
    _sound(ended)
    if ended.code in _ENDS:
        return Checked(*_ENDS[ended.code])
    if ended.code > _SIGNALS:
        return Checked("crashed", f"it was ended by signal {ended.code - _SIGNALS}")
    if ended.code != 0:
        return Checked("failed", f"it ended with exit code {ended.code}")
    return PASSED if _same(case.stdout, ended.output) else Checked("failed", "its output is another")


def _same(wanted: str, written: str) -> bool:
    """Whether two outputs are the same but for white space at the ends of lines and of the whole."""
    first, second = ([line.rstrip() for line in text.rstrip().splitlines()] for text in (wanted, written))
    return first == second


def _sound(ended: Ended) -> None:
    """Nothing, where the box was made as it should be."""
    if ended.code in FAULTS:
        raise SynthError(
            f"A box for code cannot be made: {FAULTS[ended.code]}; free the machine and run again."
        )


class _End:
    """One end of a pipe, closed once."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def __call__(self) -> int:
        assert self._descriptor is not None
        return self._descriptor

    def close(self) -> None:
        """Close it, unless it is closed."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@contextmanager
def _pipe() -> Iterator[tuple[_End, _End]]:
    reading, writing = map(_End, os.pipe())
    try:
        yield reading, writing
    finally:
        reading.close()
        writing.close()
