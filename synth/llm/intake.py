"""Taking in what comes back of a batch: line by line into the journal, as bytes come.

In: the bytes of an answered file, in pieces. Out: records, just as live replies are journaled, and counts of
lines that were of no use. No answer lies on the disk before the API key was looked for in it.
"""

from collections.abc import Sequence
from typing import Self

from synth.llm import wire
from synth.llm.batch_files import Lines, Outcome, read_line
from synth.llm.batches import Shard, Shards
from synth.llm.desk import Came, Desk
from synth.llm.endpoint import Endpoint
from synth.llm.journal import Journal


class Intake:
    """What comes back for one shard, line by line, into the journal; `odd` counts what was of no use."""

    def __init__(
        self, shard: Shard, shards: Shards, journal: Journal, desk: Desk, endpoint: Endpoint
    ) -> None:
        self.odd: dict[str, int] = {}
        self._shard = shard
        self._bodies = shards.bodies(shard)
        self._keys = frozenset(shards.keys(shard))
        self._journal = journal
        self._desk = desk
        self._endpoint = endpoint
        self._seen: set[str] = set()
        self._lines = Lines()
        self._sure: tuple[dict[str, int], set[str]] = ({}, set())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bodies.close()

    def begin(self) -> None:
        """A file is read from its beginning, perhaps once more: what was counted of it is forgotten."""
        self._lines = Lines()
        self.odd, self._seen = dict(self._sure[0]), set(self._sure[1])

    def feed(self, piece: bytes) -> None:
        """Some bytes of a file."""
        self._take(self._lines.feed(piece))

    def end(self) -> None:
        """A file is read to its end."""
        self._take(self._lines.end())
        if self._lines.dropped:
            self._count("too long", self._lines.dropped)
        self._sure = dict(self.odd), set(self._seen)

    def _take(self, lines: Sequence[bytes]) -> None:
        came = [one for line in lines if line.strip() and (one := self._read(line)) is not None]
        self._desk.take_in(self._endpoint, self._shard.stage, came)

    def _read(self, line: bytes) -> Came | None:
        outcome = read_line(line)
        fault = "unreadable" if outcome is None else self._fault_of(outcome)
        if fault is not None or outcome is None or outcome.raw is None:
            self._count(fault or "failed")
            return None
        try:
            body = self._bodies.get(outcome.key)
        except (ValueError, TypeError, KeyError, AttributeError):
            self._count("without their request")
            return None
        if wire.answer_of(body, outcome.raw) is None:
            self._count("unreadable")
            return None
        self._seen.add(outcome.key)
        return None if outcome.key in self._journal else Came(outcome.key, body, outcome.raw)

    def _fault_of(self, outcome: Outcome) -> str | None:
        if outcome.key not in self._keys:
            return "unknown"
        if outcome.raw is None:
            return "failed"
        return "repeated" if outcome.key in self._seen else None

    def _count(self, what: str, times: int = 1) -> None:
        self.odd[what] = self.odd.get(what, 0) + times
