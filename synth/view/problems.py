"""A problem that a student tried: in, its id; out, its place among the others, and the questions made for it.

The order is that of the page of weaknesses: failed problems first, of these the lowest first.
"""

from dataclasses import dataclass
from typing import Any

from synth.view import rows as of
from synth.view.engine import PARQUET
from synth.view.links import link
from synth.view.site import Site
from synth.view.sources import Source
from synth.view.state import MOST_FILTERS, Filter, State

# Of a problem with more questions than are looked for, their number is not told.
SHOWN, MOST = 20, 10_000
ORDER = ("NOT is_weakness", "mean_accuracy", "problem_id")


@dataclass(frozen=True, slots=True)
class Among:
    """Which problem of how many it is, with the ids of its neighbours."""

    number: int
    total: int
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Made:
    """How many published questions aim at it, the first of them with their numbers, the address of all."""

    total: int
    rows: list[tuple[int, dict[str, Any]]]
    address: str


def among(site: Site, source: Source, row: dict[str, Any], category: str) -> Among:
    """The place of a problem among those of a category, or of all."""
    place = f"row({', '.join(ORDER)})"
    narrowed, values = ("WHERE category = ?", [category]) if category else ("", [])
    sql = f"""
        SELECT count(*) FILTER (place < here), count(*), max(place) FILTER (place < here)[3],
          min(place) FILTER (place > here)[3]
        FROM (SELECT {place} AS place, row(?, ?, ?) AS here
          FROM {PARQUET} {narrowed})
    """
    here = [not row["is_weakness"], row["mean_accuracy"], row["problem_id"]]
    found = site.engine.rows(sql, [*here, source.tables["weaknesses"].paths, *values])[0]
    return Among(int(found[0]) + 1, int(found[1]), found[2], found[3])


def made_for(site: Site, source: Source, id: str) -> Made:
    """The published questions that were written to aim at a problem."""
    table, drawn = source.tables.get("dataset"), source.tables.get("combinations")
    if table is None or drawn is None or not {"combination_id", "question"} <= set(table.schema.names):
        return Made(0, [], "")
    sql = f"""
        SELECT file_index, file_row_number, combination_id FROM {PARQUET}
        WHERE combination_id IN (
          SELECT combination_id FROM {PARQUET} WHERE list_contains(targets, ?))
        ORDER BY file_index, file_row_number LIMIT {MOST}
    """
    found = site.engine.rows(sql, [table.paths, drawn.paths, id])
    places = [(int(file), int(row)) for file, row, _ in found]
    shown = of.preview(site.engine, table, places[:SHOWN], [site.shapes(table)["question"]], 601)
    numbers = [of.number_of(table, place) for place in places]
    of_all = dict.fromkeys(str(combination) for _, _, combination in found)
    filters = tuple(Filter("combination_id", "is", one) for one in of_all)
    address = State().address(filters=filters) if 0 < len(filters) <= MOST_FILTERS else ""
    base = link(source.name, "t", table.name)
    return Made(len(found), list(zip(numbers, shown, strict=False)), base + address if address else "")
