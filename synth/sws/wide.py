"""Logs of one row a problem, with the list of its accuracies, as histories.

In: blocks of such a log. Out: histories, and every row whose list is none: one gap or one value outside 0 to
1 costs the row, since nobody knows what it was.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth.sws.cells import Lists, is_list, is_text
from synth.sws.codes import NONE, Codes
from synth.sws.histories import Found
from synth.sws.scores import Numbers


def is_wide(column: pa.Array) -> bool:
    """Whether a column of accuracies holds lists: as such, or written as text in half of its rows or more."""
    if is_list(column.type):
        return True
    listed = _lists_as_text(column.dictionary if pa.types.is_dictionary(column.type) else column)
    if listed is None or not pc.any(listed).as_py():
        return False
    if pa.types.is_dictionary(column.type):
        listed = listed.take(column.indices)
    return bool(2 * pc.sum(listed).as_py() >= len(listed) - listed.null_count)


def _lists_as_text(texts: pa.Array) -> pa.Array | None:
    if not is_text(texts.type):
        return None
    return pc.starts_with(pc.utf8_ltrim_whitespace(texts.cast(pa.string())), "[")


def of_block(read: Lists, rows: Numbers, codes: dict[str, Codes]) -> tuple[Found, list[tuple[int, str]]]:
    """The histories of a block, and the faults of its other rows by their place in it."""
    faults = _faults(read)
    bad = np.array([fault is not None for fault in faults], bool) | (codes["problem"] == NONE)
    owners = np.repeat(np.arange(len(rows)), read.lengths)
    values = read.values[~bad[owners]]
    good = ~bad
    found = Found(
        **{name: codes[name][good] for name in ("problem", "category", "label", "model", "log")},
        row=rows[good],
        lengths=read.lengths[good],
        values=values,
        attempts=np.full(len(values), NONE, np.int64),
        unanimity=np.full(len(values), np.nan),
    )
    told = [(int(at), faults[at] or "it has no problem") for at in np.flatnonzero(bad)]
    return found, told


def _faults(read: Lists) -> list[str | None]:
    faults: list[str | None] = [None] * len(read.lengths)
    for at in np.flatnonzero(read.bad):
        faults[at] = "its accuracies are no list of numbers, or an empty one"
    wrong = np.flatnonzero(~((read.values >= 0) & (read.values <= 1)))
    starts = np.cumsum(read.lengths) - read.lengths
    owners = np.searchsorted(starts, wrong, side="right") - 1
    for at, place in zip(owners[::-1], wrong[::-1], strict=True):
        value = read.values[place]
        what = "no number" if np.isnan(value) else f"{value:g}, which is not between 0 and 1"
        faults[at] = f"its accuracy at visit {place - starts[at]} is {what}"
    return faults
