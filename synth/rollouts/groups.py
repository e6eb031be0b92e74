"""Rollouts in groups: an order that does not depend on how the rows came, and where each group begins in it.

In: a table of rollouts. Out: row numbers. Texts are not moved until the rows to keep are known: the responses
of a million rollouts are gigabytes.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synth.errors import ConfigError
from synth.rollouts.tables import IDENTITY

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
NAMED_MODELS = 3
MOST_BYTES = 1 << 31
BATCH = 1_000


class Groups:
    """Rows of a table by the values of `by`; inside a group in the order of their identity."""

    def __init__(self, table: pa.Table, by: Sequence[str] = ("problem_id",)) -> None:
        self.table = table
        self.by = tuple(by)
        rest = [name for name in IDENTITY if name not in by]
        keys = [(name, "ascending") for name in (*by, *rest)]
        self.order: Numbers = pc.sort_indices(table.select([*by, *rest]), sort_keys=keys).to_numpy()
        self.starts: Numbers = self._starts()

    def __len__(self) -> int:
        return len(self.starts)

    def sums(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The sum of each group; `values` are in the order of the table's rows."""
        return np.add.reduceat(values[self.order], self.starts) if len(self) else values[:0]

    @cached_property
    def numbers(self) -> Numbers:
        """The number of each row's group, in the order of `order`."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @cached_property
    def sizes(self) -> Numbers:
        """How many rows each group has."""
        return np.diff(np.append(self.starts, len(self.order)))

    def firsts(self, column: str) -> pa.ChunkedArray:
        """What a column holds in the first row of each group."""
        return take(self.table.select([column]), self.order[self.starts])[column]

    def split(self, mask: Mask) -> Iterator[Numbers]:
        """Of each group the row numbers for which the mask holds."""
        held = mask[self.order]
        if len(self):
            ends = np.cumsum(np.add.reduceat(held, self.starts, dtype=np.int64))
            yield from np.split(self.order[held], ends[:-1])

    def _starts(self) -> Numbers:
        if not len(self.order):
            return np.empty(0, np.int64)
        changes = np.zeros(len(self.order), bool)
        changes[0] = True
        for name in self.by:
            codes = pc.dictionary_encode(self.table[name].combine_chunks()).indices.to_numpy()[self.order]
            changes[1:] |= codes[1:] != codes[:-1]
        return np.flatnonzero(changes)


class Kinds:
    """What each rollout counts as: exactly one of right, wrong, truncated, undecided."""

    def __init__(self, rollouts: pa.Table) -> None:
        correct = rollouts["correct"]
        self.truncated: Mask = _mask(rollouts["truncated"])
        whole = ~self.truncated
        self.right: Mask = whole & _mask(pc.fill_null(correct, False))
        self.wrong: Mask = whole & _mask(pc.fill_null(pc.invert(correct), False))
        self.undecided: Mask = whole & _mask(correct.is_null())
        # Cut short, but the right answer stood there already: no example of a bad response.
        self.cut_short: Mask = self.truncated & ~_mask(pc.fill_null(correct, False))


def lengths(rollouts: pa.Table) -> Numbers:
    """Tokens of each response; characters, where the tokens of any are not known: one measure for all."""
    if rollouts["tokens"].null_count:
        return np.asarray(pc.utf8_length(rollouts["response"]).to_numpy(), np.int64)
    return np.asarray(rollouts["tokens"].to_numpy(), np.int64)


def of_one_model(rollouts: pa.Table, model: str | None = None) -> pa.Table:
    """The rollouts of one student: a pass rate over several says nothing.

    Raises:
        ConfigError: there are several and none was named, or the one named is not among them.
    """
    models = sorted(pc.unique(rollouts["model"]).to_pylist())
    shown = ", ".join(repr(name) for name in models[:NAMED_MODELS])
    more = f" and {len(models) - NAMED_MODELS} more" if len(models) > NAMED_MODELS else ""
    if model is None and len(models) > 1:
        raise ConfigError(f"The rollouts are of several models ({shown}{more}); name the one that is meant.")
    if model is not None and model not in models:
        raise ConfigError(f"There is no rollout of the model {model!r}; there are {shown or 'none'}{more}.")
    return rollouts if model is None else rollouts.filter(pc.equal(rollouts["model"], model))


def take(table: pa.Table, rows: Sequence[int] | Numbers) -> pa.Table:
    """Some rows of a table, in the order that is given."""
    index = pa.array(rows, pa.int64())
    if table.nbytes < MOST_BYTES:
        return table.take(index)
    # Arrow joins the chunks of a column before it takes of them, and a text column cannot be that long.
    wide = [f.with_type(pa.large_string()) if f.type == pa.string() else f for f in table.schema]
    whole = table.cast(pa.schema(wide)).combine_chunks()
    pieces = [whole.take(index[start : start + BATCH]) for start in range(0, len(index), BATCH)]
    return pa.concat_tables([whole.slice(0, 0), *pieces]).cast(table.schema)


def ordered(table: pa.Table) -> pa.Table:
    """The rows in the order of their identity."""
    keys = [name for name in IDENTITY if name in table.column_names]
    order = pc.sort_indices(table.select(keys), sort_keys=[(name, "ascending") for name in keys])
    return take(table, order.to_numpy())


def _mask(values: pa.ChunkedArray) -> Mask:
    return np.asarray(values.to_numpy(), bool)
