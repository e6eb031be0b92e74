"""A table: rows in a state, heads with histograms, facets with counts that leave out their own conditions."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from synth.view import rows as of
from synth.view.code import snippets
from synth.view.profile import MOST_BARS, Bar, Kind, Shape, all_items, counted, is_words, words
from synth.view.rows import Selection
from synth.view.site import Site
from synth.view.sources import Source, Table
from synth.view.state import BadRequest, Filter, State, read

# What a table shows unless it is told which columns: more do not fit a screen.
MOST_COLUMNS, ENOUGH, FEW = 8, 5, 2
# Which say most, the first of them first; of long texts and of lists one is enough to know a row by.
RANK = (Kind.TEXT, Kind.NUMBER, Kind.FLAG, Kind.CATEGORY, Kind.TAGS)
# More than is shown of a text, so that what is cut off there is known to be no formula.
PREVIEW = 481
# Items of lists are counted in so many of the rows that a condition leaves: more take too long.
SAMPLED = 50_000


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of one column beside the table; each bar with its address, and whether it is set."""

    shape: Shape
    bars: list[tuple[Bar, str, bool]]
    sampled: bool = False


def opened(site: Site, request: Request) -> tuple[Source, Table, dict[str, Shape], State]:
    """What an address of a table names, and the state that it asks for."""
    source = site.source(request.path_params["source"])
    table = site.table(source, request.path_params["table"])
    shapes = site.shapes(table)
    return source, table, shapes, read(request.query_params.multi_items(), shapes)


def table(site: Site, request: Request) -> Response:
    """One page of rows."""
    source, chosen, shapes, state = opened(site, request)
    found = site.indexes.find(source, chosen, shapes, state)
    selection = of.select(chosen, shapes, state, found.hits)
    key = (chosen.stamp, state.filters, state.search, found.stamp)
    total, bars = site.kept.get(("bars", *key), lambda: _counted(site, selection, shapes, state))
    pages = max(1, -(-total // state.size))
    if state.page > pages:
        raise BadRequest(f"There are {pages:,} pages of these rows, and no page {state.page:,}.")
    first = (state.page - 1) * state.size
    places = of.places(site.engine, selection, state, first, state.size)
    columns = shown_columns(shapes, state)
    return site.page(
        request,
        "table.html",
        source=source, here=chosen.name, table=chosen, shapes=shapes, state=state, total=total, pages=pages,
        first=first, columns=columns, search=found, heads=_heads(site, chosen, state, columns),
        rows=list(zip(places, of.preview(site.engine, chosen, places, columns, PREVIEW), strict=True)),
        facets=_facets(selection, shapes, state, bars),
        number_of=lambda place: of.number_of(chosen, place),
        chips=[(filter, state.without(filter)) for filter in state.filters],
        kinds=Kind, code=snippets(chosen, shapes, state),
    )  # fmt: skip


def shown_columns(shapes: Mapping[str, Shape], state: State) -> list[Shape]:
    """The columns that were asked for, else those that say most."""
    if state.columns:
        return [shapes[name] for name in state.columns]
    main = [shape for shape in shapes.values() if shape.is_main]
    if len(main) < FEW:  # of one row, or of rows that are alike, what they have in common is what there is
        main = [s for s in shapes.values() if not s.is_trail and s.kind is not Kind.OTHER]
    main = main or list(shapes.values())
    once = [*[s for s in main if s.is_long][1:], *[s for s in main if s.kind is Kind.TAGS][1:]]
    ranked = sorted((s for s in main if s not in once), key=lambda s: (not s.is_long, _rank(s)))
    chosen = [*ranked[:MOST_COLUMNS], *once[: max(0, ENOUGH - len(ranked))]]
    return [shape for shape in main if shape in chosen]


def _rank(shape: Shape) -> int:
    return RANK.index(shape.kind) if shape.kind in RANK else len(RANK)


def _heads(site: Site, chosen: Table, state: State, columns: list[Shape]) -> dict[str, Any]:
    """The bars of each head, each with the address that sets or clears its condition."""
    known = site.heads(chosen) if chosen.rows else {}
    return {
        shape.name: [(bar, *_switch(state, shape, bar)) for bar in known[shape.name]]
        for shape in columns
        if shape.kind is Kind.NUMBER and known.get(shape.name)
    }


def _facets(
    selection: Selection, shapes: Mapping[str, Shape], state: State, bars: Mapping[str, list[Bar]]
) -> list[Facet]:
    if not selection.table.rows:
        return []
    large = not state.is_plain and selection.table.rows > SAMPLED
    found = []
    for shape in (shape for shape in shapes.values() if shape.facets):
        every = bars[shape.name]
        held = [bar for bar in every if Filter(shape.name, "is", bar.value) in state.filters]
        chosen = [*every[:MOST_BARS], *(bar for bar in held if bar not in every[:MOST_BARS])]
        sampled = large and shape.kind is Kind.TAGS
        found.append(Facet(shape, [(bar, *_switch(state, shape, bar)) for bar in chosen], sampled))
    return found


def _counted(
    site: Site, selection: Selection, shapes: Mapping[str, Shape], state: State
) -> tuple[int, Mapping[str, list[Bar]]]:
    """How many rows there are, and the values of each facet: two readings of the rows for all of them.

    A facet that has conditions is counted without them, in a reading of its own.
    """
    table = selection.table
    if not table.rows or state.is_plain:
        return table.rows, site.heads(table) if table.rows else {}
    facets = [shape for shape in shapes.values() if shape.facets]
    free = [shape for shape in facets if not state.on(shape.name)]
    most = SAMPLED if table.rows > SAMPLED else None
    ask, sql, values = partial(of.run, site.engine, selection), selection.sql, selection.values
    # To read lists costs most, so a condition on them is looked at once, where few rows are left.
    if any(shapes[filter.column].kind is Kind.TAGS for filter in state.filters) and free:
        few = of.few(site.engine, selection, free, SAMPLED)
        if few is not None:
            ask, sql, values = partial(site.engine.rows, tables={"few": few}), "FROM few WHERE true", []
    total, found = counted(ask, sql, values, [s for s in free if is_words(s)])
    found |= all_items(ask, sql, values, [s for s in free if s.kind is Kind.TAGS], most)
    for shape in (shape for shape in facets if shape not in free):
        own = of.select(table, shapes, state, selection.hits, besides=shape.name)
        ask = partial(of.run, site.engine, own)
        if shape.kind is Kind.TAGS:
            found |= all_items(ask, own.sql, own.values, [shape], most)
        else:
            found |= words(ask, own.sql, own.values, [shape])
    return total, found


def _switch(state: State, shape: Shape, bar: Bar) -> tuple[str, bool]:
    filter = bar_filter(shape, bar)
    return state.with_filter(filter), filter in state.filters


def bar_filter(shape: Shape, bar: Bar) -> Filter:
    """The condition that a bar stands for."""
    if shape.kind is not Kind.NUMBER:
        return Filter(shape.name, "is", bar.value)
    low, high = bar.value.split("..")
    return Filter(shape.name, "range", bar.value, float(low), float(high))
