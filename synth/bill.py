"""The bill of a run: calls, tokens and money by stage and model, of one try or of all.

In: what a client counted, and prices. Out: lines that can be written, read again and added up. Money is
decimal all the way, in files as text; a part that is not known is said to be so and never nought.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from synth.config import RunConfig
from synth.llm.journal import TAKEN_OVER, Journal
from synth.llm.prices import ZERO, Cost, Prices, total
from synth.llm.spent import paid
from synth.llm.usage import USAGE, Account, Ledger, Usage
from synth.schemas import STAGES

Tree = dict[str, Any]


class Counted(BaseModel):
    """Calls and tokens, as `Usage` names them."""

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


class Line(Counted):
    """One line: `cost` is the known part of it, None where there is none; `unknown`: a part is not known."""

    stage: str
    entry: str
    model: str = ""
    batch: bool = False
    cost: Decimal | None = None
    unknown: bool = False

    @property
    def money(self) -> Cost:
        """What it costs."""
        return Cost(self.cost or ZERO, frozenset((self.entry,)) if self.unknown else frozenset())


def lines_of(bill: Mapping[Account, Usage], prices: Prices, config: RunConfig) -> list[Line]:
    """What a client counted, with what it costs."""
    entries = config.endpoints()
    lines = []
    for of, used in bill.items():
        cost = prices.cost(of.entry, used, batch=of.batch)
        lines.append(_line(of, entries[of.entry].model, used.as_dict(), cost))
    return lines


def unbilled(
    lines: Sequence[Line], journal: Journal, entries: Mapping[str, str], prices: Prices, config: RunConfig
) -> list[Line]:
    """Calls that a journal holds and no line counts: a killed try could not write down its last ones.

    `entries` are names of entries by who answers. Records that were taken over were paid by another run.
    """
    ledger = Ledger()
    for record in journal.records():
        entry = entries.get(record["model"])
        if entry is not None and not record.get(TAKEN_OVER):
            for _, tokens in paid(record):
                batch = bool(record.get("batch"))
                ledger.add(record["stage"], entry, made=1, requests=1, tokens=tokens, batch=batch)
    short: dict[Account, Usage] = {}
    for of, used in ledger.bill().items():
        known = counts_of(one for one in lines if Account(one.stage, one.entry, one.batch) == of)
        counts = {name: max(0, count - known[name]) for name, count in used.as_dict().items()}
        if counts["made"]:
            short[of] = Usage(**counts)
    return lines_of(short, prices, config)


def merged(lines: Iterable[Line]) -> list[Line]:
    """One line for each stage and model, in the order of the stages."""
    sums: dict[tuple[Account, str], list[Line]] = {}
    for line in lines:
        sums.setdefault((Account(line.stage, line.entry, line.batch), line.model), []).append(line)
    done = [_line(*of, counts_of(several), cost_of(several)) for of, several in sums.items()]
    return sorted(done, key=lambda line: (_place(line.stage), line.entry, line.batch))


def counts_of(lines: Iterable[Counted]) -> dict[str, int]:
    """The sum of calls and tokens."""
    kept = list(lines)
    return {name: sum(getattr(line, name) for line in kept) for name in USAGE}


def cost_of(lines: Iterable[Line]) -> Cost:
    """The sum of money."""
    return total(line.money for line in lines)


def per_row(cost: Cost, rows: int) -> Cost | None:
    """What each of so many rows cost; None where there is none."""
    return Cost(cost.known / rows, cost.unknown) if rows else None


def as_tree(cost: Cost | None) -> Tree:
    """A sum for reports: its known part as text, and the entries of which a part is unknown."""
    cost = cost or Cost()
    known = cost.known if cost.known or not cost.unknown else None
    return {"cost": None if known is None else f"{known:f}", "unknown": sorted(cost.unknown)}


def from_tree(tree: Mapping[str, Any]) -> Cost:
    """The sum that `as_tree` wrote."""
    return Cost(Decimal(tree.get("cost") or 0), frozenset(tree.get("unknown", ())))


def _line(of: Account, model: str, counts: Mapping[str, int], cost: Cost) -> Line:
    known = None if cost.unknown and not cost.known else cost.known
    return Line(**of._asdict(), **counts, model=model, cost=known, unknown=bool(cost.unknown))


def _place(stage: str) -> int:
    return STAGES.index(stage) if stage in STAGES else -1
