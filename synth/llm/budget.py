"""The ceilings of a run: before a call is sent, what it may take at most must fit under each of them.

In: what each call may take, and what it took. Out: leave to make it, now or when others have come back; or,
where nothing is under way and it still does not fit, the end of the run, to be gone on with. So a ceiling is
never passed: near it, fewer calls are made at one time. Used on the client's loop; `look` from any thread.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from synth.config import BudgetConfig, ModelConfig
from synth.errors import BudgetReached, ConfigError
from synth.llm import wire
from synth.llm.prices import ZERO, Price, Prices, money
from synth.llm.transport import encoded
from synth.llm.wire import Request, Tokens

GO_ON = "raise it, and the same command goes on"
# What a chat template puts around each prompt, and how much denser a text may be than all that were seen.
AROUND_TOKENS = 64
LEAST_DENSITY = 0.25
DENSER = 1.25


@dataclass(slots=True)
class Spent:
    """Calls, tokens and money: paid, under way, or that one call may take."""

    calls: int = 0
    tokens: int = 0
    money: Decimal = ZERO

    def add(self, other: "Spent") -> None:
        """More of it."""
        self.calls += other.calls
        self.tokens += other.tokens
        self.money += other.money

    def take(self, other: "Spent") -> None:
        """Less of it."""
        self.calls -= other.calls
        self.tokens -= other.tokens
        self.money -= other.money


class Densities:
    """Tokens for a byte of prompt, the most that was seen of each entry."""

    def __init__(self) -> None:
        self._most: dict[str, float] = {}

    def learn(self, entry: str, size: int, prompt: int) -> None:
        """A prompt of so many bytes was so many tokens."""
        seen = max(LEAST_DENSITY, (prompt - AROUND_TOKENS) / max(1, size))
        self._most[entry] = max(seen, self._most.get(entry, 0.0))

    def most(self, entry: str, config: ModelConfig, request: Request) -> int:
        """Tokens that a prompt has at most: its bytes, as long as nothing is known."""
        dense = self._most.get(entry)
        if dense is None:
            return len(encoded(wire.body_of(config, request)))
        return math.ceil(size_of(request) * dense * DENSER) + AROUND_TOKENS


@dataclass(eq=False, slots=True)
class Hold:
    """A call that was let in, or waits for it, and what is kept for it meanwhile."""

    entry: str
    config: ModelConfig
    request: Request
    kept: Spent = field(default_factory=Spent)


class Budget:
    """The ceilings of one run, shared by all its callers; `spent` is by all its tries."""

    def __init__(
        self,
        ceilings: BudgetConfig,
        prices: Prices,
        currency: str,
        clock: Callable[[], float],
        spent: Spent | None = None,
        densities: Densities | None = None,
    ) -> None:
        self.ceilings = ceilings
        self.currency = currency
        self.spent = spent or Spent()
        self._prices = prices
        self._densities = densities or Densities()
        self._held = Spent()
        # In batches: what one call may take, and how many are under way, by the name of their shard.
        self._away: dict[str, tuple[Spent, int]] = {}
        self._waiting: deque[tuple[asyncio.Future[None], Hold]] = deque()
        self._clock = clock
        self._began = clock()
        self._reached: str | None = None

    def look(self) -> None:
        """Stop here if a ceiling is reached; for work that makes no call.

        Raises:
            BudgetReached: one is.
        """
        most_s = self.ceilings.seconds
        if self._reached is None and most_s and self._clock() - self._began >= most_s:
            self._reached = f"budget.seconds: the {most_s:g} s of one try are over; {GO_ON}."
        if self._reached is not None:
            raise BudgetReached(self._reached)

    async def admit(self, entry: str, config: ModelConfig, request: Request) -> Hold:
        """Wait until a call fits under the ceilings; it must be settled, however it ends.

        Raises:
            BudgetReached: it does not, and nothing is under way that could make room.
            ConfigError: there is a ceiling of money, and no price of this entry is known.
        """
        hold = Hold(entry, config, request)
        if not self._waiting and self._let_in(hold):
            return hold
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, hold))
        if len(self._waiting) == 1:
            self._next()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.settle(hold, None)
            raise
        return hold

    def settle(self, hold: Hold, tokens: Tokens | None) -> None:
        """A call ended: with these tokens, or None where it was not made. What is not told counts in full."""
        self._held.take(hold.kept)
        if tokens is not None:
            if tokens.prompt is None or tokens.completion is None:  # a part that costs is not told
                self.spent.add(hold.kept)
            else:
                self.spent.add(self._took(hold.entry, tokens))
                self._densities.learn(hold.entry, size_of(hold.request), tokens.prompt or 0)
        self._next()

    def fit(self, entry: str, config: ModelConfig, requests: Sequence[Request]) -> Spent:
        """What each of these calls may take, which leave together in batches; all of them fit.

        Raises:
            BudgetReached: they do not.
        """
        self.look()
        most = [self._at_most(Hold(entry, config, request), batch=True) for request in requests]
        each = Spent(1, max(one.tokens for one in most), max(one.money for one in most))
        need = Spent()
        for one in most:
            need.add(one)
        if said := self._over(need):
            raise BudgetReached(said)
        return each

    def at_most_of(self, entry: str, tokens: Tokens) -> Spent:
        """What a call of a batch takes that is so long at most."""
        return self._took(entry, tokens, batch=True)

    def leave(self, shard: str, each: Spent, calls: int) -> None:
        """So many calls are under way in a batch, from now until `back`."""
        self._away[shard] = each, calls

    def back(self, shard: str) -> None:
        """A batch was taken in, or will never be."""
        self._away.pop(shard, None)

    def paid(self, entry: str, tokens: Tokens, *, batch: bool) -> None:
        """A call that was not admitted one by one was answered."""
        self.spent.add(self._took(entry, tokens, batch=batch))

    def left(self) -> dict[str, Decimal]:
        """What is left under each ceiling that is set, by its name."""
        calls, tokens = Decimal(self.spent.calls), Decimal(self.spent.tokens)
        spent = {"calls": calls, "tokens": tokens, "money": self.spent.money}
        found = {name: self._most(name) - used for name, used in spent.items() if self._most(name)}
        if self.ceilings.seconds:
            passed = Decimal(str(round(self._clock() - self._began, 3)))
            found["seconds"] = self._most("seconds") - passed
        return found

    def _next(self) -> None:
        """Let in who fits, in their order; the first who does not waits for those who are under way."""
        while self._waiting:
            turn, hold = self._waiting[0]
            if not turn.done():
                try:
                    if not self._let_in(hold):
                        return
                except (BudgetReached, ConfigError) as stop:
                    self._refuse(type(stop), str(stop))
                    return
                turn.set_result(None)
            self._waiting.popleft()

    def _let_in(self, hold: Hold) -> bool:
        """Keep for a call what it may take, if that fits; if nothing is under way, it never will."""
        self.look()
        hold.kept = self._at_most(hold)
        if said := self._over(hold.kept):
            if self._held.calls:
                return False
            self._reached = said
            self.look()
        self._held.add(hold.kept)
        return True

    def _refuse(self, kind: type[BudgetReached] | type[ConfigError], said: str) -> None:
        while self._waiting:
            turn, _ = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(kind(said))

    def _over(self, more: Spent) -> str | None:
        """Which ceiling would be passed, in a sentence, or None."""
        most, spent, held = self.ceilings, self.spent, self._under_way()
        if most.calls and spent.calls + held.calls + more.calls > most.calls:
            return (
                f"budget.calls: the ceiling of {most.calls:,} calls is reached, "
                f"as {spent.calls:,} were made; {GO_ON}."
            )
        if most.tokens and spent.tokens + held.tokens + more.tokens > most.tokens:
            used = f"{spent.tokens:,} are spent and {_calls(more)} may take {more.tokens:,}"
            return f"budget.tokens: the ceiling of {most.tokens:,} tokens is reached, as {used}; {GO_ON}."
        if most.money and spent.money + held.money + more.money > self._most("money"):
            top, paid, next_ = (
                money(amount, self.currency) for amount in (self._most("money"), spent.money, more.money)
            )
            used = f"{paid} are spent and {_calls(more)} may cost {next_}"
            return f"budget.money: the ceiling of {top} is reached, as {used}; {GO_ON}."
        return None

    def _under_way(self) -> Spent:
        """What may still be taken by calls that were let in, and by batches."""
        under_way = Spent(self._held.calls, self._held.tokens, self._held.money)
        for each, calls in list(self._away.values()):
            under_way.add(Spent(each.calls * calls, each.tokens * calls, each.money * calls))
        return under_way

    def _at_most(self, hold: Hold, *, batch: bool = False) -> Spent:
        """What a call takes if its prompt is as dense as any, and its reply as long as it may be."""
        if not (self.ceilings.tokens or self.ceilings.money):
            return Spent(calls=1)
        prompt = self._densities.most(hold.entry, hold.config, hold.request)
        most = Tokens(prompt, longest_reply(hold.config, hold.request))
        return self._took(hold.entry, most, batch=batch)

    def _took(self, entry: str, tokens: Tokens, *, batch: bool = False) -> Spent:
        prompt, done, cached = tokens.prompt or 0, tokens.completion or 0, tokens.cached or 0
        cost = self._price(entry).cost(prompt, done, cached, batch=batch) if self.ceilings.money else ZERO
        return Spent(1, prompt + done, cost)

    def _price(self, entry: str) -> Price:
        price = self._prices.get(entry)
        if price is None:
            raise ConfigError(no_price(entry))
        return price

    def _most(self, name: str) -> Decimal:
        return Decimal(str(getattr(self.ceilings, name)))


def _calls(more: Spent) -> str:
    return "the next call" if more.calls == 1 else f"the next {more.calls:,} calls"


def size_of(request: Request) -> int:
    """Bytes of a prompt, or of texts to embed."""
    texts = request.inputs or [message["content"] for message in request.messages]
    return sum(len(text.encode("utf-8", errors="replace")) for text in texts)


def longest_reply(config: ModelConfig, request: Request) -> int:
    """Tokens that a reply has at most, as it is asked for."""
    if request.inputs:
        return 0
    own = config.extra_body
    most = own.get("max_completion_tokens") or own.get("max_tokens") or request.sampling.max_tokens
    return most if type(most) is int else request.sampling.max_tokens


def no_price(entry: str) -> str:
    """Why a ceiling of money cannot be kept."""
    return (
        f"budget.money: the price of models.{entry} is not known, so no ceiling can be kept; "
        f"set models.{entry}.price or name its model in the price file."
    )
