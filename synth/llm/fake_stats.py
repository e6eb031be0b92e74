"""What a fake endpoint has seen, counted where the truth is: at the server, not in the client's log.

`steady` is the share of the slots' time that was used from the first request to the arrival of the last one:
what a client keeps busy, without the last calls, whose end no client can hasten.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Stats:
    """Counts of calls; times are of the loop's clock, in seconds."""

    slots: int = 0
    requests: int = 0
    answered: int = 0  # worked on to the end, so paid
    unconfirmed: int = 0  # of these: the answer never arrived whole
    repeated: int = 0  # of these: to a body that was answered before, so paid twice
    refused: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    running: int = 0
    connections: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    batches: Counter[str] = field(default_factory=Counter)  # files, batches created and ended, lines paid
    by_minute: Counter[int] = field(default_factory=Counter)
    _asked: Counter[str] = field(default_factory=Counter)
    _paid: Counter[str] = field(default_factory=Counter)
    _began: float | None = None
    _now: float = 0.0
    _used: float = 0.0
    _last: tuple[float, float] = (0.0, 0.0)

    def arrive(self, now: float) -> None:
        """A request came."""
        self.requests += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        if self._began is None:
            self._began = self._now = now
        self._move(now)
        self._last = (now, self._used)

    def attempt(self, name: str) -> int:
        """The how-many-th request with this body it is, from one."""
        self._asked[name] += 1
        return self._asked[name]

    def occupy(self, now: float, slots: int) -> None:
        """A slot was taken (1) or let go of (-1)."""
        self._move(now)
        self.running += slots

    def pay(self, name: str, now: float, prompt: int, completion: int) -> None:
        """The work for a body is done."""
        self.answered += 1
        self.repeated += self._paid[name] > 0
        self._paid[name] += 1
        self.prompt_tokens += prompt
        self.completion_tokens += completion
        self.by_minute[int((now - (self._began or now)) // 60)] += 1

    def as_dict(self) -> dict[str, Any]:
        """The counts, without the bodies' hashes."""
        names = (
            "requests", "answered", "unconfirmed", "repeated", "refused", "in_flight", "max_in_flight",
            "running", "connections", "prompt_tokens", "completion_tokens", "slots",
        )  # fmt: skip
        arrived, used = self._last
        offered = self.slots * (arrived - (self._began or arrived))
        return {
            **{name: getattr(self, name) for name in names},
            "distinct": len(self._paid),
            "waiting": self.in_flight - self.running,
            "faults": dict(self.faults),
            "batches": {name: self.batches[name] for name in ("files", "created", "ended", "lines")},
            "answered_by_minute": [self.by_minute[n] for n in range(max(self.by_minute, default=-1) + 1)],
            "slot_seconds_used": used,
            "slot_seconds_offered": offered,
            "steady": used / offered if offered else None,
        }

    def metrics(self) -> str:
        """What a server that queues can be steered by, under the names that vLLM gives it."""
        told = {"running": self.running, "waiting": self.in_flight - self.running}
        lines = []
        for name, value in told.items():
            lines.append(f"# TYPE vllm:num_requests_{name} gauge")
            lines.append(f'vllm:num_requests_{name}{{model_name="fake"}} {float(value)}')
        return "\n".join(lines) + "\n"

    def _move(self, now: float) -> None:
        self._used += self.running * (now - self._now)
        self._now = now
