"""Solutions and tests of several samples: which of them agree, and whether that is enough for an answer.

In: the samples of one question, each a solution with tests of its own, and a way to run tests. Out: the
sample that is kept, and the share that agrees. Each solution meets the tests of every other one. Tests are
believed where their own solution and more than half of all solutions pass them; a solution agrees where it
passes its own tests and all believed ones of others. So a wrong test fells nobody alone, and a wrong
solution with tests to match agrees with nobody (the idea is that of CodeT, arXiv 2207.10397, with a share
instead of a score). Nothing here runs code by itself.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from synth.verify.code.blocks import Suite
from synth.verify.code.check import Checked

Run = Callable[[str, Suite], Checked]
Why = Literal["agreed", "no_code", "own_tests", "no_believed_tests", "below_share"]
NOTHING = Checked("untested", "there is no code, or there are no tests")


class Attempt(NamedTuple):
    """What one sample gave; None where it gave none."""

    code: str | None
    tests: Suite | None


class Agreement(NamedTuple):
    """The place of the sample that is kept, or None, and why; `agreement` is the share of all samples.

    It is None of a single sample. `own` is what came of each solution against its own tests, `agreeing` the
    places that agree, `believed` those whose tests were believed.
    """

    winner: int | None
    why: Why
    agreement: float | None
    own: tuple[Checked, ...]
    agreeing: tuple[int, ...]
    believed: tuple[int, ...]


def agree(attempts: Sequence[Attempt], run: Run, minimum_share: float = 0.5) -> Agreement:
    """The first solution that agrees, if enough do; of one sample alone that one, if it passes its own tests.

    Runs each solution against the tests of each that passes its own: at most `k` times `k` runs.
    """
    own = tuple(_own(attempt, run) for attempt in attempts)
    sound = [place for place, found in enumerate(own) if found.passed]
    if not any(attempt.code for attempt in attempts):
        return Agreement(None, "no_code", None, own, (), ())
    if not sound:
        return Agreement(None, "own_tests", _share((), attempts), own, (), ())
    if len(attempts) == 1:
        return Agreement(0, "agreed", None, own, (0,), (0,))
    passed = {place: _passing(attempts, place, run) for place in sound}
    believed = tuple(place for place in sound if 2 * len(passed[place]) > len(attempts))
    agreeing = tuple(
        place
        for place in sound
        if (others := [other for other in believed if other != place])
        and all(place in passed[other] for other in others)
    )
    share = _share(agreeing, attempts)
    if not believed:
        return Agreement(None, "no_believed_tests", share, own, (), ())
    if not agreeing or len(agreeing) < minimum_share * len(attempts) - 1e-9:
        return Agreement(None, "below_share", share, own, agreeing, believed)
    return Agreement(agreeing[0], "agreed", share, own, agreeing, believed)


def _own(attempt: Attempt, run: Run) -> Checked:
    return run(attempt.code, attempt.tests) if attempt.code and attempt.tests else NOTHING


def _passing(attempts: Sequence[Attempt], place: int, run: Run) -> frozenset[int]:
    """The solutions that pass the tests of one sample, itself among them."""
    tests = attempts[place].tests
    assert tests is not None
    others = ((other, one.code) for other, one in enumerate(attempts) if other != place and one.code)
    return frozenset({place, *(other for other, code in others if run(code, tests).passed)})


def _share(agreeing: Sequence[int], attempts: Sequence[Attempt]) -> float | None:
    return len(agreeing) / len(attempts) if len(attempts) > 1 else None
