"""What was asked and used, by stage and entry: counted once per call, however often its answer is read.

In: one count for each call, from many threads. Out: sums, and what they cost. This is on the way of every
call, so the sums are numbers that grow in place; costs are worked out only where somebody looks.
"""

import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

from synth.llm.wire import UNTOLD, Tokens


@dataclass(slots=True)
class Usage:
    """Sums over calls; tokens are those the endpoint reported for calls made now, not for reused ones.

    `requests` has every try, `unconfirmed` those that were perhaps worked on and paid without an answer;
    `uncounted` are calls whose answer told no tokens. Cached tokens are among those of the prompt, reasoning
    tokens among those of the completion.
    """

    made: int = 0
    reused: int = 0
    failed: int = 0
    requests: int = 0
    unconfirmed: int = 0
    uncounted: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Of prompts and replies together."""
        return self.prompt_tokens + self.completion_tokens

    def as_dict(self) -> dict[str, Any]:
        """For reports."""
        return asdict(self)


USAGE = tuple(one.name for one in fields(Usage))


class Account(NamedTuple):
    """What a sum is kept of: the calls of a stage to an entry, those of batches apart."""

    stage: str
    entry: str
    batch: bool = False


class Ledger:
    """Usage by account, filled from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[tuple[str, str, bool], Usage] = {}

    def add(
        self,
        stage: str,
        entry: str,
        *,
        made: int = 0,
        reused: int = 0,
        failed: int = 0,
        requests: int = 0,
        unconfirmed: int = 0,
        tokens: Tokens = UNTOLD,
        batch: bool = False,
    ) -> None:
        """Count one call; `tokens` are those of a call that was made."""
        with self._lock:
            used = self._sums.get((stage, entry, batch))
            if used is None:
                used = self._sums[Account(stage, entry, batch)] = Usage()
            used.reused += reused
            if requests:
                used.requests += requests
                used.unconfirmed += unconfirmed
            used.failed += failed
            if made:
                used.made += made
                _add_tokens(used, tokens)

    def bill(self) -> dict[Account, Usage]:
        """A copy of the sums so far, all of one moment."""
        with self._lock:
            return {Account(*account): _copy(used) for account, used in self._sums.items()}

    def by_stage(self) -> dict[str, Usage]:
        """The sums of each stage."""
        bill = self.bill()
        stages = dict.fromkeys(account.stage for account in bill)
        return {stage: added(used for of, used in bill.items() if of.stage == stage) for stage in stages}

    def total(self, name: str) -> int:
        """One of the sums over all stages."""
        with self._lock:
            return sum(int(getattr(used, name)) for used in self._sums.values())


def added(usages: Iterable[Usage]) -> Usage:
    """The sum of sums."""
    total = Usage()
    for used in usages:
        for name in USAGE:
            setattr(total, name, getattr(total, name) + getattr(used, name))
    return total


def _add_tokens(used: Usage, tokens: Tokens) -> None:
    prompt, completion, cached, reasoning = tokens
    if prompt is None or completion is None:
        used.uncounted += 1
    used.prompt_tokens += prompt or 0
    used.completion_tokens += completion or 0
    if cached:
        used.cached_tokens += cached
    if reasoning:
        used.reasoning_tokens += reasoning


def _copy(used: Usage) -> Usage:
    return Usage(*(getattr(used, name) for name in USAGE))
