"""Equivalence of answers: what is accepted and what is not on real answers, and what a check costs.

In: the folder that `SYNTH_TEST_DATA` names. Out: the shares of equivalent rewrites and of shuffled pairs that are
accepted, the agreement with recorded verdicts, and the processor time of checks, that of child processes
included. `python -m benchmarks.equivalence --list` prints each accepted shuffled pair, each rewrite that was not
accepted, and each disagreement.
"""

import argparse
import gzip
import json
import os
import resource
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from benchmarks.hostile import hostile_pairs
from benchmarks.rewrites import rewrites
from synth.verify.equivalence.engine import Equivalence
from synth.verify.equivalence.outcome import Outcome
from synth.verify.final_answer import find_answer

HEADS = ("what", "checks", "accepted", "undecided", "CPU s", "checks per CPU s", "wall s")
FILES = ("olympiadbench", "college_math", "math_test_5000_questions")
SHUFFLES = 2
ORDINARY, HOSTILE = 9_900, 100
WORKERS, SECONDS = 2, 3.0

Pair = tuple[str, str]


class Row(NamedTuple):
    """One measurement; `odd` are the outcomes that are worth a look."""

    what: str
    checks: int
    counts: "Counter[bool | None]"
    cpu_s: float
    wall_s: float
    odd: list[tuple[str, str, str]]

    def cells(self, others: Sequence["Row"]) -> tuple[str, ...]:
        """The row of a table."""
        accepted, undecided = (self.counts[key] / self.checks for key in (True, None))
        return (
            self.what, f"{self.checks:,}", f"{100 * accepted:.3f} %", f"{100 * undecided:.2f} %",
            f"{self.cpu_s:.1f}", f"{self.checks / self.cpu_s:,.0f}", f"{self.wall_s:.0f}",
        )  # fmt: skip


def answers(folder: Path, name: str) -> list[str]:
    """The answers of a benchmark."""
    with gzip.open(folder / "benchmarks" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [str(json.loads(line)["answer"]) for line in file]


def rewritten(found: Iterable[str]) -> list[Pair]:
    """Each answer with each of its rewrites."""
    return [(answer, other) for answer in found for _, other in rewrites(answer)]


def shuffled(found: Sequence[str], times: int = SHUFFLES) -> list[Pair]:
    """Each answer with that of another question, as far as their texts differ."""
    rng = Random(7)
    pairs: list[Pair] = []
    for _ in range(times):
        others = list(found)
        rng.shuffle(others)
        pairs += [(a, b) for a, b in zip(found, others, strict=True) if a.strip() != b.strip()]
    return pairs


def ordinary(folder: Path, number: int) -> list[Pair]:
    """Rewrites and shuffled pairs of all files, half of each."""
    rng = Random(11)
    found = [answer for name in FILES for answer in answers(folder, name)]
    half = number // 2
    pairs = rng.sample(rewritten(found), half) + rng.sample(shuffled(found), number - half)
    rng.shuffle(pairs)
    return pairs


def recorded(folder: Path) -> list[tuple[str, str, bool]]:
    """(gold, response, verdict) of the recorded solutions."""
    with gzip.open(folder / "rollouts" / "gsm8k_model_solutions.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [
        (row["ground_truth"].rpartition("A:")[2].strip(), found["solution"], found["is_correct"])
        for row in rows
        for found in row["solutions"].values()
    ]


def measured(what: str, pairs: Sequence[Pair], wanted: bool | None) -> Row:
    """All pairs through one engine; `wanted` is the outcome that needs no look."""
    before, began = _used(), time.monotonic()
    with Equivalence(WORKERS, SECONDS) as engine:
        outcomes = list(engine.outcomes(pairs))
    cpu, wall = _used() - before, time.monotonic() - began
    odd = [
        _shown(p, o)
        for p, o in zip(pairs, outcomes, strict=True)
        if wanted is not None and _is_odd(o, wanted)
    ]
    return Row(what, len(pairs), Counter(o.equal for o in outcomes), cpu, wall, odd)


def _is_odd(outcome: Outcome, wanted: bool) -> bool:
    return outcome.equal is not True if wanted else outcome.equal is True


def _shown(pair: Pair, outcome: Outcome) -> tuple[str, str, str]:
    return pair[0][:150], pair[1][:150], outcome.reason


def _used() -> float:
    """Processor seconds of this process and of all its children that ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(found.ru_utime + found.ru_stime for found in both)


def _agreement(folder: Path) -> Row:
    rows = recorded(folder)
    found = [find_answer(response, "free") for _, response, _ in rows]
    pairs = [(gold, answer.text if answer else "") for (gold, _, _), answer in zip(rows, found, strict=True)]
    before, began = _used(), time.monotonic()
    with Equivalence(WORKERS, SECONDS) as engine:
        outcomes = list(engine.outcomes(pairs))
    agreed = [(o.equal is True) == verdict for o, (_, _, verdict) in zip(outcomes, rows, strict=True)]
    odd = [_shown(p, o) for p, o, same in zip(pairs, outcomes, agreed, strict=True) if not same]
    return Row(
        "GSM8K: agreement with verdicts",
        len(rows),
        Counter(agreed),
        _used() - before,
        time.monotonic() - began,
        odd,
    )


def figures() -> list[Row]:
    """Everything, or nothing where there is no data."""
    root = os.environ.get("SYNTH_TEST_DATA")
    if root is None:
        print("Skipped equivalence: SYNTH_TEST_DATA names no folder of real answers.")
        return []
    folder = Path(root)
    rows = []
    for name in FILES:
        found = answers(folder, name)
        rows.append(measured(f"{name}: rewrites", rewritten(found), True))
        rows.append(measured(f"{name}: shuffled", shuffled(found), False))
    usual, hostile = ordinary(folder, ORDINARY), list(hostile_pairs(HOSTILE))
    both = usual + hostile
    Random(13).shuffle(both)
    return [
        *rows,
        _agreement(folder),
        measured("ordinary checks", usual, None),
        measured("hostile checks", hostile, False),
        measured("both, mixed", both, None),
    ]


def main() -> None:
    """Print the rows, and with `--list` what is odd in them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="print every outcome that is worth a look")
    listed = parser.parse_args().list
    rows = figures()
    for row in rows:
        print(*row.cells(rows), sep=" | ")
        for shown in row.odd if listed else ():
            print("   ", *map(repr, shown))


if __name__ == "__main__":
    main()
