"""Real answers of benchmarks, rewritten and shuffled, and recorded verdicts on real solutions."""

from pathlib import Path

import pytest

from benchmarks.equivalence import FILES, answers, recorded, rewritten, shuffled
from synth.verify.equivalence.decide import by_rules
from synth.verify.equivalence.engine import Equivalence
from synth.verify.equivalence.outcome import UNREAD
from synth.verify.final_answer import find_answer

pytest.importorskip("math_verify")


@pytest.mark.parametrize("name", FILES)
def test_equivalent_rewrites_are_accepted(name: str, test_data: Path) -> None:
    # By the rules alone, which is a lower bound: the library accepts more, and takes minutes.
    pairs = rewritten(answers(test_data, name))
    accepted = sum(by_rules(gold, other).equal is True for gold, other in pairs)
    assert len(pairs) > 4_000
    assert accepted >= 0.99 * len(pairs)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_shuffled_answers_are_not_accepted(name: str, test_data: Path) -> None:
    pairs = shuffled(answers(test_data, name), 2)
    outcomes = [by_rules(gold, other) for gold, other in pairs]
    assert sum(o.equal is True for o in outcomes) <= 0.001 * len(pairs)
    # What the library is asked about, a few of them.
    asked = [pair for pair, outcome in zip(pairs, outcomes, strict=True) if outcome is UNREAD]
    with Equivalence(workers=2, seconds=2) as engine:
        assert not any(outcome.equal for outcome in engine.outcomes(asked[:40]))


def test_the_final_answer_is_found_in_free_text(test_data: Path) -> None:
    rows = recorded(test_data)
    assert len(rows) == 5_276
    found = [find_answer(response, "free") for _, response, _ in rows]
    with Equivalence() as engine:
        outcomes = engine.outcomes(
            (gold, answer.text if answer else "") for (gold, _, _), answer in zip(rows, found, strict=True)
        )
        agreed = [(o.equal is True) == verdict for o, (_, _, verdict) in zip(outcomes, rows, strict=True)]
    assert sum(agreed) >= 0.995 * len(agreed)
