"""Calls to models: the journal, and the client over the fake model, first answered and then reused."""

import itertools
import tempfile
from pathlib import Path

from benchmarks.measure import Figure, interleaved
from synth.config import BUILT_IN, Sampling
from synth.llm.client import Client, Request
from synth.llm.journal import Journal

CALLS = 2_000


def figures() -> list[Figure]:
    """CPU for each append, look-up, answered call and reused call."""
    with tempfile.TemporaryDirectory() as scratch:
        return [*_journal(Path(scratch)), *_client(Path(scratch))]


def _journal(scratch: Path) -> list[Figure]:
    record = {"request": "x" * 500, "response": "y" * 600}
    rounds = itertools.count()
    with Journal(scratch / "journal") as journal:

        def append() -> None:
            number = next(rounds)
            for place in range(CALLS):
                journal.append(f"call_{number}_{place}", record)

        def look_up() -> None:
            for place in range(CALLS):
                journal.get(f"call_0_{place}")

        return interleaved("journal", CALLS, {"journal: append": append, "journal: look up": look_up})


def _client(scratch: Path) -> list[Figure]:
    requests = [
        Request(
            ({"role": "user", "content": f"<question>\nWhat is {n} + {n}?\n</question>"},),
            Sampling(),
            "answers",
        )
        for n in range(CALLS)
    ]
    rounds = itertools.count()

    def answered() -> None:
        with Journal(scratch / f"calls{next(rounds)}") as journal, Client(BUILT_IN, journal) as client:
            client.complete("fake", requests)

    def reused() -> None:
        with Journal(scratch / "calls0") as journal, Client(BUILT_IN, journal) as client:
            client.complete("fake", requests)

    contenders = {"client: call answered (fake model included)": answered, "client: call reused": reused}
    return interleaved("client", CALLS, contenders)
