"""Where tasks run, and how many parts each takes (chosen by configuration, never by what the rows are)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, TypeVar, cast

from prefect.futures import PrefectFuture
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

T = TypeVar("T")


def make_runner(tasks: int) -> TaskRunner[PrefectFuture[Any]]:
    """The runner of a stage's tasks: threads, which wait for a model or for a worker (`flows.hands`)."""
    return cast("TaskRunner[PrefectFuture[Any]]", ThreadPoolTaskRunner(max_workers=tasks))


def runner_of(kind: Literal["threads", "processes"], workers: int) -> TaskRunner[PrefectFuture[Any]]:
    """The runner of tasks that reckon: threads, since the kernel lets go of the interpreter, or processes."""
    made = ThreadPoolTaskRunner if kind == "threads" else ProcessPoolTaskRunner
    return cast("TaskRunner[PrefectFuture[Any]]", made(max_workers=workers))


def shares(items: Sequence[T], most: int) -> list[tuple[T, ...]]:
    """At most `most` runs of neighbours, as even as can be, in order; none of them is empty."""
    count = min(most, len(items))
    cuts = [len(items) * i // count for i in range(count + 1)] if count else []
    return [tuple(items[start:end]) for start, end in pairwise(cuts)]
