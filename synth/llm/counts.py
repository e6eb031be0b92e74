"""What happened between the client and one endpoint, in numbers for people."""

import math
from dataclasses import asdict, dataclass

FLOW_S = 10.0


@dataclass(slots=True)
class Counts:
    """Sums since the start. `unconfirmed`: sent, perhaps finished and paid, but the answer never came."""

    requests: int = 0
    answered: int = 0
    refused: int = 0
    failed: int = 0
    retried: int = 0
    hedged: int = 0
    unconfirmed: int = 0
    pauses: int = 0
    waited_s: float = 0.0

    def as_dict(self) -> dict[str, float]:
        """For reports."""
        return asdict(self)


class Flow:
    """Tokens in a second, over about the last ten."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._at: float | None = None
        self._began = 0.0

    def add(self, now: float, tokens: int) -> None:
        """So many came."""
        if self._at is None:
            self._at = self._began = now
        self._sum = self._sum * math.exp((self._at - now) / FLOW_S) + tokens
        self._at = now

    def per_s(self, now: float) -> float:
        """How many come in a second now."""
        if self._at is None or now <= self._began:
            return 0.0
        seen = FLOW_S * -math.expm1((self._began - now) / FLOW_S)  # less at the start
        return self._sum * math.exp((self._at - now) / FLOW_S) / seen
