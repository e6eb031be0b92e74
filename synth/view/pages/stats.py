"""Statistics of a run or a table: the funnel, how columns spread, concepts, cost. Stored figures first."""

import math
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from synth import run_report
from synth.bill import Line
from synth.report import funnel
from synth.view.engine import PARQUET, quoted
from synth.view.links import link
from synth.view.pages.table import bar_filter
from synth.view.profile import Bar, Kind, Shape
from synth.view.site import Site
from synth.view.sources import Source, Table
from synth.view.state import State

MOST_CONCEPTS = 24


def stats(site: Site, request: Request) -> Response:
    """All figures of a source."""
    source = site.source(request.path_params["source"])
    table = source.first
    shapes = site.shapes(table) if table else {}
    heads = site.heads(table) if table and table.rows else {}
    report = run_report.read(source.folder) if source.is_run else {}
    return site.page(
        request, "stats.html", source=source, here="stats", table=table, stats=source.stats,
        cards=_cards(site, source, table, shapes), spreads=_spreads(source, table, shapes, heads),
        funnel=_funnel(source), bill=_bill(report), report=report,
        concepts=_concepts(source, table, shapes, heads),
    )  # fmt: skip


def _cards(
    site: Site, source: Source, table: Table | None, shapes: dict[str, Shape]
) -> list[tuple[str, str]]:
    """The figures that one asks for first."""
    told = source.stats
    rows = table.rows if table else 0
    cards = [("rows", f"{rows:,}")]
    for name, title in (
        ("sources", "sources"),
        ("concepts_used", "concepts used"),
        ("concepts_found", "concepts found"),
    ):
        if isinstance(told.get(name), int):
            cards.append((title, f"{told[name]:,}"))
    if rows and isinstance(told.get("cross_document"), int):
        cards.append(("from several documents", f"{told['cross_document'] / rows:.0%}"))
    if rows and table and "concepts" in shapes and shapes["concepts"].kind is Kind.TAGS:
        even = site.kept.get(("even", table.stamp), lambda: _even(site, table, "concepts"))
        cards.append(("evenly used concepts", f"{even:,.0f}"))
    for name in ("agreement", "pass_rate"):
        mean = _mean(site, table, name) if table and rows and name in shapes else None
        if mean is not None and shapes[name].varies:
            cards.append((f"mean {name.replace('_', ' ')}", f"{mean:.2f}"))
    return cards


def _even(site: Site, table: Table, column: str) -> float:
    """How many concepts, used equally often, would be as varied: the exponential of the entropy."""
    sql = f"""
        SELECT exp(ln(sum(n)) - sum(n * ln(n)) / sum(n)) FROM (
          SELECT count(*) AS n
          FROM (SELECT unnest({quoted(column)}) AS one FROM {PARQUET})
          GROUP BY one)
    """
    found = site.engine.rows(sql, [table.paths])[0][0]
    return float(found) if found is not None and math.isfinite(found) else 0.0


def _mean(site: Site, table: Table, column: str) -> float | None:
    """The mean of a column; None where no row has a number in it."""
    sql = f"SELECT avg({quoted(column)}) FROM {PARQUET}"
    key = ("mean", column, table.stamp)
    found = site.kept.get(key, lambda: site.engine.rows(sql, [table.paths]))[0][0]
    return None if found is None else float(found)


def _spreads(
    source: Source, table: Table | None, shapes: dict[str, Shape], heads: Any
) -> list[tuple[Shape, list[tuple[Bar, str, bool]]]]:
    """How the values of each column spread, each bar with the address of its rows."""
    if table is None:
        return []
    base = link(source.name, "t", table.name)
    return [
        (shape, [(bar, base + State().with_filter(bar_filter(shape, bar)), False) for bar in heads[name]])
        for name, shape in shapes.items()
        if heads.get(name) and shape.kind is not Kind.TAGS
    ]


def _concepts(
    source: Source, table: Table | None, shapes: dict[str, Shape], heads: Any
) -> list[tuple[Bar, str, bool]]:
    if table is None or not heads.get("concepts"):
        return []
    base, shape = link(source.name, "t", table.name), shapes["concepts"]
    bars = heads["concepts"][:MOST_CONCEPTS]
    return [(bar, base + State().with_filter(bar_filter(shape, bar)), False) for bar in bars]


def _funnel(source: Source) -> list[dict[str, Any]]:
    """The stages, each with its width and with the addresses of what it rejected."""
    if source.is_run:
        rows = [row._asdict() for row in funnel(source.folder)]
    else:
        rows = [row for row in source.stats.get("funnel", []) if isinstance(row, dict)]
    most = max((row["outputs"] for row in rows), default=0) or 1
    return [{**row, "share": row["outputs"] / most} for row in rows]


def _bill(report: dict[str, Any]) -> list[Line]:
    return [Line.model_validate(line) for line in report.get("bill", ())]
