"""One row, whole: its texts with mathematics, its facts, and in a run its way back to the documents."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from synth.errors import ConfigError
from synth.view import rows as of
from synth.view.links import link
from synth.view.pages.table import opened
from synth.view.site import NotThere, Site
from synth.view.sources import Source, Table
from synth.view.profile import Kind, Shape
from synth.view.trace import trace

WHOLE = 1_000_000


def row(site: Site, request: Request) -> Response:
    """A row by its number in the table; the query is the state of the table that it was found in."""
    source, table, shapes, state = opened(site, request)
    text = request.path_params["number"]
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise NotThere("Rows have numbers.")
    place = of.place_of(table, int(text))
    cells = of.fetch(site.engine, table, [place], list(shapes))
    if not cells:
        raise NotThere("This row is not there any more.")
    return _page(site, request, source, table, shapes, int(text), cells[0])


def by_id(site: Site, request: Request) -> Response:
    """A row by its id, whichever table has it."""
    source = site.source(request.path_params["source"])
    id = request.path_params["id"]
    for table in source.tables.values():
        if table.key and (place := of.by_key(site.engine, table, table.key, id)):
            number = of.number_of(table, place)
            return RedirectResponse(link(source.name, "t", table.name, "row", number), 303)
    raise NotThere(f"No table of {source.name} has a row of this id.")


def _page(
    site: Site, request: Request, source: Source, table: Table, shapes: dict[str, Shape], number: int, cells: dict[str, Any]
) -> Response:
    found = None
    if source.is_run and table.key:
        try:
            found = trace(site.engine, source, str(cells[table.key]))
        except ConfigError:
            found = None
    limit = WHOLE if request.query_params.get("whole") else 20_000
    texts = [s for s in shapes.values() if s.kind is Kind.TEXT and cells.get(s.name)]
    facts = [s for s in shapes.values() if s.kind is not Kind.TEXT and cells.get(s.name) not in (None, [], "")]
    return site.page(
        request, "row.html", source=source, here=table.name, table=table, number=number, cells=cells,
        texts=texts, facts=facts, found=found, limit=limit, kinds=Kind,
    )  # fmt: skip
