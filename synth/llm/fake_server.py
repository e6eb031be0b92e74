"""The fake model behind real HTTP, counting what it was asked: `python -m synth.llm.fake_server --port 0`.

Speaks what the client speaks to any endpoint: `POST /v1/chat/completions`, `POST /v1/embeddings`,
`GET /v1/models`; besides `GET /stats` and `GET /health`. Latency and faults are hash-drawn, so a run
against it can be repeated.
"""

import argparse
import asyncio
import json
import math
import os
import socket
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from synth.ids import digest, stream
from synth.llm.fake import FakeModel, FakeReply, completion

LATENCY_SIGMA = 0.4  # log-normal: with equal latencies all calls would come back in waves


@dataclass(slots=True)
class Stats:
    """What the server has seen. `repeated` counts answers to a body that was answered before: paid twice."""

    requests: int = 0
    answered: int = 0
    repeated: int = 0
    max_in_flight: int = 0
    in_flight: int = 0
    bodies: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, int]:
        """The counts, without the bodies' hashes."""
        names = ("requests", "answered", "repeated", "in_flight", "max_in_flight")
        return {**{name: getattr(self, name) for name in names}, "distinct": len(self.bodies)}


class FakeApp:
    """Routes of one fake endpoint."""

    def __init__(
        self,
        model: FakeModel,
        latency_s: float,
        api_key: str | None,
        models: Sequence[str] | None,
        refuse: Sequence[str],
    ) -> None:
        self._model = model
        self._latency_s = latency_s
        self._api_key = api_key
        self._models = models
        self._refuse = frozenset(refuse)
        self.stats = Stats()

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._complete, methods=["POST"]),
                Route("/v1/embeddings", self._complete, methods=["POST"]),
                Route("/v1/models", self._list),
                Route("/stats", self._count),
                Route("/health", self._health),
            ]
        )

    async def _complete(self, request: Request) -> Response:
        self.stats.requests += 1
        self.stats.in_flight += 1
        self.stats.max_in_flight = max(self.stats.max_in_flight, self.stats.in_flight)
        try:
            return await self._answer(request)
        finally:
            self.stats.in_flight -= 1

    async def _answer(self, request: Request) -> Response:
        if not self._may(request):
            return _error(401, f"Incorrect API key provided: {request.headers.get('authorization', '')}")
        try:
            body = json.loads(await request.body())
            refused = self._refusal(body)
        except (ValueError, TypeError, AttributeError) as fault:
            return _error(400, f"the body is no chat completion request ({fault})")
        if refused is not None:
            return refused
        name = digest("latency", body)
        if self._latency_s:
            tail = math.exp(LATENCY_SIGMA * stream(0, "latency", name).gauss(0.0, 1.0))
            await asyncio.sleep(self._latency_s * tail)
        reply = self._model.reply(body)
        if reply.status == 200:
            self.stats.answered += 1
            self.stats.repeated += self.stats.bodies[name] > 0
            self.stats.bodies[name] += 1
        return _response(body, reply)

    def _refusal(self, body: dict[str, Any]) -> Response | None:
        if self._models is not None and body.get("model") not in self._models:
            return _error(404, f"The model {body.get('model')!r} does not exist.")
        if "input" in body:
            texts = body["input"]
            fine = isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts)
            return None if fine else _error(400, "input must be a list of texts that is not empty")
        form = (body.get("response_format") or {}).get("type")
        if form in self._refuse:
            return _error(400, f"response_format {form!r} is not supported")
        if not isinstance(body.get("messages"), list) or not body["messages"]:
            return _error(400, "messages must be a list that is not empty")
        return None

    def _may(self, request: Request) -> bool:
        return self._api_key is None or request.headers.get("authorization") == f"Bearer {self._api_key}"

    async def _list(self, request: Request) -> Response:
        if not self._may(request):
            return _error(401, "Incorrect API key provided.")
        listed = [{"id": name, "object": "model"} for name in self._models or ("fake",)]
        if self._models is None:
            return _error(404, "every model name is served")
        return JSONResponse({"object": "list", "data": listed})

    async def _count(self, request: Request) -> Response:
        return JSONResponse(self.stats.as_dict())

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})


def _error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error"}}, status)


def _response(body: dict[str, Any], reply: FakeReply) -> Response:
    return JSONResponse(completion(body, reply), reply.status, dict(reply.headers))


def create_app(
    model: FakeModel | None = None,
    latency_s: float = 0.0,
    faults: Mapping[str, float] | None = None,
    *,
    api_key: str | None = None,
    models: Sequence[str] | None = None,
    refuse: Sequence[str] = (),
) -> Starlette:
    """A fake endpoint; `refuse` names forms of reply that it does not know (`json_schema`, `json_object`)."""
    return FakeApp(model or FakeModel(faults=faults), latency_s, api_key, models, refuse).app()


def serve(
    port: int = 0,
    host: str = "127.0.0.1",
    *,
    latency_s: float = 0.0,
    faults: Mapping[str, float] | None = None,
    api_key: str | None = None,
    models: Sequence[str] | None = None,
    refuse: Sequence[str] = (),
    url_file: Path | None = None,
) -> None:
    """Serve until interrupted; prints its address, and writes it to a file once it can be asked."""
    import uvicorn

    app = create_app(None, latency_s, faults, api_key=api_key, models=models, refuse=refuse)
    with socket.create_server((host, port), backlog=1024) as listening:
        url = f"http://{host}:{listening.getsockname()[1]}/v1"
        print(url, flush=True)
        if url_file is not None:
            part = url_file.with_name(url_file.name + ".part")
            part.write_text(url, encoding="utf-8")
            part.replace(url_file)
        # Connections that come before the server is ready wait in the socket's queue.
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
        uvicorn.Server(config).run(sockets=[listening])


def _share(text: str) -> tuple[str, float]:
    name, _, share = text.partition("=")
    return name, float(share)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of the fake endpoint."""
    parser = argparse.ArgumentParser(description="Serves the deterministic fake model.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--url-file", type=Path)
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--fault", type=_share, action="append", default=[], metavar="NAME=SHARE")
    parser.add_argument("--model", action="append", metavar="NAME", help="serve these only")
    parser.add_argument("--refuse", action="append", default=[], metavar="FORM")
    parser.add_argument("--api-key-env", metavar="VARIABLE", help="variable with the key to ask for")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input is closed")
    given = parser.parse_args(arguments)
    if given.with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(
        given.port,
        latency_s=given.latency,
        faults=dict(given.fault),
        api_key=os.environ[given.api_key_env] if given.api_key_env else None,
        models=given.model,
        refuse=given.refuse,
        url_file=given.url_file,
    )


def _end_with_parent() -> None:
    """A test that is killed closes the pipe, and leaves no server behind."""
    import sys

    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
