"""Who may ask, and what the browser may do with an answer.

Every page carries a policy without inline script or style, and without any other host: text of documents
and models is never markup, and if it ever became markup it could still reach nothing. Only GET and HEAD are
heard. Where the viewer listens to more than this machine, a token is asked for once and kept as a cookie.
"""

import hmac
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
COOKIE = "synth-view"


class Guard:
    """The outermost layer: methods, requests from other sites, the token, and the headers of every answer."""

    def __init__(self, app: ASGIApp, token: str | None = None) -> None:
        self.app = app
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it pass with safe headers on its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        await (self._refusal(scope) or self.app)(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("Only GET and HEAD are answered here.", 405, {"Allow": "GET, HEAD"})
        # A link from elsewhere may lead here; a page from elsewhere may not read or embed what is here.
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return PlainTextResponse("Other sites may link here, and not more.", 403)
        return self._unknown(scope, headers) if self.token else None

    def _unknown(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        token = str(self.token)
        if _same(cookie_parser(headers.get("cookie", "")).get(COOKIE, ""), token):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"))
        if not any(name == "token" and _same(value, token) for name, value in query):
            return PlainTextResponse("Open the address with the token that `synth view` printed.", 401)
        rest = urlencode([pair for pair in query if pair[0] != "token"])
        answer = RedirectResponse(f"{scope['path'] or '/'}{'?' + rest if rest else ''}", 303)
        answer.set_cookie(COOKIE, token, httponly=True, samesite="strict")
        return answer


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


def hosts(listening: str) -> Sequence[str]:
    """Names under which the viewer may be asked: a false one is how a page elsewhere would reach it."""
    if listening in LOOPBACK:
        return ["127.0.0.1", "localhost", "[::1]", "::1"]
    return ["*"]  # the token guards it, which no other site has
