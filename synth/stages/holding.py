"""A student's attempts held against labels, in the way of the kind of answer.

In: rows of `rollouts` whose `correct` is open. Out: the same rows with it. Mathematics is compared by the
engine, a choice with the options of its question at hand, code is run against the tests that are its label.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from synth.config import RunConfig
from synth.config_answers import Kind
from synth.verify.code.blocks import Suite, code_of
from synth.verify.code.check import check, runner
from synth.verify.code.sandbox import ready_sandbox
from synth.verify.equivalence.engine import Equivalence, verifier
from synth.verify.final_answer import final_answer
from synth.verify.kinds import Answers

Row = dict[str, Any]
# Processes that compare what the rules leave open, and programs that run at the same time.
WORKERS = 2


def instrument(kind: Kind) -> str:
    """What tells right from wrong: verdicts may be others where it is another."""
    return runner() if kind == "code" else verifier()


def answer_in(kind: Kind, response: str) -> str | None:
    """What of a response is held against the label."""
    return code_of(response) if kind == "code" else final_answer(response)


def checked(rows: Sequence[Row], config: RunConfig) -> list[Row]:
    """The rows with what the check says; no answer is wrong, unless the token limit came before it.

    Raises:
        ConfigError: what compares answers is not installed, or code cannot be run.
    """
    return _told(rows, _verdicts(_answered(rows), config))


def compared(rows: Sequence[Row], engine: Equivalence) -> list[Row]:
    """The same for mathematics, where the caller has an engine for many such lists."""
    return _told(rows, _mathematics(_answered(rows), engine))


def _answered(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["answer"] is not None]


def _told(rows: Sequence[Row], verdicts: Iterable[bool | None]) -> list[Row]:
    left = iter(verdicts)
    return [{**row, "correct": _unsaid(row) if row["answer"] is None else next(left)} for row in rows]


def _unsaid(row: Row) -> bool | None:
    return None if row["truncated"] else False


def _verdicts(rows: Sequence[Row], config: RunConfig) -> list[bool | None]:
    kind = config.answers.kind
    if kind == "code":
        return _passed(rows, config)
    with Equivalence(WORKERS) as engine:
        return list(_options(rows, engine) if kind == "choice" else _mathematics(rows, engine))


def _mathematics(rows: Iterable[Row], engine: Equivalence) -> Iterator[bool | None]:
    return (found.equal for found in engine.outcomes((row["label"], row["answer"]) for row in rows))


def _options(rows: Iterable[Row], engine: Equivalence) -> Iterator[bool | None]:
    return (Answers("choice", engine, row["problem"]).same(row["label"], row["answer"]).equal for row in rows)


def _passed(rows: Sequence[Row], config: RunConfig) -> list[bool | None]:
    """Whether each passes its label; the same code is run once."""
    sandbox = ready_sandbox(config.code)
    pairs = list(dict.fromkeys((row["answer"], row["label"]) for row in rows))
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="code") as threads:
        found = threads.map(lambda pair: check(pair[0], Suite(asserts=pair[1]), sandbox).passed, pairs)
        known = dict(zip(pairs, found, strict=True))
    return [known[row["answer"], row["label"]] for row in rows]
