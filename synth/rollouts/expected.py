"""What `synth rollouts` would ask, found out without a call: calls, tokens, cost and time of each visit.

In: seeds and visits. Out: a forecast of each visit, as if nothing lay in the journal.
"""

from typing import NamedTuple

from synth.forecast.base import CHARS_PER_TOKEN, REPLY_TOKENS
from synth.llm.prices import Cost, Prices
from synth.llm.usage import Usage
from synth.pace import least_seconds
from synth.prompts.library import PromptLibrary
from synth.rollouts.ask import asks_of
from synth.rollouts.seeds import Seeds
from synth.rollouts.visits import Visits, prompts_dir
from synth.stages.calls import requests_of


class Expected(NamedTuple):
    """One visit; tokens are estimates, `seconds` those that the limits by the minute ask for, if any."""

    visit: int
    entry: str
    model: str
    problems: int
    calls: int
    prompt_tokens: int
    reply_tokens: int
    cost: Cost
    seconds: float | None


def expected(seeds: Seeds, visits: Visits) -> list[Expected]:
    """The forecast of each visit."""
    once = visits._replace(attempts=1)
    prompt = PromptLibrary(prompts_dir(visits.config)).get(visits.config.prompts.attempt)
    asked = requests_of(asks_of(seeds.problems, once, prompt), "rollouts", visits.sampling, visits.config)
    chars = sum(len(message["content"]) for request in asked for message in request.messages)
    prompt_tokens = chars * visits.attempts // CHARS_PER_TOKEN
    return [_of(number, seeds, visits, prompt_tokens) for number in range(len(visits.entries))]


def _of(number: int, seeds: Seeds, visits: Visits, prompt_tokens: int) -> Expected:
    name, config = visits.entries[number], visits.config
    calls = len(seeds.problems) * visits.attempts
    reply = calls * min(REPLY_TOKENS["attempts"], visits.sampling.max_tokens)
    used = Usage(made=calls, prompt_tokens=prompt_tokens, completion_tokens=reply)
    entry, cost = config.models[name], Prices.of(config).cost(name, used)
    seconds = least_seconds(entry, calls, prompt_tokens, reply)
    return Expected(
        number, name, entry.model, len(seeds.problems), calls, prompt_tokens, reply, cost, seconds
    )
