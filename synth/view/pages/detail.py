"""One row, whole: its texts with mathematics, its facts, and in a run its way back to the documents."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from synth.errors import ConfigError
from synth.lineage import is_of_problems
from synth.schemas import REASONS
from synth.view import rows as of
from synth.view.engine import PARQUET, QueryFault
from synth.view.links import link
from synth.view.pages.table import opened
from synth.view.problems import Made, among, made_for
from synth.view.profile import Kind, Shape
from synth.view.site import NotThere, Site
from synth.view.sources import Source, Table
from synth.view.state import State
from synth.view.trace import Trace, find, kept, trace

SHORT, WHOLE = 20_000, 1_000_000
# A text of so few characters is a fact rather than something to read.
FEW_CHARS = 48
MOST_ALIKE = 6
# Tables whose rows are problems that a student tried.
TRIED = ("weaknesses", "histories")


def row(site: Site, request: Request) -> Response:
    """A row by its number in the table; the query is the state of the table that it was found in."""
    source, table, shapes, state = opened(site, request)
    number = _number(request.path_params["number"])
    cells = of.fetch(site.engine, table, [of.place_of(table, number)], list(shapes))
    if not cells:
        raise NotThere("This row is not there any more.")
    found = _trace(site, source, table, cells[0])
    texts, facts = _sorted_out(table, shapes, cells[0])
    before, after = _beside(site, request, source, table, state)
    problem = _problem(site, request, source, table, cells[0])
    if problem and problem.back:
        before, after = problem.before, problem.after
    return site.page(
        request, "row.html", source=source, here="failing" if problem and problem.back else table.name,
        table=table, number=number, cells=cells[0], problem=problem,
        texts=texts, facts=facts, trace=found, limit=WHOLE if "whole" in request.query_params else SHORT,
        kinds=Kind, reasons=REASONS, before=before, after=after, clash=_clash(site, source, table, cells[0]),
        back=state.address(page=state.page).removesuffix("?"), known=_known(source),
        drawn=found is not None and _is_drawn(found),
        alike=_alike(site, source, table, cells[0]),
    )  # fmt: skip


def by_id(site: Site, request: Request) -> Response:
    """A row by its id, whichever table has it."""
    source = site.source(request.path_params["source"])
    id = request.path_params["id"]
    asked = f"?{request.url.query}" if request.url.query else ""
    # A problem has its curve in `histories`, and its page among the weaknesses.
    for table in sorted(source.tables.values(), key=lambda table: table.name == "histories"):
        if table.key and (place := of.by_key(site.engine, table, table.key, id)):
            number = of.number_of(table, place)
            return RedirectResponse(link(source.name, "t", table.name, "row", number) + asked, 303)
    raise NotThere(f"No table of {source.name} has a row of this id.")


@dataclass(frozen=True, slots=True)
class Problem:
    """What the page of a tried problem has besides: its questions; from the list of weaknesses its place."""

    made: Made
    number: int = 0
    total: int = 0
    back: str = ""
    before: str | None = None
    after: str | None = None


def _problem(
    site: Site, request: Request, source: Source, table: Table, cells: dict[str, Any]
) -> Problem | None:
    if table.name not in TRIED or not source.is_run or "weaknesses" not in source.tables:
        return None
    made = made_for(site, source, str(cells["problem_id"]))
    if table.name != "weaknesses" or "i" in request.query_params:  # from a table, and so it goes back there
        return Problem(made)
    told = {name: request.query_params.get(name, "") for name in ("category", "before")}
    query = urlencode({name: value for name, value in told.items() if value})
    place = among(site, source, cells, told["category"])

    def to(*parts: str) -> str:
        return link(source.name, *parts) + (f"?{query}" if query else "")

    before, after = (to("row", id) if id else None for id in (place.before, place.after))
    return Problem(made, place.number, place.total, to("weaknesses"), before, after)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise NotThere("Rows are named by their numbers.")
    return int(text)


def _trace(site: Site, source: Source, table: Table, cells: dict[str, Any]) -> Trace | None:
    if not source.is_run or not table.key or table.key not in cells:
        return None
    try:
        return trace(site.engine, source, str(cells[table.key]))
    except ConfigError:  # a row that nothing leads back from, as one of the graph
        return None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as fault:
        # Tables that `synth` did not write, or did not write together: what was wrong in them is anything.
        raise QueryFault("The tables of this run do not fit each other, so its way back is lost.") from fault


def _sorted_out(
    table: Table, shapes: dict[str, Shape], cells: dict[str, Any]
) -> tuple[list[Shape], list[Shape]]:
    """What is to be read, and what are facts beside it."""
    there = [shape for shape in shapes.values() if cells.get(shape.name) not in (None, [], "")]
    if table.name == "rejected":
        there = [shape for shape in there if shape.name != "row"]  # it is shown by its parts
    texts = [s for s in there if s.kind is Kind.TEXT and len(str(cells[s.name])) > FEW_CHARS]
    return texts, [s for s in there if s not in texts]


def _beside(
    site: Site, request: Request, source: Source, table: Table, state: State
) -> tuple[str | None, str | None]:
    """Addresses of the rows before and after in the same state, where the row's place in it is given."""
    text = request.query_params.get("i", "")
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        return None, None
    at, first = int(text), max(0, int(text) - 1)
    found = site.indexes.find(source, table, site.shapes(table), state)
    chosen = of.select(table, site.shapes(table), state, found.hits)
    near = of.places(site.engine, chosen, state, first, 3)
    addresses = {
        first + i: f"{link(source.name, 't', table.name, 'row', of.number_of(table, place))}"
        + state.with_more(i=first + i)
        for i, place in enumerate(near)
    }
    return addresses.get(at - 1), addresses.get(at + 1)


def _clash(
    site: Site, source: Source, table: Table, cells: dict[str, Any]
) -> tuple[str, dict[str, Any]] | None:
    """What a rejected row clashed with."""
    id = cells.get("clash_id") if table.name == "rejected" else None
    return find(site.engine, source, str(id)) if id else None


def _alike(
    site: Site, source: Source, table: Table, cells: dict[str, Any]
) -> list[tuple[int, dict[str, Any]]]:
    """Other rejected rows of the same problem of a log: `log#problem#2` names one of several."""
    stem, _, number = str(cells.get("row_id") or "").rpartition("#")
    if table.name != "rejected" or cells.get("clash_id") or not stem or not number.isdecimal():
        return []
    sql = f"""
        SELECT file_index, file_row_number, "row" FROM {PARQUET}
        WHERE starts_with(row_id, ?) AND row_id <> ? LIMIT {MOST_ALIKE}
    """
    found = site.engine.rows(sql, [table.paths, f"{stem}#", cells["row_id"]])
    return [(of.number_of(table, (file, at)), kept(text)) for file, at, text in found]


def _is_drawn(found: Trace) -> bool:
    """Whether its concepts were drawn from failed problems, also where one of them was all."""
    drawing = found.found.rows.get("combinations", {})
    of_targets = bool(drawing.get("targets")) and drawing.get("sampler") != "graph_walk"
    return of_targets or is_of_problems(found.found.walk)


def _known(source: Source) -> frozenset[str]:
    """Columns whose values are ids of rows that have a page."""
    keys = {table.key for table in source.tables.values() if table.key}
    return frozenset(key for key in keys if key and key.endswith("id")) | {
        "nearest_id",
        "start_id",
        "clash_id",
        "problem_id",
    }
