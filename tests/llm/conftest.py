"""A fake endpoint in its own process, a scripted one for what no good endpoint does, and short requests."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from synth.config import ModelConfig, Sampling
from synth.llm.client import Client, Request
from synth.llm.journal import Journal
from synth.llm.limits import Backoff
from tests.brokers import brokers
from tests.endpoints import PLANTED_KEY, FakeEndpoint

__all__ = ["brokers"]

QUICK = Backoff(base_s=0.01, cap_s=0.05)


@pytest.fixture(scope="session")
def endpoint(start_fake: Callable[..., FakeEndpoint]) -> FakeEndpoint:
    """Answers everything at once."""
    return start_fake()


@pytest.fixture(scope="session")
def strict_endpoint(start_fake: Callable[..., FakeEndpoint]) -> FakeEndpoint:
    """Asks for a key, serves one model."""
    return start_fake("--api-key-env", "FAKE_KEY", "--model", "known")


class Scripted:
    """Answers of any kind, one after the other; the last one stays."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.asked: list[dict[str, Any]] = []
        script = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                script.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                status, headers, body = (
                    script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
                )
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, status: int, said: Any, **headers: str) -> None:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.answers.append((status, {n.replace("_", "-"): v for n, v in headers.items()}, body))

    def say(self, content: str | None, finish: str = "stop", **message: Any) -> None:
        choice = {"index": 0, "message": {"content": content, **message}, "finish_reason": finish}
        self.answer(200, {"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 5}})

    def config(self, **settings: Any) -> ModelConfig:
        url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        return ModelConfig(
            **{"base_url": url, "model": "m", "structured": "tags", "timeout_s": 5, **settings}
        )


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    script = Scripted()
    yield script
    script.server.shutdown()
    script.server.server_close()


def ask(text: str, sample: int = 0, stage: str = "questions", **more: Any) -> Request:
    return Request(({"role": "user", "content": text},), Sampling(), stage, sample, **more)


@pytest.fixture
def make_request() -> Callable[..., Request]:
    return ask


@pytest.fixture
def quick() -> Backoff:
    """Waiting between tries, too short to notice."""
    return QUICK


@pytest.fixture
def planted_key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PLANTED_KEY", PLANTED_KEY)
    return PLANTED_KEY


@pytest.fixture
def everything_under() -> Callable[[Path], bytes]:
    def read(folder: Path) -> bytes:
        return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())

    return read


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "calls") as opened:
        yield opened


@pytest.fixture
def client_for(journal: Journal, quick: Backoff) -> Iterator[Callable[..., Client]]:
    """Clients of one entry `m` that share a journal."""
    opened: list[Client] = []

    def make(config: ModelConfig, **more: Any) -> Client:
        opened.append(Client({"m": config}, journal, backoff=quick, **more))
        return opened[-1]

    yield make
    for client in opened:
        client.close()
