"""Where a run stands; the page asks for itself again as long as a process is at work."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from synth import run_report
from synth.errors import SynthError
from synth.llm.journal import Journal
from synth.standing import standing
from synth.view.links import link
from synth.view.site import NotThere, Site


def progress(site: Site, request: Request) -> Response:
    """The stages of a run, how far each has come, and what was spent."""
    source = site.source(request.path_params["source"])
    if not source.is_run:
        raise NotThere(f"{source.name} is no run, so it has no stages.")
    fault, found = "", None
    try:
        found = standing(source.folder)
    except SynthError as said:  # of another version, or its configuration cannot be read
        fault = str(said)
    report = run_report.read(source.folder)
    at_work = found is not None and found.at_work
    return site.page(
        request, "progress.html", source=source, here="progress", found=found, fault=fault, report=report,
        last=(report.get("tries") or [{}])[-1], answered=_answered(source.folder) if at_work else None,
    )  # fmt: skip


def _answered(run_folder: Path) -> int | None:
    """Calls that were answered until now: the report of a run at work is written now and then only."""
    try:
        with Journal(run_folder / "calls", read_only=True) as journal:
            return len(journal)
    except (SynthError, OSError):
        return None


def rejected(site: Site, request: Request) -> Response:
    """The rejected rows, by reason."""
    source = site.source(request.path_params["source"])
    if "rejected" not in source.tables:
        raise NotThere(f"{source.name} has no rejected rows (yet).")
    return RedirectResponse(link(source.name, "t", "rejected"), 303)
