"""What the stage `screen` would ask: embeddings of questions and items, and the judge of those that are near.

In: a configuration and how many questions there are at most. Out: forecasts, empty where nobody is asked.
Which questions are near anything is known once they are written: so each counts as asked about, once for
items of benchmarks and once for other questions.
"""

from collections.abc import Iterator

from synth.config import RunConfig
from synth.dedup.benchmarks import Item, read_benchmarks
from synth.forecast.base import (
    CHARS_PER_TOKEN,
    QUESTION,
    QUESTION_CHARS,
    REPLY_TOKENS,
    SAMPLED,
    Found,
    StageForecast,
    example_of,
    listen,
    priced,
    shortened,
    stage_forecast,
)
from synth.llm.embeddings import BATCH
from synth.llm.wire import kind_of
from synth.stages.calls import Services
from synth.stages.screen_benchmarks import judge_of

STAGE = "screen"


def screening(questions: int, config: RunConfig) -> Iterator[Found]:
    """The calls of the screen, at most.

    Raises:
        ConfigError: a benchmark cannot be read.
    """
    if not config.embeds_questions:
        return
    items: list[Item] = []
    if config.seeks_paraphrases:
        items = read_benchmarks(config.screen.benchmarks, config.screen.benchmark_column)
    ways = config.seeks_paraphrases + config.screen.semantic
    if kind_of(config.endpoints()[config.roles.embedder]) != "wordllama":
        yield _embeddings(items, questions, ways, config), []
    if config.roles.judge:
        yield _judge(items, questions * ways, config)


def _embeddings(items: list[Item], questions: int, ways: int, config: RunConfig) -> StageForecast:
    """Each question once for each thing that it is compared with; items once."""
    chars = sum(len(item.text) for item in items) + questions * ways * QUESTION_CHARS
    calls = -(-len(items) // BATCH) + ways * -(-questions // BATCH)
    entry = config.roles.embedder
    return priced(entry, config, STAGE, questions, calls, chars // CHARS_PER_TOKEN, 0)


def _judge(items: list[Item], calls: int, config: RunConfig) -> Found:
    others = [item.text for item in items[:SAMPLED]] or [QUESTION]

    def ask(services: Services) -> None:
        judge = judge_of(config, services)
        assert judge is not None  # somebody judges here
        judge([(QUESTION, other) for other in others])

    requests = listen(config, ask)
    reply = REPLY_TOKENS["same_problem"]
    found = stage_forecast(config.roles.judge[0], config, STAGE, requests, 0, calls, reply)
    # An item of a benchmark is shown to nobody.
    return found, [] if items else shortened(example_of(requests, "same problem"))
