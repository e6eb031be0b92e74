"""Rollouts for tests: a table out of a few words, and what hypothesis may make of it."""

from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from synth.rollouts.tables import IDENTITY, ROLLOUTS

Row = dict[str, Any]
# One letter an attempt: right, wrong, truncated (right, wrong or undecided), undecided.
KINDS: dict[str, tuple[bool | None, bool]] = {
    "r": (True, False),
    "w": (False, False),
    "T": (True, True),
    "t": (False, True),
    "u": (None, True),
    "?": (None, False),
}


def row(problem: str, sample: int, kind: str, /, **values: Any) -> Row:
    """One attempt, with a response that says which it is."""
    correct, truncated = KINDS[kind]
    made: Row = {
        "rollout_id": f"r_{problem}_{values.get('model', 'm')}_{sample}",
        "problem_id": problem,
        "problem": f"The problem {problem}?",
        "visit": 0,
        "sample": sample,
        "response": f"{problem} {sample} {kind}",
        "answer": None,
        "correct": correct,
        "truncated": truncated,
        "tokens": 10,
        "model": "m",
        "label": "4",
        "call_id": None,
    }
    return made | values


def table(*problems: str, **values: Any) -> pa.Table:
    """Problems `a`, `b`, …, each with its attempts as letters of `KINDS`: `table("rrw", "w")`."""
    names = "abcdefghijklmnopqrstuvwxyz"
    rows = [
        row(name, number, kind, **values)
        for name, kinds in zip(names, problems, strict=False)
        for number, kind in enumerate(kinds)
    ]
    return of(rows)


def of(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=ROLLOUTS.schema)


def shuffled(rollouts: pa.Table, order: list[int]) -> pa.Table:
    return rollouts.take(pa.array(order, pa.int64()))


def identities(rollouts: pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(r[name] for name in IDENTITY) for r in rollouts.to_pylist()]


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """A few problems with a few attempts each, of unequal lengths, in any order."""
    problems = draw(st.lists(st.text("rwTtu?", max_size=9), max_size=6))
    rows = [
        row(f"p{place}", number, kind, tokens=draw(st.integers(0, 40)))
        for place, kinds in enumerate(problems)
        for number, kind in enumerate(kinds)
    ]
    return of(draw(st.permutations(rows)))
