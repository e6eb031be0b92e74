"""How long the limits of an endpoint make calls take, at least.

In: an entry, calls and their tokens. Out: seconds.
"""

from synth.config import ModelConfig


def least_seconds(entry: ModelConfig, calls: int, prompt: int, reply: int) -> float | None:
    """How long an entry's limits by the minute make calls take; None where it has none."""
    limits = (
        (calls, entry.requests_per_minute),
        (prompt + reply, entry.tokens_per_minute),
        (prompt, entry.input_tokens_per_minute),
        (reply, entry.output_tokens_per_minute),
    )
    return max((60.0 * count / per_minute for count, per_minute in limits if per_minute), default=None)
