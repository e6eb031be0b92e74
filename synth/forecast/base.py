"""What forecasts are made of: a stage's rows, calls, tokens and cost, from prompts as they are rendered.

In: a configuration, and a function that asks. Out: the requests it would make, noted by a listener in the
place of the client; and figures of a stage from a sample of them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, cast

import pyarrow as pa

from synth.config import FilterConfig, RunConfig
from synth.errors import ConfigError
from synth.llm.client import Client, Reply, Request
from synth.llm.prices import Cost, Prices
from synth.llm.usage import Usage
from synth.pace import least_seconds
from synth.prompts.library import Message, PromptLibrary
from synth.schemas import STAGES, TABLES
from synth.stages.calls import Services
from synth.stages.documents import read_documents

Row = dict[str, Any]

CHARS_PER_TOKEN = 4
# Replies as models of the size of 7 to 70 billion parameters write them, in tokens: rough, and said to be so.
REPLY_TOKENS = {"concepts": 300, "questions": 110, "answers": 700, "ratings": 30, "documents": 500}
REPLY_TOKENS |= {"judge": 160, "well_posed": 180, "attempts": 700, "merges": 40, "same_problem": 120}
QUESTION_CHARS = 250
SAMPLED = 200
STAND_IN = "(a {kind} that the model will find)"
QUESTION = "(a question that the model will write)".ljust(QUESTION_CHARS, "…")
DRAFT = "(a draft that the model will write)".ljust(CHARS_PER_TOKEN * REPLY_TOKENS["answers"], "…")


class StageForecast(NamedTuple):
    """One stage: rows and calls at most, tokens and cost about; None where it makes no call.

    `seconds` are those that the limits by minute of its entry ask for; None where it has none.
    """

    stage: str
    rows: int | None
    calls: int | None = None
    prompt_tokens: int | None = None
    reply_tokens: int | None = None
    cost: Cost | None = None
    seconds: float | None = None


class Example(NamedTuple):
    """One rendered prompt of a stage."""

    stage: str
    prompt: str
    messages: tuple[Message, ...]


Found = tuple[StageForecast, list[Example]]


@dataclass(frozen=True, slots=True)
class Forecast:
    """Stages in their order, examples of their prompts, and what was rejected already on reading."""

    stages: list[StageForecast]
    examples: list[Example]
    unread: dict[str, int]


class _Listener:
    """In the place of the client: notes requests, and answers that nobody was asked."""

    def __init__(self, config: RunConfig) -> None:
        self._entries = config.endpoints()
        self.requests: list[Request] = []

    def form(self, entry: str) -> str:
        structured = self._entries[entry].structured
        return "json_schema" if structured == "auto" else structured

    def complete(
        self, entry: str, requests: Sequence[Request], on_reply: Callable[[Reply], None] | None = None
    ) -> list[Reply]:
        self.requests += requests
        nothing = Reply("none", entry, "", "call_failed", "nobody was asked", None, None, False)
        return [nothing for _ in requests]


def listen(config: RunConfig, ask: Callable[[Services], object]) -> list[Request]:
    """The requests that would be made."""
    listener = _Listener(config)
    prompts = PromptLibrary(Path(config.prompts.dir) if config.prompts.dir else None)
    with TemporaryDirectory() as folder:
        ask(Services(cast(Client, listener), prompts, Path(folder)))
    return listener.requests


def stage_forecast(
    entry: str, config: RunConfig, stage: str, requests: list[Request], rows: int, calls: int, reply: int
) -> StageForecast:
    """Tokens of the prompts that were rendered, carried over to all calls."""
    longest = requests[0].sampling.max_tokens if requests else reply
    mean = sum(map(_tokens, requests)) / max(1, len(requests))
    return priced(entry, config, stage, rows, calls, round(mean * calls), min(reply, longest) * calls)


def priced(
    entry: str, config: RunConfig, stage: str, rows: int, calls: int, prompt: int, reply: int
) -> StageForecast:
    """The same with what it costs, and how long the limits of the entry that is asked make it take."""
    used = Usage(made=calls, prompt_tokens=prompt, completion_tokens=reply)
    seconds = least_seconds(config.endpoints()[entry], calls, prompt, reply)
    return StageForecast(stage, rows, calls, prompt, reply, Prices.of(config).cost(entry, used), seconds)


def example_of(requests: list[Request], prompt: str) -> list[Example]:
    """The first of some requests."""
    return [Example(r.stage, prompt, r.messages) for r in requests[:1]]


def added(one: StageForecast, other: StageForecast) -> StageForecast:
    """The sum of two forecasts of one stage; of the time where both have limits."""
    if one.calls is None:
        return other._replace(stage=one.stage, rows=(one.rows or 0) + (other.rows or 0))
    rows, calls = (one.rows or 0) + (other.rows or 0), one.calls + (other.calls or 0)
    prompt = (one.prompt_tokens or 0) + (other.prompt_tokens or 0)
    reply = (one.reply_tokens or 0) + (other.reply_tokens or 0)
    timed = one.seconds is not None and other.seconds is not None
    seconds = (one.seconds or 0) + (other.seconds or 0) if timed else None
    cost = (one.cost or Cost()) + (other.cost or Cost())
    return StageForecast(one.stage, rows, calls, prompt, reply, cost, seconds)


def shortened(examples: list[Example]) -> list[Example]:
    """Examples whose stand-ins for texts take no more room than they must."""
    return [example._replace(messages=_short(example.messages)) for example in examples]


def _short(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    def cut(text: str) -> str:
        return text.replace(QUESTION, QUESTION.rstrip("…")).replace(DRAFT, DRAFT.rstrip("…"))

    return tuple({**message, "content": cut(message["content"])} for message in messages)


def _tokens(request: Request) -> int:
    return sum(len(message["content"]) for message in request.messages) // CHARS_PER_TOKEN


def gathered(stages: dict[str, StageForecast], found: Iterable[Found], unread: dict[str, int]) -> Forecast:
    """What is known of some stages and what was found out; several of one stage are added."""
    examples: list[Example] = []
    for one, example in found:
        old = stages.get(one.stage)
        stages[one.stage] = added(old, one) if old else one
        examples += example
    return Forecast([stages[name] for name in STAGES if name in stages], examples, unread)


def read(config: RunConfig) -> tuple[int, pa.Table, dict[str, int]]:
    """The number of documents, the passages, and how many rows fall for which reason.

    Raises:
        ConfigError: no passage is left.
    """
    reasons: Counter[str] = Counter()
    documents, passages = 0, [TABLES["passages"].schema.empty_table()]
    unfiltered = config.model_copy(update={"filter": FilterConfig()})

    def note(services: Services) -> None:
        nonlocal documents
        for output in read_documents(unfiltered, services):
            documents += output.tables["documents"].num_rows
            passages.append(output.tables["passages"])
            reasons.update(rejected.reason for rejected in output.rejected)

    listen(config, note)
    whole = pa.concat_tables(passages).sort_by("passage_id")
    if not whole.num_rows:
        raise ConfigError("documents.paths: no passage is left to read; look at its files and `min_chars`.")
    return documents, whole, dict(reasons)
