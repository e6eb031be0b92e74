"""Where a run stands; the page asks for itself again as long as a process is at work."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from synth import run_report
from synth.errors import SynthError
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
    return site.page(
        request, "progress.html", source=source, here="progress", found=found, fault=fault, report=report,
        last=(report.get("tries") or [{}])[-1],
    )  # fmt: skip


def rejected(site: Site, request: Request) -> Response:
    """The rejected rows, by reason."""
    source = site.source(request.path_params["source"])
    if "rejected" not in source.tables:
        raise NotThere(f"{source.name} has no rejected rows (yet).")
    return RedirectResponse(link(source.name, "t", "rejected"), 303)
