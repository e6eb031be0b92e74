"""Histories while they are put together: texts as numbers, accuracies in flat arrays.

In: what `long` and `wide` found. Out: the table `histories`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from synth.ids import content_id
from synth.sws.categories import category_name
from synth.sws.codes import Codes, Texts
from synth.sws.scores import Floats, Numbers
from synth.sws.tables import HISTORIES
from synth.text import normalise


class Found(NamedTuple):
    """Histories: one entry of each array a history, `values`, `attempts` and `unanimity` one a visit.

    `attempts` is -1 and `unanimity` not a number where it is not known; `row` is the row of a wide log.
    """

    problem: Codes
    category: Codes
    label: Codes
    model: Codes
    log: Codes
    row: Numbers
    lengths: Numbers
    values: Floats
    attempts: Numbers
    unanimity: Floats


@dataclass
class Words:
    """All texts that the logs have in common."""

    starts: Sequence[str] = ()
    ends: Sequence[str] = ()
    problem: Texts = field(init=False)
    category: Texts = field(default_factory=lambda: Texts(category_name))
    label: Texts = field(default_factory=lambda: Texts(_kept(str.strip)))
    model: Texts = field(default_factory=Texts)
    answer: Texts = field(default_factory=lambda: Texts(_kept(str.strip)))
    log: Texts = field(default_factory=Texts)

    def __post_init__(self) -> None:
        self.problem = Texts(_kept(self._problem))

    def _problem(self, text: str) -> str:
        return bare(text, self.starts, self.ends)


def bare(text: str, starts: Sequence[str], ends: Sequence[str]) -> str:
    """A problem without the instructions around it, as it is hashed."""
    text = normalise(text)
    for end in ends:
        text = text.removesuffix(normalise(end)).rstrip()
    for start in starts:
        text = text.removeprefix(normalise(start)).lstrip()
    return text.strip()


def _kept(read: Callable[[str], str]) -> Callable[[str], str | None]:
    return lambda text: read(text) or None


def joined(parts: Sequence[Found]) -> Found:
    """Histories of several logs behind each other."""
    return Found._make(np.concatenate(column) for column in zip(*parts, strict=True))


def chosen(found: Found, rows: Numbers) -> Found:
    """Some histories, in the order that is given."""
    ends = np.cumsum(found.lengths)
    lengths = found.lengths[rows]
    begin = (ends - found.lengths)[rows]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    at = np.repeat(begin, lengths) + within
    heads = [column[rows] for column in found[:7]]
    return Found._make([*heads, *(column[at] for column in found[7:])])


def problem_ids(words: Words) -> list[str]:
    """The content id of each problem, by its code."""
    return [content_id("p", text) for text in words.problem.values]


def as_table(found: Found, words: Words) -> pa.Table:
    """The table `histories`, in the order of problem and log."""
    ids = np.array([*problem_ids(words), ""], dtype=np.str_)
    logs = np.array([*words.log.values, ""], dtype=np.str_)
    found = chosen(found, np.lexsort((_ranks(found), logs[found.log], ids[found.problem])))
    offsets = np.append(0, np.cumsum(found.lengths)).astype(np.int32)
    columns = {
        "problem_id": pa.array(ids[found.problem].tolist(), pa.string()),
        "problem": _texts(words.problem, found.problem),
        "category": _texts(words.category, found.category),
        "label": _texts(words.label, found.label),
        "model": _texts(words.model, found.model),
        "source": _texts(words.log, found.log),
        "visits": pa.array(found.lengths, pa.int32()),
        "accuracies": pa.ListArray.from_arrays(offsets, pa.array(found.values)),
        "attempts": _known(offsets, found.attempts, found.attempts >= 0, pa.int32()),
        "unanimity": _known(offsets, found.unanimity, ~np.isnan(found.unanimity), pa.float64()),
    }
    return pa.table(columns, schema=HISTORIES.schema)


def _ranks(found: Found) -> Numbers:
    """The places of the histories that one log has of one problem, by their accuracies; 0 for all others."""
    ranks = np.zeros(len(found.problem), np.int64)
    pairs = found.problem.astype(np.int64) * (int(found.log.max(initial=0)) + 1) + found.log
    _, groups, sizes = np.unique(pairs, return_inverse=True, return_counts=True)
    starts = np.cumsum(found.lengths) - found.lengths
    several = np.flatnonzero(sizes[groups] > 1)
    by_value = sorted(
        several, key=lambda at: found.values[starts[at] : starts[at] + found.lengths[at]].tolist()
    )
    ranks[by_value] = np.arange(len(by_value))
    return ranks


def _texts(texts: Texts, codes: Codes) -> pa.Array:
    values = pa.array([*texts.values, None], pa.string())
    return values.take(pa.array(np.where(codes < 0, len(texts), codes)))


def _known(offsets: np.ndarray, values: np.ndarray, known: np.ndarray, kind: pa.DataType) -> pa.Array:
    """Lists, null where the history has nothing that is known."""
    owners = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    any_known = np.bincount(owners, known, len(offsets) - 1) > 0
    items = pa.array(np.where(known, values, 0), mask=~known).cast(kind)
    lists = pa.ListArray.from_arrays(offsets, items)
    return lists if any_known.all() else _without(lists, any_known)


def _without(lists: pa.ListArray, keep: np.ndarray) -> pa.Array:
    places = pa.array(np.arange(len(lists)), mask=~keep)
    return lists.take(places)
