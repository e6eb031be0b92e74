"""What a student keeps failing: categories with their budgets, problems with their curves; before and after.

A round is a run of its own, so what was before is asked of another run beside it, problem by problem.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from synth.view.curves import curve
from synth.view.engine import PARQUET, quoted
from synth.view.links import link
from synth.view.rows import Row
from synth.view.site import NotThere, Site
from synth.view.sources import Source
from synth.view.state import BadRequest, Filter, State, read_page
from synth.view.trace import Looking

PAGE = 50
MOST_CATEGORIES = 500
# As `synth run --rounds` names the runs of a series.
ROUND = re.compile(r"(.+)-round([0-9]{1,9})")
SCORES = ("variance_rank", "signal")


@dataclass(frozen=True, slots=True)
class Shift:
    """Problems that both rounds know: failed in both, only before, only now."""

    shared: int
    both: int
    mended: int
    fresh: int


def weaknesses(site: Site, request: Request) -> Response:
    """Categories and problems of a run; `category` narrows it down, `before` names an earlier round."""
    source = site.source(request.path_params["source"])
    if "weaknesses" not in source.tables:
        raise NotThere(f"{source.name} aims at no weaknesses, so there are none to show.")
    asked = request.query_params
    rounds = _others(site, source)
    # The round before is known where both have names of one series; any other is for the reader to choose.
    earlier = asked.get("before", rounds.series[0] if rounds.series else "")
    category, before = asked.get("category", ""), _before(site, source, earlier)
    total, failed = _counts(site, source, category)
    page = read_page(asked.get("page", "1"))
    pages = max(1, -(-total // PAGE))
    if page > pages:
        raise BadRequest(f"There are {pages:,} pages of these problems, and no page {page:,}.")
    base = link(source.name, "weaknesses")

    def address(**changed: Any) -> str:
        told = {"category": category, "before": before.name if before else "", "page": 1} | changed
        pairs = {name: value for name, value in told.items() if value not in ("", 1)}
        if rounds.series and not before:  # that none is to be beside it has to be said
            pairs["before"] = ""
        return f"{base}?{urlencode(pairs)}" if pairs else base

    rows = _problems(site, source, before, category, page)

    return site.page(
        request, "weaknesses.html", source=source, here="failing", total=total, failed=failed,
        page=page, pages=pages, category=category, before=before, rounds=rounds,
        categories=_categories(site, source, before), shift=_shift(site, source, before),
        problems=rows, address=address, telling=_telling(rows), listed=_listed(source, category, before),
        rule=_rule(site, source), rows_of=_rows_of(source),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rounds:
    """Other runs that aim: earlier rounds of the same series, the last one first; the rest by their age."""

    series: list[str]
    older: list[str]
    newer: list[str]

    @property
    def groups(self) -> list[tuple[str, list[str]]]:
        """All of them with what they are."""
        named = [("Rounds before it", self.series), ("Begun before", self.older), ("Begun later", self.newer)]
        return [(title, names) for title, names in named if names]


def _others(site: Site, source: Source) -> Rounds:
    names = site.library.names()  # the newest first
    aiming = [name for name in names if (one := site.library.get(name)) and "weaknesses" in one.tables]
    mine = ROUND.fullmatch(source.name)
    rounds = {name: found for name in aiming if (found := ROUND.fullmatch(name))}
    series = [
        name
        for name, found in rounds.items()
        if mine and found[1] == mine[1] and int(found[2]) < int(mine[2])
    ]
    series.sort(key=lambda name: -int(rounds[name][2]))
    at = names.index(source.name)
    others = [name for name in aiming if name not in series and name != source.name]
    return Rounds(
        series, [n for n in others if names.index(n) > at], [n for n in others if names.index(n) < at]
    )


def _telling(rows: list[Row]) -> list[str]:
    """Scores that tell these problems apart: of those that are never solved some are the same for all."""
    return [name for name in SCORES if len({row.get(name) for row in rows}) > 1]


def _listed(source: Source, category: str, before: Source | None) -> Any:
    """The address of a problem, which keeps what the list was narrowed to."""
    pairs = {"category": category, "before": before.name if before else ""}
    asked = urlencode({name: value for name, value in pairs.items() if value})
    return lambda id: link(source.name, "row", id) + (f"?{asked}" if asked else "")


def _before(site: Site, source: Source, name: str) -> Source | None:
    if not name or name == source.name:
        return None
    found = site.source(name)
    if "weaknesses" not in found.tables:
        raise NotThere(f"{found.name} aims at no weaknesses, so it is no round before this one.")
    return found


def _where(category: str) -> tuple[str, list[Any]]:
    return ("WHERE category = ?", [category]) if category else ("", [])


def _counts(site: Site, source: Source, category: str) -> tuple[int, int]:
    asked, values = _where(category)
    sql = f"SELECT count(*), count(*) FILTER (is_weakness) FROM {PARQUET} {asked}"
    total, failed = site.engine.rows(sql, [source.tables["weaknesses"].paths, *values])[0]
    return int(total), int(failed)


def _rule(site: Site, source: Source) -> str:
    sql = f"SELECT any_value(definition) FROM {PARQUET}"
    return str(site.engine.rows(sql, [source.tables["weaknesses"].paths])[0][0] or "")


def _categories(site: Site, source: Source, before: Source | None) -> list[Row]:
    """One row a category: failed, rate, budget, concepts, rows made; with `before`, its past."""
    rows = _table(site, source, "categories")
    budgets = {row["category"]: row for row in _table(site, source, "budgets")}
    past = {row["category"]: row for row in _table(site, before, "categories")} if before else {}
    made = _made(site, source)
    return [
        {
            **row,
            "concepts": budgets.get(row["category"], {}).get("concepts"),
            "budget": budgets.get(row["category"], row).get("budget"),
            "capped": budgets.get(row["category"], row).get("capped"),
            "made": made.get(row["category"], 0),
            "before": past.get(row["category"]),
        }
        for row in sorted(rows, key=lambda row: (-(row["rate"] or 0), row["category"]))
    ]


def _table(site: Site, source: Source | None, name: str) -> list[Row]:
    if source is None or name not in source.tables:
        return []
    sql = f"SELECT * FROM {PARQUET} ORDER BY category LIMIT {MOST_CATEGORIES}"
    return site.engine.dicts(sql, [source.tables[name].paths])


def _made(site: Site, source: Source) -> dict[str, int]:
    table = source.tables.get("dataset")
    if table is None or "category" not in table.schema.names:
        return {}
    sql = f"SELECT category, count(*) FROM {PARQUET} GROUP BY category"
    return dict(site.engine.rows(sql, [table.paths]))


def _shift(site: Site, source: Source, before: Source | None) -> Shift | None:
    if before is None:
        return None
    sql = f"""
        SELECT count(*), count(*) FILTER (a.is_weakness AND b.is_weakness),
          count(*) FILTER (b.is_weakness AND NOT a.is_weakness),
          count(*) FILTER (a.is_weakness AND NOT b.is_weakness)
        FROM {PARQUET} AS a
        JOIN {PARQUET} AS b USING (problem_id)
    """
    paths = [one.tables["weaknesses"].paths for one in (source, before)]
    return Shift(*map(int, site.engine.rows(sql, paths)[0]))


def _problems(site: Site, source: Source, before: Source | None, category: str, page: int) -> list[Row]:
    """A page of problems, the failed ones and of those the lowest first, each with its curves."""
    asked, values = _where(category)
    sql = f"""
        SELECT * REPLACE (left(problem, 400) AS problem) FROM {PARQUET} {asked}
        ORDER BY is_weakness DESC, mean_accuracy, {quoted("problem_id")} LIMIT ? OFFSET ?
    """
    paths = source.tables["weaknesses"].paths
    rows = site.engine.dicts(sql, [paths, *values, PAGE, (page - 1) * PAGE])
    ids = [row["problem_id"] for row in rows]
    now, past = _curves(site, source, ids), _curves(site, before, ids)
    return [row | {"curve": now.get(row["problem_id"]), "past": past.get(row["problem_id"])} for row in rows]


def _curves(site: Site, source: Source | None, ids: list[str]) -> dict[str, str]:
    found = Looking(site.engine, source)("histories", "problem_id", ids) if source else []
    return {row["problem_id"]: curve(row["accuracies"]) for row in found}


def _rows_of(source: Source) -> Any:
    """The address of the published rows that were made for a category."""
    base = link(source.name, "t", "dataset")
    return lambda category: base + State().address(filters=(Filter("category", "is", category),))
