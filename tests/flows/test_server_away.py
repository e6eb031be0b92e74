"""What counts as a server that is away, so that `synth serve` waits for it and does not end."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID, uuid4

import httpx
import pytest

from flows import artifacts, minding, serve
from flows.server import is_away
from flows.work import _told_of_the_server
from synth.errors import SynthError

ASKED = httpx.Request("GET", "http://127.0.0.1:4200/api/health")


def status(code: int) -> httpx.HTTPStatusError:
    return httpx.HTTPStatusError("said", request=ASKED, response=httpx.Response(code))


@pytest.mark.parametrize(
    ("fault", "is_so"),
    [
        (httpx.ConnectError("refused"), True),
        (httpx.ReadTimeout("late"), True),
        (status(503), True),
        (status(404), False),
        (RuntimeError("Service exceeded error threshold."), True),
        (RuntimeError("another"), False),
        (ExceptionGroup("some", [RuntimeError("Service exceeded error threshold."), status(500)]), True),
        (ExceptionGroup("some", [ExceptionGroup("in it", [httpx.ConnectError("refused")])]), True),
        (ExceptionGroup("some", [httpx.ConnectError("refused"), ValueError("ours")]), False),
    ],
)
def test_only_faults_of_the_server_are_waited_for(fault: Exception, is_so: bool) -> None:
    assert is_away(fault) is is_so


def test_a_server_that_went_away_is_one_sentence() -> None:
    said, at = r"^The Prefect server at \S+ does not answer any more; [^\n]*\.$", "http://127.0.0.1:4200/api"
    with pytest.raises(SynthError, match=said), _told_of_the_server(at):
        raise httpx.ConnectError("refused")
    with pytest.raises(ValueError, match="ours"), _told_of_the_server(at):
        raise ValueError("ours")


def test_work_goes_on_while_its_progress_cannot_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*given: object) -> None:
        raise httpx.ConnectError("refused")

    told: list[tuple[str, int, int]] = []
    monkeypatch.setattr(artifacts, "create_progress_artifact", lambda *given, **more: uuid4())
    monkeypatch.setattr(artifacts, "update_progress_artifact", away)
    monkeypatch.setattr(artifacts, "PROGRESS_SECONDS", 0.0)
    progress = artifacts.StageProgress("concepts", [4], lambda *said: told.append(said))
    progress.count(0, 3, 4)
    assert told[-1] == ("concepts", 3, 4)


def test_slots_are_looked_at_while_it_serves_whatever_went_wrong_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    late, asked = {uuid4(): 30.0}, list[dict[UUID, float]]()

    def look(of: dict[UUID, float]) -> int:
        asked.append(of)
        if len(asked) == 1:
            raise httpx.ConnectError("refused")
        if len(asked) == 2:
            raise LookupError("deleted meanwhile")
        return 0

    async def some() -> None:
        sweeping = asyncio.create_task(served._sweep())
        while len(asked) < 4:
            await asyncio.sleep(0.01)
        sweeping.cancel()

    served = serve.Served.__new__(serve.Served)
    monkeypatch.setattr(served, "_late", late, raising=False)
    monkeypatch.setattr(serve, "SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(serve, "skip_missed", look)
    asyncio.run(asyncio.wait_for(some(), 60))
    assert asked == [late] * 4
    assert capsys.readouterr().err.count("Missed slots could not be looked at (LookupError)") == 1


class Health(BaseHTTPRequestHandler):
    """What a server says of itself while it is well."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"true")

    def log_message(self, *said: object) -> None:
        pass


@contextmanager
def healthy(port: int = 0) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", port), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


@pytest.mark.parametrize("ours", [False, True])
def test_a_server_that_goes_away_is_told_of_once_and_begun_anew_only_if_it_is_ours(
    ours: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun, err = threading.Event(), list[str]()
    monkeypatch.setattr(minding, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(minding, "started_here", lambda: 1 if ours else None)
    monkeypatch.setattr(minding, "ensure_server", lambda report: begun.set())

    async def said(sentence: str) -> None:
        while sentence not in "".join(err):
            await asyncio.sleep(0.01)
            err.append(capsys.readouterr().err)

    async def some() -> None:
        with healthy() as port:
            task = asyncio.create_task(minding.mind_server(f"http://127.0.0.1:{port}/api"))
            await asyncio.sleep(0.2)
        await said("does not answer; schedules go on once it does")
        await asyncio.sleep(0.2)
        with healthy(port):
            await said("answers again; schedules go on.")
        task.cancel()

    asyncio.run(asyncio.wait_for(some(), 60))
    assert begun.is_set() is ours
    assert "".join(err).count("does not answer") == 1
