"""What can be asked of an export, and what a form of it is.

A form is a function from one row to one row of a file. Those of others come by entry points (`added`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from synth.rollouts.pairs import Match
from synth.rollouts.supervised import Choice

Row = dict[str, Any]
Kind = Literal["jsonl", "parquet"]
Style = Literal["conversational", "standard"]
# What the rows of a form are: answered questions, pairs of responses, or questions with a label.
Of = Literal["questions", "pairs", "prompts"]


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that shapes an export. What only concerns rollouts has no effect without them."""

    kind: Kind | None = None
    style: Style = "conversational"
    system: str | None = None
    keep: tuple[str, ...] = ()
    test_share: float = 0.0
    seed: int = 0
    data_source: str | None = None
    rollouts: Path | None = None
    model: str | None = None
    per_problem: int = 0
    choose: Choice = "seeded"
    match: Match = "length"
    truncated: bool = False
    max_pass_rate: float = 0.5
    max_length_cv: float = 0.5


class LeftOut(Exception):
    """A row has no place in this form; says why in a few words, the same words for the same reason."""


class Exporter(NamedTuple):
    """A form: one row of a file out of one row.

    `shape` raises `LeftOut` for a row that does not fit; `schema` has the Arrow types of what it gives, which
    are found out from the rows where it is None.
    """

    shape: Callable[[Row, Options], Row]
    of: Of = "questions"
    schema: Callable[[Options], pa.Schema] | None = None
