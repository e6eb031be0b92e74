"""The concept graph as a picture with links, and a page for each concept."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from synth.view import rows as of
from synth.view.drawing import drawing
from synth.view.engine import PARQUET
from synth.view.links import link
from synth.view.marks import Marked, mark
from synth.view.profile import Kind
from synth.view.site import NotThere, Site
from synth.view.sources import Source
from synth.view.state import Filter, State
from synth.view.trace import Looking

NEAR, PASSAGES, ROWS = 30, 12, 10


def graph(site: Site, request: Request) -> Response:
    """The strongest concepts, as they stand together in passages."""
    source = site.source(request.path_params["source"])
    drawn = None
    if {"concepts", "incidence"} <= source.tables.keys():
        stamp = source.tables["incidence"].stamp
        drawn = site.kept.get(("graph", source.name, stamp), lambda: drawing(source))
    # What is drawn from a graph comes after it, so where that is there and no graph, none will come.
    never = "combinations" in source.tables and not {"passages", "incidence"} & source.tables.keys()
    return site.page(request, "graph.html", source=source, here="graph", drawn=drawn, without_documents=never)


def concept(site: Site, request: Request) -> Response:
    """One concept: how it is written, what it stands with, where it was found, what was asked of it."""
    source, id = site.source(request.path_params["source"]), request.path_params["id"]
    look = Looking(site.engine, source)
    found = look("concepts", "concept_id", [id])
    if not found:
        raise NotThere(f"{source.name} has no concept of this id.")
    row = found[0]
    return site.page(
        request, "concept.html", source=source, here="graph", row=row, near=_near(site, source, id),
        passages=_passages(look, row), questions=_questions(site, source, row["name"]),
        passages_shown=PASSAGES,
    )  # fmt: skip


def _near(site: Site, source: Source, id: str) -> list[dict[str, Any]]:
    """The concepts that stand in most of the same passages."""
    if "incidence" not in source.tables:
        return []
    sql = f"""
        SELECT c.concept_id, c.name, c.kind, n FROM (
          SELECT unnest(list_concat(topics, key_concepts)) AS other, count(*) AS n
          FROM {PARQUET}
          WHERE list_contains(topics, ?) OR list_contains(key_concepts, ?) GROUP BY other
        ) JOIN {PARQUET} AS c ON c.concept_id = other
        WHERE other <> ? ORDER BY n DESC, c.name LIMIT ?
    """
    tables = source.tables
    values = [tables["incidence"].paths, id, id, tables["concepts"].paths, id, NEAR]
    return site.engine.dicts(sql, values)


def _passages(look: Looking, row: dict[str, Any]) -> list[tuple[dict[str, Any], Marked]]:
    mentions = look("mentions", "concept_id", [row["concept_id"]])[:PASSAGES]
    ways = dict.fromkeys([row["name"], *(row.get("surfaces") or [])], row["name"])
    found = look("passages", "passage_id", [one["passage_id"] for one in mentions])
    return [(passage, mark(passage["text"], ways)) for passage in found]


def _questions(site: Site, source: Source, name: str) -> tuple[int, list[tuple[int, dict[str, Any]]], str]:
    """How many published questions use it, the first of them with their numbers, and the address of all."""
    table = source.tables.get("dataset")
    if table is None or "concepts" not in table.schema.names:
        return 0, [], ""
    shapes = site.shapes(table)
    if shapes["concepts"].kind is not Kind.TAGS:
        return 0, [], ""
    state = State(filters=(Filter("concepts", "is", name),), size=25)
    chosen = of.select(table, shapes, state, None)
    places = of.places(site.engine, chosen, state, 0, ROWS)
    rows = of.preview(site.engine, table, places, [shapes["question"]], 601)
    numbered = [(of.number_of(table, place), row) for place, row in zip(places, rows, strict=True)]
    total = of.count(site.engine, chosen, state)
    return total, numbered, link(source.name, "t", "dataset") + State().address(filters=state.filters)
