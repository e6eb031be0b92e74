"""Connections: kept, found dead in time, never answered for one another; under both transports."""

import asyncio
import json
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from synth.llm import files
from synth.llm.pool import IDLE_SECONDS, Address, Broken, Pool
from synth.llm.transport import NoAnswer, Transport
from tests.llm.raw_server import RawServer, answer, close, then
from tests.llm.test_transports import BODY, run

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


def on_pool(server: RawServer, work: Any) -> Any:
    async def whole() -> Any:
        pool = Pool(Address("127.0.0.1", server.port, False))
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(whole())


@pytest.mark.parametrize("kind", ["openai", "direct"])
def test_one_after_the_other_needs_one_connection(kind: str) -> None:
    server = RawServer(answer())

    async def many(transport: Transport) -> None:
        for _ in range(20):
            assert (await transport.send(BODY)).status == 200

    run(kind, server.url, many)
    assert (len(server.asked), server.connections) == (20, 1)


@pytest.mark.parametrize("kind", ["openai", "direct"])
@pytest.mark.parametrize("wait_s", [0.0, 0.1])
def test_a_connection_that_the_server_closed_is_not_used_again(kind: str, wait_s: float) -> None:
    server = RawServer(then(answer(), close))

    async def some(transport: Transport) -> None:
        for _ in range(5):
            assert (await transport.send(BODY)).status == 200
            time.sleep(wait_s)  # holds up the loop, which then sees the end only as it sends
            if not wait_s:
                await asyncio.sleep(0.05)

    run(kind, server.url, some)
    assert (len(server.asked), server.connections) == (5, 5)


@pytest.mark.parametrize("kind", ["openai", "direct"])
def test_an_answer_that_nobody_asked_for_is_nobodys(kind: str) -> None:
    false = answer(json.dumps({"choices": "false"}).encode())
    server = RawServer(answer() + false, answer())

    async def two(transport: Transport) -> str:
        await transport.send(BODY)
        return (await transport.send(BODY)).body

    assert "false" not in run(kind, server.url, two)
    assert server.connections == 2


@pytest.mark.parametrize("kind", ["openai", "direct"])
def test_giving_up_closes_the_connection(kind: str) -> None:
    server = RawServer(lambda connection: time.sleep(0.3), answer())

    async def twice(transport: Transport) -> int:
        task = asyncio.create_task(transport.send(BODY))
        await server.reached()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.hung_up.wait, 30)  # before the transport is closed
        return (await transport.send(BODY)).status

    assert run(kind, server.url, twice) == 200
    assert server.connections == 2


def test_the_connection_used_last_is_used_next_and_the_others_end() -> None:
    server = RawServer(lambda connection: (time.sleep(0.05), connection.sendall(answer())))  # type: ignore[arg-type]

    async def work(pool: Pool) -> tuple[int, int]:
        await asyncio.gather(*(pool.request(GET, 5) for _ in range(6)))
        opened = len(pool.connections)
        rested = {connection: connection.idle_since for connection in pool.connections}
        for _ in range(3):
            await pool.request(GET, 5)
        assert sum(connection.idle_since != since for connection, since in rested.items()) == 1
        for connection in pool.connections:
            connection.idle_since -= IDLE_SECONDS * 2
        for _ in range(8):
            await pool.request(GET, 5)
        return opened, len(pool.connections)

    assert on_pool(server, work) == (6, 1)
    assert server.connections == 7


def test_a_request_of_which_no_byte_left_is_sent_once_more_unseen() -> None:
    server = RawServer(answer())

    async def work(pool: Pool) -> int:
        await pool.request(GET, 5)
        (idle,) = pool.connections
        write = idle.transport.write
        idle.transport.write = lambda data: (idle.transport.abort(), write(data))  # type: ignore[method-assign, assignment, func-returns-value]
        return (await pool.request(GET, 5)).status

    assert on_pool(server, work) == 200
    assert (len(server.asked), server.connections) == (2, 2)


def test_a_closed_pool_fails_what_is_under_way() -> None:
    server = RawServer(lambda connection: time.sleep(60))

    async def work(pool: Pool) -> None:
        task = asyncio.create_task(pool.request(GET, 60))
        await server.reached()
        await pool.close()
        with pytest.raises(Broken, match="the pool was closed"):
            await task

    on_pool(server, work)


def test_a_host_without_address_is_a_sentence() -> None:
    async def work(transport: Transport) -> None:
        with pytest.raises(NoAnswer) as raised:
            await transport.send(BODY)
        assert str(raised.value)

    run("direct", "http://model.invalid/v1", work)


@pytest.mark.parametrize("kind", ["openai", "direct"])
def test_a_certificate_must_stand_up(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    more = [
        "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    try:
        subprocess.run([*command, *more], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("openssl is not here to make a certificate")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def work(transport: Transport) -> Any:
        try:
            return (await transport.send(BODY)).status
        except NoAnswer as silence:
            return str(silence)

    async def serve() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(0.02)
                writer.write(answer())

        served = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
        port = served.sockets[0].getsockname()[1]
        url = f"https://127.0.0.1:{port}/v1"
        said = await asyncio.to_thread(run, kind, url, work)
        assert "certificate" in said
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert await asyncio.to_thread(run, kind, url, work) == 200
        served.close()

    asyncio.run(serve())


def test_more_calls_than_open_files_is_a_sentence() -> None:
    resource = pytest.importorskip("resource")
    most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert files.fault_of(1) is None
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1000, hard))
        assert files.fault_of(833) is None
        assert files.fault_of(1024) == (
            "max_in_flight = 1024 needs 1228 open files, and 1000 are allowed; run `ulimit -n 1228` first"
        )
        if hard != resource.RLIM_INFINITY:
            assert "ask for less" in (files.fault_of(hard * 2) or "")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
