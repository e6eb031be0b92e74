"""Who is asked: the visits of a student, which are entries of `models` in the order that they were given.

In: a recipe or none, names of models, settings. Out: a configuration whose `models` are the visits and
nothing else, with every fault of it found before a call.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from synth.check import entry_faults, prompt_faults
from synth.config import BUILT_IN, ModelConfig, RunConfig, Sampling
from synth.errors import ConfigError
from synth.llm.budget import no_price
from synth.llm.prices import Prices
from synth.llm.wire import identity_of, kind_of
from synth.settings import load, use_model
from synth.stages.difficulty import FIRST_SAMPLE


class Visits(NamedTuple):
    """Entries in the order of their visits, attempts of each at each problem, and how they are sampled."""

    config: RunConfig
    entries: tuple[str, ...]
    attempts: int

    @property
    def sampling(self) -> Sampling:
        """Temperature, top p and the longest response."""
        return self.config.prompts.attempts_sampling


def visits_of(
    models: Sequence[str] = (),
    recipe: str | None = None,
    overrides: Sequence[str] = (),
    attempts: int | None = None,
    sampling: dict[str, Any] | None = None,
) -> Visits:
    """The visits that a command was asked for.

    `models` name entries of the recipe or, without any entries, models at $OPENAI_BASE_URL. Left out: the
    recipe's student, else all its entries. `sampling` holds what differs from `prompts.attempts_sampling`.

    Raises:
        ConfigError: with every fault that was found.
    """
    said = [f"prompts.attempts_sampling.{name}={value}" for name, value in (sampling or {}).items()]
    config = load(recipe, overrides=[*overrides, *said])
    names = tuple(models) or ((config.roles.student,) if config.roles.student else tuple(config.models))
    entries = {name: _entry(name, config, recipe) for name in names}
    tries = config.difficulty.attempts if attempts is None else attempts
    return visits_in(config, entries, tries, names)


def visits_in(
    config: RunConfig, entries: dict[str, ModelConfig], tries: int, names: Sequence[str] = ()
) -> Visits:
    """Some entries as visits, in their order, with what a configuration says of prompts and limits.

    Raises:
        ConfigError: with every fault that was found.
    """
    names = tuple(names or entries)
    if faults := [*_named(names), *_order(names, tries)]:
        raise ConfigError(*faults)
    config = config.model_copy(update={"models": entries})
    if faults := [*_faults(config, entries), *prompt_faults(config)]:
        raise ConfigError(*faults)
    return Visits(config, names, tries)


def _entry(name: str, config: RunConfig, recipe: str | None) -> ModelConfig:
    """An entry, asked for plain text: what forms of reply it has need not be found out."""
    found = config.models.get(name) or BUILT_IN.get(name)
    if found is None and config.models:
        where = f"recipe {recipe}" if recipe else "--set"
        listed = ", ".join(config.models)
        raise ConfigError(f"--model {name}: there is no such entry in [models] of {where}, only {listed}.")
    if found is None:
        tree: dict[str, Any] = {}
        use_model(tree, name)
        found = ModelConfig.model_validate(tree["models"][name])
    return as_text(found)


def as_text(entry: ModelConfig) -> ModelConfig:
    """An entry that is asked for plain text."""
    return entry.model_copy(update={"structured": "tags"})


def _named(names: Sequence[str]) -> Iterator[str]:
    if not names:
        yield "There is no visit; name a model with --model, or a recipe with entries in --visits."
    for name in sorted({name for name in names if names.count(name) > 1}):
        fix = "a visit is another checkpoint; for more attempts set --attempts"
        yield f"--model {name}: it is named twice; {fix}."


def _order(names: Sequence[str], attempts: int) -> Iterator[str]:
    if not 1 <= attempts <= FIRST_SAMPLE:
        yield f"--attempts {attempts}: give 1 to {FIRST_SAMPLE:,}."


def _faults(config: RunConfig, entries: dict[str, ModelConfig]) -> Iterator[str]:
    who: dict[tuple[str, str, str], str] = {}
    for name, entry in entries.items():
        yield from entry_faults(name, entry)
        if kind_of(entry) == "wordllama":
            yield f"--model {name}: it gives embeddings only; name another entry."
        first = who.setdefault(asked_of(entry), name)
        if first != name:
            fix = "give the second an `identity` of its own if it is another checkpoint"
            yield f"models.{name}: it asks the very same as models.{first}, and would get its answers; {fix}."
    if config.budget.money:
        prices = Prices.of(config)
        yield from (no_price(name) for name in entries if prices.get(name) is None)


def asked_of(entry: ModelConfig) -> tuple[str, str, str]:
    """What tells the calls to one entry from those to another."""
    who = entry.base_url if kind_of(entry) == "embedded" else identity_of(entry)
    return who, entry.model, repr(sorted(entry.beside.items()))


def prompts_dir(config: RunConfig) -> Path | None:
    """The folder of a recipe's own prompts."""
    return Path(config.prompts.dir) if config.prompts.dir else None
