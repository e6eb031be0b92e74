"""What several rows of a file say together: numbers for samples that have none, ids, and contradictions.

In: rows as they were read, in any order. Out: the rollouts, and the rows that fell. Two texts for one problem
are two logs under one number, and no rate of such a mixture means anything: all its rows fall.
"""

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth.ids import canonical_json, content_id
from synth.rollouts.groups import Mask, ordered, take
from synth.rollouts.tables import IDENTITY, ROLLOUTS
from synth.stages.base import Rejected

Row = dict[str, Any]
KEY = IDENTITY[:-1]


def settled(table: pa.Table, name: str) -> tuple[pa.Table, list[Rejected]]:
    """Rollouts in the order of their identity, and the rows that say a thing twice or otherwise."""
    table, mixed = _cut(table, _mixed(table))
    table = _numbered(table)
    table, twice = _twice(table)
    rejected = [
        _reject(name, row, "conflicting", "its problem_id stands for several problems or labels")
        for row in mixed
    ]
    rejected += [_reject(name, row, reason, detail) for row, reason, detail in twice]
    keys = zip(*(table[column].to_pylist() for column in KEY), strict=True)
    ids = pa.array([content_id("r", *key) for key in keys], pa.string())
    made = table.drop_columns(["row"]).append_column(ROLLOUTS.schema.field("rollout_id"), ids)
    return ordered(made.select(ROLLOUTS.schema.names).cast(ROLLOUTS.schema)), rejected


def _mixed(table: pa.Table) -> Mask:
    """Rows of problems that have more than one text, or more than one label."""
    counted = table.group_by("problem_id").aggregate(
        [("problem", "count_distinct"), ("label", "count_distinct")]
    )
    several = pc.or_(
        pc.greater(counted["problem_count_distinct"], 1), pc.greater(counted["label_count_distinct"], 1)
    )
    wrong = counted.filter(several)["problem_id"].combine_chunks()
    return np.asarray(pc.is_in(table["problem_id"], wrong).to_numpy(), bool)


def _numbered(table: pa.Table) -> pa.Table:
    """Samples without a number get one by what they say, so that the order of the rows does not matter."""
    missing = np.flatnonzero(table["sample"].is_null().to_numpy())
    if not len(missing):
        return table
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    rows = take(table, missing).drop_columns(["row"]).to_pylist()
    for place, row in enumerate(rows):
        groups[tuple(row[column] for column in KEY[:3])].append(place)
    samples = table["sample"].to_pylist()
    for places in groups.values():
        for sample, place in enumerate(sorted(places, key=lambda place: canonical_json(rows[place]))):
            samples[missing[place]] = sample
    at = table.schema.get_field_index("sample")
    return table.set_column(at, table.schema.field(at), pa.array(samples, pa.int32()))


def _twice(table: pa.Table) -> tuple[pa.Table, list[tuple[Row, str, str]]]:
    """Without repeated rows: of equal ones the first stays, and none of those that contradict each other."""
    counted = table.group_by(list(KEY)).aggregate([("row", "count")])
    again = counted.filter(pc.greater(counted["row_count"], 1))
    if not again.num_rows:
        return table, []
    wanted = set(zip(*(again[column].to_pylist() for column in KEY), strict=True))
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for place, key in enumerate(zip(*(table[column].to_pylist() for column in KEY), strict=True)):
        if key in wanted:
            groups[key].append(place)
    held = sorted(place for places in groups.values() for place in places)
    rows = dict(zip(held, take(table, held).drop_columns(["row"]).to_pylist(), strict=True))
    fallen = {place: said for places in groups.values() for place, said in _fallen(rows, places)}
    mask = np.zeros(table.num_rows, bool)
    mask[list(fallen)] = True
    rest, cut = _cut(table, mask)
    return rest, [(row, *fallen[place]) for place, row in zip(sorted(fallen), cut, strict=True)]


def _fallen(rows: dict[int, Row], places: list[int]) -> list[tuple[int, tuple[str, str]]]:
    if all(rows[place] == rows[places[0]] for place in places):
        return [(place, ("duplicate", "the same rollout as another row")) for place in places[1:]]
    said = ("conflicting", "another row has the same problem, model, visit and sample, and differs")
    return [(place, said) for place in places]


def _cut(table: pa.Table, mask: Mask) -> tuple[pa.Table, list[Row]]:
    """The rows that are not meant by the mask, and those that are."""
    return table.filter(pa.array(~mask)), table.filter(pa.array(mask)).to_pylist()


def _reject(name: str, row: Row, reason: str, detail: str) -> Rejected:
    number = row.pop("row")
    return Rejected(f"{name}#{number:09d}", name, reason, detail, None, row)
