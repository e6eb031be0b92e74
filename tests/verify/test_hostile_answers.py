"""Answers that hang, crash or fill a computer algebra system cost themselves only."""

import io
import os
import signal
import time
from pathlib import Path

import pytest

from benchmarks.hostile import hostile_pairs
from synth import processes, resting
from synth.errors import ConfigError, SynthError
from synth.verify.equivalence import engine, slot, worker
from synth.verify.equivalence.decide import by_rules
from synth.verify.equivalence.engine import Equivalence
from synth.verify.equivalence.slot import Slot

pytest.importorskip("math_verify")
# No processor is so fast that it decides this one within the seconds of these tests.
HANGS = (r"\sum_{k=1}^{10^9} \sin(k)", r"\sum_{k=1}^{10^9} \cos(k)")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


def test_a_pair_that_hangs_costs_itself() -> None:
    with Equivalence(seconds=1) as found:
        pairs = [(r"\sum_{k=1}^{4} k", "10"), HANGS, (r"\sum_{k=1}^{5} k", "15")]
        outcomes = list(found.outcomes(pairs))
    assert [outcome.equal for outcome in outcomes] == [True, None, True]
    assert outcomes[1].reason == "no answer within 1 s"


def test_a_pair_that_takes_much_memory_costs_itself() -> None:
    with Equivalence(seconds=2, memory_mb=64) as found:
        outcome = found.same(r"\sum_{k=1}^{3} 10^{10^{9}} k", r"10^{10^{9}} \sum_{k=1}^{3} k^2")
        assert outcome.equal is None
        assert found.same(r"\sum_{k=1}^{4} k", "10").equal is True


def test_a_worker_whose_memory_ran_out_asks_for_a_successor(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(gold: str, answer: str) -> None:
        raise MemoryError

    monkeypatch.setattr("synth.verify.equivalence.library.same", full)
    requests, replies = [b'[1, "x", "y"]\n', b'[2, "x", "y"]\n'], io.BytesIO()
    monkeypatch.setattr("synth.verify.equivalence.worker.bound_memory", lambda megabytes: None)
    monkeypatch.setattr("synth.verify.equivalence.worker.bound_processor", lambda seconds: None)
    assert worker._answer(replies, b'{"memory_mb": 1, "seconds": 1}', iter(requests)) == slot.WORN_OUT
    assert replies.getvalue().split()[1:] == [b"S1", b"M"]


def test_a_worker_that_was_killed_is_replaced() -> None:
    asked = Slot(seconds=20, memory_mb=512)
    try:
        assert asked.check(r"\sum_{k=1}^{4} k", "10").equal is True
        first = asked._pid
        os.kill(first, signal.SIGKILL)
        assert asked.check(r"\sum_{k=1}^{4} k", "10").equal is True
        assert asked._pid != first
    finally:
        asked.close()
    assert not is_alive(first)


def test_the_end_of_the_process_that_forks_is_told() -> None:
    asked = Slot(seconds=20, memory_mb=512)
    try:
        asked.check("x", "y")
        asked.kill()
        with pytest.raises(SynthError, match=r"has ended \(SIGKILL\); run the same command again\.$"):
            asked.check("x", "y")
    finally:
        asked.close()


def test_nobody_is_left_behind_but_one_that_rests_for_the_next() -> None:
    with Equivalence(workers=2, seconds=1) as found:
        list(found.outcomes([HANGS, (r"\sum_{k=1}^{4} k", "10")]))
        pids = [s._process.pid for s in found._slots] + [s._pid for s in found._slots if s._pid]
    left = [pid for pid in pids if is_alive(pid)]
    assert len(left) == 1 and left[0] in [s._process.pid for s in found._slots]
    resting.close_all()
    assert not any(map(is_alive, pids))


@pytest.mark.slow
def test_hostile_pairs_are_never_equal_and_end_in_bounded_time() -> None:
    # Twenty kinds; most are told by their looks, the others are killed after a second.
    pairs = list(hostile_pairs(20))
    with Equivalence(workers=2, seconds=1) as found:
        outcomes = list(found.outcomes(pairs))
        assert found.same(r"\sum_{k=1}^{4} k", "10").equal is True
    assert not any(outcome.equal for outcome in outcomes)
    assert all(outcome.reason for outcome in outcomes)


def test_rules_take_bounded_time_on_hostile_pairs() -> None:
    began = time.process_time()
    for gold, answer in hostile_pairs(40):
        by_rules(gold, answer)
        by_rules(answer, gold)
    # A hundred times what it takes: this is to catch what grows without bounds.
    assert time.process_time() - began < 20


def test_workers_get_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert "OPENAI_API_KEY" not in processes.environment()


def test_without_the_library_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"^Comparing answers needs math-verify; install it with: .*synth\[verify\]"
    ):
        engine.require_library()


def test_a_process_that_never_begins_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    resting.close_all()
    monkeypatch.setattr(slot, "_START_S", 0.01)
    asked = Slot(seconds=1, memory_mb=512)
    try:
        with pytest.raises(SynthError, match="has ended"):
            asked.check("x", "y")
    finally:
        asked.close()
