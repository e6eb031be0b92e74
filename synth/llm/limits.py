"""What a call can come to: an answer for good, or none; and what is asked again, how long after."""

from dataclasses import dataclass
from typing import Any

from synth.llm.transport import HttpReply
from synth.llm.wire import UNTOLD, Tokens

# The same request may be answered the next time. All others are final: 400, 401, 403, 404, 422 and so on.
AGAIN = frozenset({408, 409, 425, 429}) | frozenset(range(500, 600))


LEAST_WAIT_S = 0.01


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waiting between tries: full jitter, up to `base_s` doubled each time, never above `cap_s`."""

    base_s: float = 0.5
    cap_s: float = 30.0

    def wait_s(self, tries: int, draw: float) -> float:
        """Seconds before the next try, after `tries` failed ones; `draw` is in [0, 1)."""
        return draw * float(min(self.cap_s, self.base_s * 2 ** min(tries, 30)))


@dataclass(frozen=True, slots=True)
class Answered:
    """The last answer to a call, of whatever status, after so many requests.

    `said` is the body of a success, parsed, where it holds what was asked for; `tokens` what it took.
    """

    reply: HttpReply
    requests: int
    said: dict[str, Any] | None = None
    tokens: Tokens = UNTOLD


@dataclass(slots=True)
class Tally:
    """What one call has sent so far, kept however the call ends.

    `unconfirmed` requests brought no answer, and may have been worked on and paid even so.
    """

    requests: int = 0
    unconfirmed: int = 0


class GaveUp(Exception):
    """No answer, after the last try."""


def is_quota(reply: HttpReply) -> bool:
    """Whether a 429 is about money, which waiting does not bring."""
    return reply.status == 429 and "insufficient_quota" in reply.body
