"""CPU of the client's process for each call, by transport and calls at one time; the endpoint answers at once.

`direct` and `openai` are ours; raw aiohttp (where it is installed) and the openai package as it comes are what
they are measured against. Connecting is part of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from importlib.util import find_spec

from benchmarks.measure import Figure
from benchmarks.server import Server
from synth.llm.direct import DirectTransport
from synth.llm.openai_transport import OpenAITransport
from synth.llm.transport import encoded

IN_FLIGHT = (64, 256, 1_024)
CALLS = 6_000
CALLS_AS_IT_COMES = 1_536  # the package as it comes takes minutes for more
ROUNDS = 2
BODY = {
    "model": "fake",
    "messages": [{"role": "user", "content": "<question>\nWhat is 2 + 2?\n</question>" + "x" * 500}],
}

Call = Callable[[], Awaitable[object]]


def figures() -> list[Figure]:
    """CPU for each call."""
    kinds = {"direct": _direct, "openai, over the same pool": _openai, "raw aiohttp": _aiohttp}
    with Server() as server:
        measured = []
        for in_flight in IN_FLIGHT:
            for name, connect in kinds.items():
                if connect is not _aiohttp or find_spec("aiohttp"):
                    measured.append(_figure(name, connect, server.url, in_flight, CALLS))
            as_it_comes = "openai, as it comes: create()"
            measured.append(_figure(as_it_comes, _create, server.url, in_flight, CALLS_AS_IT_COMES))
        return measured


def _figure(name: str, connect: "Connect", url: str, in_flight: int, calls: int) -> Figure:
    best = min(asyncio.run(_cpu_s(connect, url, in_flight, calls)) for _ in range(ROUNDS))
    return Figure(f"{name}, {in_flight:,} at one time", str(in_flight), calls, best)


async def _cpu_s(connect: "Connect", url: str, in_flight: int, calls: int) -> float:
    call, close = connect(url, in_flight)
    todo = iter(range(calls))

    async def work() -> None:
        for _ in todo:
            await call()

    await call()  # imports, and the connection of the first
    began = time.process_time()
    await asyncio.gather(*(work() for _ in range(in_flight)))
    spent = time.process_time() - began
    await close()
    return spent


Connect = Callable[[str, int], tuple[Call, Callable[[], Awaitable[object]]]]


def _direct(url: str, in_flight: int) -> tuple[Call, Call]:
    transport = DirectTransport(url, None, 120)
    return lambda: transport.send(BODY), transport.close


def _openai(url: str, in_flight: int) -> tuple[Call, Call]:
    transport = OpenAITransport(url, None, 120, in_flight)
    return lambda: transport.send(BODY), transport.close


def _create(url: str, in_flight: int) -> tuple[Call, Call]:
    import httpx2
    import openai

    limits = httpx2.Limits(max_connections=in_flight + 2, max_keepalive_connections=in_flight + 2)
    http = httpx2.AsyncClient(limits=limits, timeout=120, trust_env=False)
    client = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, http_client=http)
    return lambda: client.chat.completions.create(**BODY), client.close  # type: ignore[call-overload]


def _aiohttp(url: str, in_flight: int) -> tuple[Call, Call]:
    import aiohttp

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight + 2))
    headers = {"Content-Type": "application/json"}

    async def call() -> None:
        async with session.post(url + "/chat/completions", data=encoded(BODY), headers=headers) as answer:
            await answer.read()

    return call, session.close
