"""Counts what the calls of one part take, reused ones too: the sum is the same whoever paid for them.

Only what an endpoint answered counts, each reply as often as a row asked for it. What was in an endpoint's
cache is not told apart: that says what else was asked at the time, and not what the rows took.
"""

import threading
from collections.abc import Iterable

from synth.llm.wire import FALLEN, Reply
from synth.store import CallsRecord


class Tally:
    """A sum that grows; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sum = CallsRecord()

    def take(self, replies: Iterable[Reply]) -> None:
        """Count some replies."""
        answered = [reply for reply in replies if reply.reason not in FALLEN]
        some = CallsRecord(
            calls=len(answered),
            untold=sum(reply.prompt_tokens is None or reply.completion_tokens is None for reply in answered),
            prompt_tokens=sum(reply.prompt_tokens or 0 for reply in answered),
            completion_tokens=sum(reply.completion_tokens or 0 for reply in answered),
        )
        with self._lock:
            self._sum += some

    def record(self) -> CallsRecord:
        """The sum so far."""
        with self._lock:
            return self._sum
