"""Two runs side by side."""

from starlette.requests import Request
from starlette.responses import Response

from synth.compare import compare as work_out
from synth.view.site import Site


def compare(site: Site, request: Request) -> Response:
    """What changed between two runs; without two, a form to choose them."""
    names = [name for name in site.library.names() if (one := site.library.get(name)) and one.is_run]
    a, b = request.query_params.get("a", ""), request.query_params.get("b", "")
    found = None
    if a and b:
        old, new = site.source(a), site.source(b)
        stamps = [
            source.tables["dataset"].stamp if "dataset" in source.tables else "" for source in (old, new)
        ]
        found = site.kept.get(("compare", a, b, *stamps), lambda: work_out(old.folder, new.folder))
    return site.page(request, "compare.html", source=None, here="compare", names=names, a=a, b=b, found=found)
