"""Limits by minute of a fake endpoint, told in the headers that OpenAI's servers use."""

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """So many in a minute, of which a burst may be used at once; refilled all the time."""

    per_minute: int
    burst_s: float
    level: float = math.inf
    at: float = 0.0

    @property
    def size(self) -> float:
        """What can be used at once."""
        return max(1.0, self.per_minute * self.burst_s / 60)

    def fill(self, now: float) -> None:
        """Let time pass."""
        self.level = min(self.size, self.level + (now - self.at) * self.per_minute / 60)
        self.at = now

    def wait_s(self, count: float) -> float:
        """Seconds until so many can be had; a count larger than the bucket waits for a full one."""
        return max(0.0, (min(count, self.size) - self.level) * 60 / self.per_minute)

    def headers(self, name: str) -> dict[str, str]:
        """What is allowed and left, and when all will be there again."""
        reset = (self.size - self.level) * 60 / self.per_minute
        return {
            f"x-ratelimit-limit-{name}": str(self.per_minute),
            f"x-ratelimit-remaining-{name}": str(max(0, int(self.level))),
            f"x-ratelimit-reset-{name}": f"{reset:.3f}s",
        }


class Limits:
    """Requests and tokens by minute, each where it is limited."""

    def __init__(self, rpm: int | None, tpm: int | None, burst_s: float) -> None:
        limited = {"requests": rpm, "tokens": tpm}
        self._buckets = {name: Bucket(most, burst_s) for name, most in limited.items() if most}

    def take(self, now: float, tokens: int) -> float:
        """Take one request with its tokens and return 0, or the seconds until it could be had."""
        wait = 0.0
        counts = {"requests": 1, "tokens": tokens}
        for name, bucket in self._buckets.items():
            bucket.fill(now)
            wait = max(wait, bucket.wait_s(counts[name]))
        if wait <= 0:
            for name, bucket in self._buckets.items():
                bucket.level -= counts[name]
        return wait

    def headers(self) -> dict[str, str]:
        """Of all limits."""
        told: dict[str, str] = {}
        for name, bucket in self._buckets.items():
            told |= bucket.headers(name)
        return told


def retry_headers(wait_s: float) -> dict[str, str]:
    """When to come again: in whole seconds, as most read it, and in milliseconds."""
    return {"retry-after": str(math.ceil(wait_s)), "retry-after-ms": str(math.ceil(wait_s * 1000))}
