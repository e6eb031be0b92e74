"""What the earlier tries of a run spent, as its journal knows it: each call is there that was answered.

In: a journal and who the entries are. Out: calls, tokens and money. Records that were taken over from
another run were paid by that one, and are left out.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from synth.config import ModelConfig
from synth.errors import ConfigError
from synth.llm import wire
from synth.llm.budget import Densities, Spent
from synth.llm.journal import TAKEN_OVER, Journal
from synth.llm.notation import loads
from synth.llm.prices import ZERO, Price, Prices
from synth.llm.wire import Tokens

Record = Mapping[str, Any]
# How the column `model` begins for models that cost nothing.
FREE = ("fake@", "embedded/", "wordllama@")


def spent_before(
    journal: Journal, entries: Mapping[str, str], prices: Prices, densities: Densities, *, priced: bool
) -> Spent:
    """The sum over a journal. `entries` are names of entries by who answers; money only where `priced`.

    Raises:
        ConfigError: it holds calls whose price is not known now.
    """
    spent = Spent()
    unknown: set[str] = set()
    for record in journal.records():
        if record.get(TAKEN_OVER):
            continue
        price = _price_of(record["model"], entries, prices) if priced else Price()
        if price is None:
            unknown.add(record["model"])
            continue
        for body, tokens in paid(record):
            prompt, done = _counted(body, tokens, entries.get(record["model"]), densities)
            cost = price.cost(prompt, done, tokens.cached or 0, batch=bool(record.get("batch")))
            spent.add(Spent(1, prompt + done, cost if priced else ZERO))
    if unknown:
        raise ConfigError(
            f"budget.money: earlier tries asked {', '.join(sorted(unknown))}, whose price is not known; "
            "name the model in the price file, or leave the ceiling out."
        )
    return spent


def paid(record: Record) -> Iterator[tuple[Record, Tokens]]:
    """The requests of a record that were answered, with their tokens; a probe may have made several."""
    if "answers" in record:
        for one in record["answers"]:
            if one["status"] == 200 and (answer := wire.parse(one["response"])):
                yield one["request"], wire.usage_of(answer)
    elif "usage" in record:
        told = record["usage"]
        names = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
        yield record["request"], Tokens(*(told.get(name) for name in names))
    elif "response" in record:
        yield record["request"], wire.usage_of(loads(record["response"]))


def _counted(body: Record, tokens: Tokens, entry: str | None, densities: Densities) -> tuple[int, int]:
    """Tokens as they count: what was not told counts as much as it can have been."""
    texts = body.get("input") or [message["content"] for message in body["messages"]]
    size = sum(len(text.encode("utf-8", errors="replace")) for text in texts)
    if tokens.prompt is None or tokens.completion is None:
        longest = body.get("max_completion_tokens") or body.get("max_tokens") or 0
        return size, int(longest)
    if entry is not None and tokens.prompt is not None:
        densities.learn(entry, size, tokens.prompt)
    return tokens.prompt or 0, tokens.completion or 0


def _price_of(model: str, entries: Mapping[str, str], prices: Prices) -> Price | None:
    entry = entries.get(model)
    if entry is not None:
        return prices.get(entry)
    return Price() if model.startswith(FREE) else prices.of_model(model.rpartition("#")[2])


def who_answers(models: Mapping[str, ModelConfig], model_of: Any) -> dict[str, str]:
    """Names of entries by the column `model`; not of the embedded one, whose weights need not be there."""
    return {model_of(name): name for name, entry in models.items() if wire.kind_of(entry) != "embedded"}
