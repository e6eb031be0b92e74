"""The embedded model: llama.cpp's own server inside this process, driven like any other endpoint.

In: a GGUF file. Out: an address on loopback with a key that lives as long as the server. With one slot, and
with the head of each prompt put back before it (`heads`), a reply depends on its request alone: this is
tested, and it is why a resumed run ends with the same rows.
"""

import asyncio
import os
import secrets
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from synth.config import ModelConfig
from synth.errors import EndpointError
from synth.llm import weights
from synth.llm.heads import PromptHeads
from synth.llm.openai_transport import OpenAITransport
from synth.llm.transport import HttpReply


class EmbeddedServer:
    """A server for one GGUF file; use as a context manager, one at a time in a process."""

    def __init__(self, path: Path, context_tokens: int, threads: int | None = None) -> None:
        self.path = path
        self.key = secrets.token_urlsafe(24)
        self._context_tokens = context_tokens
        # Two threads that must wait for each other at every layer crawl as soon as a core is busy elsewhere.
        self._threads = threads or max(1, (os.cpu_count() or 2) - 1)
        self._server: Any = None
        self._slots: tempfile.TemporaryDirectory[str] | None = None

    @property
    def address(self) -> str:
        """Scheme, host and port of the running server."""
        return str(self._server.listening_address)

    @property
    def slots(self) -> Path:
        """Folder of saved states; it ends with the server."""
        if self._slots is None:
            self._slots = tempfile.TemporaryDirectory(prefix="synth-slots-")
        return Path(self._slots.name)

    @property
    def base_url(self) -> str:
        """Address of the running server."""
        return f"{self.address}/v1"

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
        if self._slots is not None:
            self._slots.cleanup()
            self._slots = None

    def _settings(self, params: Any) -> Any:
        params.model.path = str(self.path)
        params.n_ctx = self._context_tokens
        params.n_parallel = 1
        params.endpoint_slots = True
        params.slot_save_path = f"{self.slots}{os.sep}"
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
        self._heads: PromptHeads | None = None

    async def send(self, body: dict[str, Any]) -> HttpReply:
        """Send one request, to a server that runs and whose slot holds the head of the prompt."""
        http = await self._ready()
        refusal = await self._heads.put_back(body["messages"]) if self._heads else None
        return refusal or await http.send({**body, "cache_prompt": True, "id_slot": 0})

    async def models(self) -> HttpReply:
        """Ask the server for its one model."""
        return await (await self._ready()).models()

    async def close(self) -> None:
        """Close the connection, then end the server."""
        if self._http is not None:
            await self._http.close()
        if self._heads is not None:
            await self._heads.close()
        server, self._server, self._http = self._server, None, None
        if server is not None:
            await asyncio.to_thread(server.stop)

    async def _ready(self) -> OpenAITransport:
        async with self._lock:
            if self._http is None:
                server = self._server = await asyncio.to_thread(self._start)
                patience = self._config.timeout_s
                self._heads = PromptHeads(server.address, server.key, server.slots, patience)
                self._http = OpenAITransport(server.base_url, server.key, patience, 1)
        return self._http

    def _start(self) -> EmbeddedServer:
        config = self._config
        server = EmbeddedServer(weights.resolve(config.base_url, config.sha256), config.context_tokens)
        server.start()
        return server
