"""What calls cost: prices for a million tokens, and sums that say where they do not know.

In: an entry's own price, or a file of prices by the names of models. Out: costs as decimal numbers, so that
no sum drifts. A price that is not known is never nought: whatever sum it is part of says so.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from synth.config import ModelConfig, RunConfig
from synth.config_money import PriceConfig
from synth.errors import ConfigError
from synth.llm.wire import kind_of
from synth.places import home

FILE = "prices.toml"
MILLION_PLACES = -6
ZERO = Decimal(0)
DIGITS = 2


class Used(Protocol):
    """What a price is put on: sums of tokens, and how many calls told none."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    uncounted: int


@dataclass(frozen=True, slots=True)
class Cost:
    """A sum of money; `unknown` names the entries of which a part is not in it."""

    known: Decimal = ZERO
    unknown: frozenset[str] = frozenset()

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.known + other.known, self.unknown | other.unknown)

    @property
    def whole(self) -> Decimal | None:
        """The sum, or None where a part of it is unknown."""
        return None if self.unknown else self.known

    def said(self, currency: str) -> str:
        """For people: `0.84 USD and an unknown part for models.mine`."""
        if not self.unknown:
            return money(self.known, currency)
        names = ", ".join(f"models.{name}" for name in sorted(self.unknown))
        if not self.known:
            return f"unknown for {names}"
        return f"{money(self.known, currency)} and an unknown part for {names}"


@dataclass(frozen=True, slots=True)
class Price:
    """Of a million tokens: of prompts, of replies, of prompts from the cache; and a factor for batches."""

    input: Decimal = ZERO
    output: Decimal = ZERO
    cached_input: Decimal | None = None
    batch: Decimal = Decimal(1)

    @classmethod
    def of(cls, config: PriceConfig) -> "Price":
        """As it was written: 0.1 is a tenth, not the float that is nearest to it."""
        cached = None if config.cached_input is None else _exact(config.cached_input)
        batch = Decimal(1) if config.batch is None else _exact(config.batch)
        return cls(_exact(config.input), _exact(config.output), cached, batch)

    @property
    def is_free(self) -> bool:
        """Whether nothing costs anything."""
        return not (self.input or self.output)

    def cost(self, prompt: int, completion: int, cached: int = 0, *, batch: bool = False) -> Decimal:
        """Of so many tokens; `cached` are among those of the prompt."""
        cheaper = self.input if self.cached_input is None else self.cached_input
        millions = (prompt - cached) * self.input + cached * cheaper + completion * self.output
        return (millions * self.batch if batch else millions).scaleb(MILLION_PLACES)


class Prices:
    """The prices of the entries of a run; None where one is not known."""

    def __init__(self, known: Mapping[str, Price | None], file: Mapping[str, Price] | None = None) -> None:
        self._known = known
        self._file = file or {}

    @classmethod
    def of(cls, config: RunConfig) -> "Prices":
        """The prices of a run: an entry's own, else what its price file says of its model.

        Raises:
            ConfigError: there is no such file, or it is no file of prices.
        """
        file = read_prices(Path(config.prices) if config.prices else None)
        return cls({name: _price_of(entry, file) for name, entry in config.endpoints().items()}, file)

    def get(self, entry: str) -> Price | None:
        """The price of an entry, if it is known."""
        return self._known.get(entry)

    def of_model(self, model: str) -> Price | None:
        """The price that the file names for a model, of whatever entry."""
        return _in_file(model, self._file)

    def cost(self, entry: str, used: Used, *, batch: bool = False) -> Cost:
        """What sums of tokens cost; of calls that told no tokens a part is unknown, unless they are free."""
        price = self.get(entry)
        if price is None:
            spent = used.prompt_tokens or used.completion_tokens or used.uncounted
            return Cost(ZERO, frozenset((entry,)) if spent else frozenset())
        known = price.cost(used.prompt_tokens, used.completion_tokens, used.cached_tokens, batch=batch)
        return Cost(known, frozenset((entry,)) if used.uncounted and not price.is_free else frozenset())


def total(costs: Iterable[Cost]) -> Cost:
    """The sum of costs."""
    return sum(costs, Cost())


def money(amount: Decimal, currency: str) -> str:
    """An amount for people: two places, or more where it is small: `0.0042 USD`."""
    places = DIGITS if not amount else max(DIGITS, 1 - amount.adjusted())
    return f"{amount:,.{places}f} {currency}"


def read_prices(path: Path | None) -> dict[str, Price]:
    """The price file that was named, or the one in `$SYNTH_HOME` if it is there.

    Raises:
        ConfigError: the named file is not there, or it is no file of prices.
    """
    wanted = path or home() / FILE
    try:
        tree = tomllib.loads(wanted.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if path is None:
            return {}
        raise ConfigError(f"prices: there is no file {wanted}; write it, or leave the setting out.") from None
    except (OSError, ValueError) as fault:
        raise ConfigError(f"prices: {wanted} cannot be read as TOML ({_why(fault)}); mend it.") from None
    faults: list[str] = []
    found = {name: price for name, said in tree.items() if (price := _read(wanted, name, said, faults))}
    if faults:
        raise ConfigError(*faults)
    return found


def _read(path: Path, name: str, said: Any, faults: list[str]) -> Price | None:
    try:
        return Price.of(PriceConfig.model_validate(said))
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join([name, *map(str, first["loc"])])
        fix = 'write `"model" = {input = 0.5, output = 1.5}`, with quotes around a name that has a dot'
        faults.append(f"prices: {path}: {where}: {first['msg']}; {fix}.")
        return None


def _price_of(entry: ModelConfig, file: Mapping[str, Price]) -> Price | None:
    if entry.price is not None:
        return Price.of(entry.price)
    return Price() if kind_of(entry) != "http" else _in_file(entry.model, file)


def _in_file(model: str, file: Mapping[str, Price]) -> Price | None:
    """By its whole name, else by the first pattern that fits."""
    if model in file:
        return file[model]
    return next((price for pattern, price in file.items() if fnmatchcase(model, pattern)), None)


def _exact(number: float) -> Decimal:
    return Decimal(str(number))


def _why(fault: Exception) -> str:
    return str(getattr(fault, "strerror", None) or fault)
