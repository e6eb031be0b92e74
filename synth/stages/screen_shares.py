"""The own checks of questions in shares, which workers may do before the one part that decides over all.

In: a desk (`synth.ahead`), or the tables and what was done already. Out: a table of `screen_checks.SCHEMA`
for each share, under its rows in the order of passages; or for all questions at once.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from synth.ahead import Ahead, Desk, Done, Report
from synth.config import RunConfig
from synth.dedup.benchmarks import read_benchmarks
from synth.prompts.library import PromptLibrary
from synth.stages.screen_benchmarks import tiers_of
from synth.stages.screen_checks import COLUMNS, OF_PASSAGES, SCHEMA, Checks, Passages, measured, order_of

Examples = Callable[[RunConfig, PromptLibrary], list[str]]
Make = Callable[[Passages], Checks]


class Share(NamedTuple):
    """Questions from `first` to before `last`, in the order of their passages."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many questions."""
        return self.last - self.first


def ahead_with(examples: Examples) -> Ahead:
    """Shares of the screen of a road whose prompts show these examples."""
    return Ahead(_left, lambda desk, share, report: _make(desk, share, report, examples))


def own_checks(
    questions: pa.Table, passages: pa.Table | None, make: Make, report: Report, done: Done | None = None
) -> pa.Table:
    """The own checks of all questions, in their order; shares that are `done` are not done again."""
    order = order_of(questions, passages)
    tables = [SCHEMA.empty_table()]
    for share, table in _pieces(len(order), done):
        if table is None:
            places, tell = order[share.first : share.last], _behind(share.first, len(order), report)
            table = measured(questions, passages, places, make, tell)
        tables.append(table.replace_schema_metadata(None))
    return pa.concat_tables(tables).sort_by("place")


def _behind(first: int, rows: int, report: Report) -> Report:
    return lambda done, _: report(first + done, rows)


def _pieces(rows: int, done: Done | None) -> Iterator[tuple[Share, pa.Table | None]]:
    """All questions in a row: shares that are done, each with its table, and what is between them."""
    end = 0
    for first, last in done.there() if done else ():
        # Shares of a try with another `part_rows` may reach into one another.
        table = done.find(first, last) if done and end <= first < last <= rows else None
        if table is None:
            continue
        if end < first:
            yield Share(end, first), None
        yield Share(first, last), table
        end = last
    if end < rows:
        yield Share(end, rows), None


def _left(desk: Desk, workers: int) -> Sequence[Share]:
    """What is not done yet; nothing where one worker would do it all at once."""
    rows, size = desk.count("questions"), desk.config.part_rows
    if workers < 2 or rows <= size:
        return []
    done = Done(desk.folder, desk.key)
    done.forget_others()
    edges = np.arange(0, rows, size).tolist()
    shares = [Share(first, min(first + size, rows)) for first in edges]
    return [share for share in shares if done.find(*share) is None]


def _make(desk: Desk, share: Share, report: Report, examples: Examples) -> None:
    done, config = Done(desk.folder, desk.key), desk.config
    if done.find(*share) is not None:
        return
    questions = desk.table("questions", COLUMNS)
    passages = desk.table("passages", OF_PASSAGES) if desk.count("passages") else None
    places = order_of(questions, passages)[share.first : share.last]
    items = read_benchmarks(config.screen.benchmarks, config.screen.benchmark_column)
    benchmarks, shown = tiers_of(items, config.screen).words, examples(config, desk.prompts)

    def make(passages: Passages) -> Checks:
        return Checks.of(passages, shown, benchmarks, config.screen, config.documents.mask)

    done.put(share.first, share.last, measured(questions, passages, places, make, report))
