"""What a run would do, found out without a call: rows, calls, tokens and one prompt of each stage.

In: a configuration. Documents and logs are read as the run reads them; prompts are rendered by the stages
themselves, for a client that notes what it is asked and answers nothing. How many concepts a model will find
cannot be known, so rows and calls are upper bounds, and combinations carry stand-ins for names of concepts.
"""

from collections.abc import Iterable
from functools import reduce

from synth.check import prompt_faults
from synth.config import RunConfig
from synth.errors import ConfigError
from synth.forecast.base import Example, Forecast, StageForecast, added, gathered, read
from synth.forecast.breadth import (
    answering,
    extracting,
    filtering,
    judging,
    merging,
    most_questions,
    sets_of,
    trying,
    writing,
)
from synth.forecast.depth import forecast_aimed
from synth.forecast.screening import screening
from synth.llm.prices import Cost

__all__ = ["Example", "Forecast", "StageForecast", "forecast", "total"]


def forecast(config: RunConfig) -> Forecast:
    """The forecast of a run that starts from nothing.

    Raises:
        ConfigError: there is nothing to read, or a prompt is wrong.
    """
    if faults := list(prompt_faults(config)):
        raise ConfigError(*faults)
    return forecast_aimed(config) if config.aims else _of_documents(config)


def _of_documents(config: RunConfig) -> Forecast:
    documents, passages, unread = read(config)
    found = (
        *filtering(passages, config),
        extracting(passages, config),
        *merging(passages, config),
        *writing(passages, config),
        *screening(most_questions(passages.num_rows, config), config),
        *judging(passages, config),
        *answering(passages.num_rows, config),
        *trying(passages.num_rows, config),
    )
    combinations = sum(sets_of(passages.num_rows, config).values())
    known = {"documents": documents, "combinations": combinations}
    return gathered({name: StageForecast(name, rows) for name, rows in known.items()}, found, unread)


def total(stages: Iterable[StageForecast]) -> StageForecast:
    """The sum of calls, tokens and cost; of the time as far as all that call have limits."""
    called = [stage for stage in stages if stage.calls is not None]
    return reduce(added, called, StageForecast("all", None, 0, 0, 0, Cost(), 0.0))._replace(rows=None)
