"""How the calls of a run, or of one stage, are going just now: for people, read from any thread."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from synth.llm.admission import State
from synth.llm.prices import Cost, Prices, total
from synth.llm.usage import Account, Usage, added


class Pulse(NamedTuple):
    """Counts since the run was opened; `cost` is None where a part of it is unknown.

    `in_flight`, `tokens_per_s` (of replies, over the last ten seconds) and `down` are of all endpoints now.
    """

    made: int = 0
    reused: int = 0
    failed: int = 0
    in_flight: int = 0
    tokens_per_s: float = 0.0
    tokens: int = 0
    cost: Decimal | None = Decimal(0)
    unconfirmed: int = 0
    down: bool = False


def pulse_of(
    bill: Mapping[Account, Usage], prices: Prices, states: Iterable[State], stage: str | None
) -> Pulse:
    """The sums of all stages, or of one, and how the endpoints are."""
    wanted = {of: used for of, used in bill.items() if stage is None or of.stage == stage}
    used, now = added(wanted.values()), list(states)
    return Pulse(
        used.made,
        used.reused,
        used.failed,
        sum(state.in_flight for state in now),
        sum(state.tokens_per_s for state in now),
        used.tokens,
        cost_of(wanted, prices).whole,
        used.unconfirmed,
        any(state.down for state in now),
    )


def cost_of(bill: Mapping[Account, Usage], prices: Prices) -> Cost:
    """What the sums of a bill cost together."""
    return total(prices.cost(of.entry, used, batch=of.batch) for of, used in bill.items())
