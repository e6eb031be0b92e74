"""The first page: all runs, with what came of each. And a run's own address, which leads to its rows."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from synth import run_report
from synth.lock import is_locked
from synth.schemas import STAGES
from synth.store import StageStore
from synth.view.links import link
from synth.view.site import Site
from synth.view.sources import Source


@dataclass(frozen=True, slots=True)
class Line:
    """One run in the list."""

    name: str
    kind: str
    rows: int | None
    state: str
    figures: dict[str, Any]
    started: str
    cost: str
    stages: int


def runs(site: Site, request: Request) -> Response:
    """All runs; where there is one source only, its rows at once."""
    names = site.library.names()
    if len(names) == 1 and site.library.only:
        return RedirectResponse(link(names[0]), 303)
    sources = [found for name in names if (found := site.library.get(name))]
    return site.page(request, "runs.html", lines=[_line(one) for one in sources], source=None, here="runs")


def source(site: Site, request: Request) -> Response:
    """A source: its first table, or how far it has come where there is none yet."""
    found = site.source(request.path_params["source"])
    if found.first is None:
        if found.is_run:
            return RedirectResponse(link(found.name, "progress"), 303)
        return site.page(request, "empty.html", source=found, here="")
    asked = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(link(found.name, "t", found.first.name) + asked, 303)


def _line(found: Source) -> Line:
    report = run_report.read(found.folder) if found.is_run else {}
    tries = report.get("tries") or [{}]
    stats, at_work = found.stats, found.is_run and is_locked(found.folder)
    done = [
        stage for stage in STAGES if (found.folder / StageStore(found.folder, stage).manifest_path).exists()
    ]
    return Line(
        name=found.name,
        kind=found.kind,
        rows=stats.get("rows"),
        state="at work" if at_work else _ended(str(tries[-1].get("outcome", ""))),
        figures=stats,
        started=str(tries[-1].get("started") or "")[:16].replace("T", " "),
        cost=_cost(report, at_work),
        stages=len(done),
    )


def _ended(outcome: str) -> str:
    # A killed process could not say how it ended.
    return "killed" if outcome == "running" else outcome


def _cost(report: dict[str, Any], at_work: bool) -> str:
    """What was spent; the report of a run at work is behind, at its beginning by all that there is."""
    from synth.bill import from_tree

    try:
        if not report.get("tries"):
            return ""
        if at_work and not report["calls"]["made"]:
            return "unknown so far"
        return from_tree(report).said(str(report["currency"])) + (" so far" if at_work else "")
    except (KeyError, TypeError, ValueError):
        return ""
