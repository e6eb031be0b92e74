"""The embedded model: llama.cpp's own server inside this process, driven like any other endpoint.

In: a GGUF file. Out: an address on loopback with a key that lives as long as the server. With one slot a
reply depends on its request alone, whatever was asked before and is still cached: this is tested, and it is
why a resumed run ends with the same rows.
"""

import asyncio
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from synth.config import ModelConfig
from synth.errors import EndpointError
from synth.llm import weights
from synth.llm.transport import HttpReply, OpenAITransport


class EmbeddedServer:
    """A server for one GGUF file; use as a context manager, one at a time in a process."""

    def __init__(self, path: Path, context_tokens: int, threads: int | None = None) -> None:
        self.path = path
        self.key = secrets.token_urlsafe(24)
        self._context_tokens = context_tokens
        # Two threads that must wait for each other at every layer crawl as soon as a core is busy elsewhere.
        self._threads = threads or max(1, (os.cpu_count() or 2) - 1)
        self._server: Any = None

    @property
    def base_url(self) -> str:
        """Address of the running server."""
        return f"{self._server.listening_address}/v1"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Load the weights and listen; takes a second or two.

        Raises:
            EndpointError: the runtime is not installed, or cannot load the file.
        """
        try:
            import xllamacpp
        except ImportError as fault:
            raise EndpointError(
                f"the embedded model needs the package xllamacpp ({fault}); install it."
            ) from fault
        try:
            self._server = xllamacpp.Server(self._settings(xllamacpp.CommonParams()))
        except (RuntimeError, ValueError, OSError) as fault:
            raise EndpointError(f"{self.path}: the embedded model cannot be loaded ({fault}).") from fault

    def stop(self) -> None:
        """End the server and free its memory; stopping twice is harmless."""
        self._server = None

    def _settings(self, params: Any) -> Any:
        params.model.path = str(self.path)
        params.n_ctx = self._context_tokens
        params.n_parallel = 1
        params.cpuparams.n_threads = self._threads
        params.cpuparams_batch.n_threads = self._threads
        params.port = 0
        params.hostnames = ["127.0.0.1"]
        params.api_keys = [self.key]
        params.ui = False
        params.cors_origins = ""  # the default admits every web page
        params.cache_ram_mib = 0  # the default is 8 GiB
        params.fit_params = False
        params.warmup = False
        params.verbosity = -1
        return params


class EmbeddedTransport:
    """Starts the server with the first call, stops it on close."""

    def __init__(self, config: ModelConfig) -> None:
        self._config = config
        self._lock = asyncio.Lock()
        self._server: EmbeddedServer | None = None
        self._http: OpenAITransport | None = None

    async def send(self, body: dict[str, Any]) -> HttpReply:
        """Send one request, to a server that runs."""
        return await (await self._ready()).send(body)

    async def models(self) -> HttpReply:
        """Ask the server for its one model."""
        return await (await self._ready()).models()

    async def close(self) -> None:
        """Close the connection, then end the server."""
        if self._http is not None:
            await self._http.close()
        server, self._server, self._http = self._server, None, None
        if server is not None:
            await asyncio.to_thread(server.stop)

    async def _ready(self) -> OpenAITransport:
        async with self._lock:
            if self._http is None:
                self._server = await asyncio.to_thread(self._start)
                self._http = OpenAITransport(
                    self._server.base_url, self._server.key, self._config.timeout_s, 1
                )
        return self._http

    def _start(self) -> EmbeddedServer:
        config = self._config
        server = EmbeddedServer(weights.resolve(config.base_url, config.sha256), config.context_tokens)
        server.start()
        return server
