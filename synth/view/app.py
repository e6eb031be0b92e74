"""The application: routes, faults as pages, and the layers that guard them."""

import logging
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from synth.errors import SynthError
from synth.view import pages
from synth.view.security import LOOPBACK, Guard, hosts
from synth.view.site import NotThere, Site

if TYPE_CHECKING:
    from starlette.exceptions import HTTPException

LOG = logging.getLogger(__name__)
UNFORESEEN = (
    "Its files hold something that the viewer was not made for; where they are damaged, make them anew."
)


class Whole(Convertor[str]):
    """The rest of an address, line ends and all: names of folders have them too."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        """As it is."""
        return value

    def to_string(self, value: str) -> str:
        """As it is."""
        return value


register_url_convertor("whole", Whole())
Page = Callable[[Site, Request], Response]
ROUTES: tuple[tuple[str, Page], ...] = (
    ("/", pages.runs),
    ("/compare", pages.compare),
    ("/d/{source}", pages.source),
    ("/d/{source}/stats", pages.stats),
    ("/d/{source}/graph", pages.graph),
    ("/d/{source}/concept/{id:whole}", pages.concept),
    ("/d/{source}/prompts", pages.prompts),
    ("/d/{source}/prompts/{id:whole}", pages.prompt),
    ("/d/{source}/rejected", pages.rejected),
    ("/d/{source}/progress", pages.progress),
    ("/d/{source}/weaknesses", pages.weaknesses),
    ("/d/{source}/t/{table:whole}/row/{number}", pages.row),
    ("/d/{source}/t/{table:whole}/rows.{kind}", pages.take),
    ("/d/{source}/t/{table:whole}", pages.table),
    ("/d/{source}/row/{id:whole}", pages.by_id),
)


def create(
    place: Path, *, host: str = "127.0.0.1", token: str | None = None, seconds: float | None = None
) -> Starlette:
    """The viewer of a folder or file, for any ASGI server.

    `seconds` is what one question to the tables may take.

    Raises:
        ConfigError: there is no such place, or it would be open to others without a token.
    """
    if host not in LOOPBACK and not token:
        raise ValueError("a viewer that others can reach needs a token")
    site = Site(place, seconds)
    static = StaticFiles(packages=[("synth.view", "static")])
    app = Starlette(
        routes=[
            Mount("/static", static),
            *(Route(path, partial(_answer, site, page), methods=["GET"]) for path, page in ROUTES),
        ],
        middleware=[
            Middleware(Guard, token=token),
            Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts(host)), www_redirect=False),
        ],
        exception_handlers={404: partial(_lost, site)},
    )
    app.router.redirect_slashes = False
    app.state.site = site
    return app


def _answer(site: Site, page: Page, request: Request) -> Response:
    """A page, or its fault in one sentence: nothing that is asked or read may end as an error."""
    try:
        return page(site, request)
    except NotThere as fault:
        return _fault(site, request, 404, "Not here", str(fault))
    except (SynthError, OSError, pa.ArrowException) as fault:
        said = (
            str(fault) if isinstance(fault, SynthError) else "A file of it is damaged, or has gone meanwhile."
        )
        return _fault(site, request, 400, "That cannot be shown", said)
    except Exception as fault:  # noqa: BLE001
        # No file, however made, may end a page as an error. The text of the fault may be that of a row, so it
        # is not logged.
        place = traceback.extract_tb(fault.__traceback__)[-1]
        LOG.error("%s in %s, line %s", type(fault).__name__, Path(place.filename).name, place.lineno)
        return _fault(site, request, 400, "That cannot be shown", UNFORESEEN)


def _lost(site: Site, request: Request, fault: "HTTPException") -> Response:
    return _fault(site, request, 404, "Not here", "There is no page at this address.")


def _fault(site: Site, request: Request, status: int, title: str, said: str) -> Response:
    return site.page(request, "fault.html", status, title=title, said=said, source=None)
