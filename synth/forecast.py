"""What a run would do, found out without a call: rows, calls, tokens and one prompt of each stage.

In: a configuration. Documents are read as the run reads them; prompts are rendered by the stages themselves,
for a client that notes what it is asked and answers nothing. How many concepts a model will find cannot be
known, so rows and calls are upper bounds, and combinations carry stand-ins for names of concepts.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.compute as pc

from synth.check import prompt_faults
from synth.config import FilterConfig, RunConfig
from synth.errors import ConfigError
from synth.filter.cold_start import documents
from synth.filter.ratings import rate
from synth.ids import content_id
from synth.llm.client import Client, Reply, Request
from synth.llm.embeddings import BATCH
from synth.llm.prices import Cost, Prices
from synth.llm.usage import Usage
from synth.llm.wire import kind_of
from synth.pace import least_seconds
from synth.prompts.library import Message, PromptLibrary
from synth.road import stages_of
from synth.schemas import STAGES, TABLES
from synth.stages.answers import answer_questions
from synth.stages.base import make_table
from synth.stages.calls import Services
from synth.stages.concepts import extract_concepts
from synth.stages.difficulty import Case, attempts
from synth.stages.documents import read_documents
from synth.stages.drafting import write_aggregates
from synth.stages.judge import judge_questions
from synth.stages.merging import ask_names
from synth.stages.questions import write_questions
from synth.stages.well_posed import check_questions

Row = dict[str, Any]

CHARS_PER_TOKEN = 4
# Replies as models of the size of 7 to 70 billion parameters write them, in tokens: rough, and said to be so.
REPLY_TOKENS = {"concepts": 300, "questions": 110, "answers": 700, "ratings": 30, "documents": 500}
REPLY_TOKENS |= {"judge": 160, "well_posed": 180, "attempts": 700, "merges": 40, "same_problem": 120}
QUESTION_CHARS = 250
SAMPLED = 200
STAND_IN = "(a {kind} that the model will find)"


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


def forecast(config: RunConfig) -> Forecast:
    """The forecast of a run that starts from nothing.

    Raises:
        ConfigError: there is nothing to read, or a prompt is wrong.
    """
    if faults := list(prompt_faults(config)):
        raise ConfigError(*faults)
    if config.aims:
        from synth.forecast_aimed import forecast_aimed

        return forecast_aimed(config)
    from synth.forecast_screen import screening

    documents, passages, unread = _read(config)
    if not passages.num_rows:
        raise ConfigError("documents.paths: no passage is left to read; look at its files and `min_chars`.")
    stages = {"documents": StageForecast("documents", documents)}
    examples: list[Example] = []
    for found, example in (
        *_filter(passages, config),
        _concepts(passages, config),
        *_merging(passages, config),
        *_questions(passages, config),
        *screening(_most_questions(passages.num_rows, config), config),
        *_judge(passages, config),
        *_answers(passages.num_rows, config),
        *_attempts(passages.num_rows, config),
    ):
        old = stages.get(found.stage)
        stages[found.stage] = _added(old, found) if old else found
        examples += example
    stages["combinations"] = StageForecast("combinations", sum(_sets(passages.num_rows, config).values()))
    return Forecast([stages[name] for name in STAGES if name in stages], examples, unread)


def _read(config: RunConfig) -> tuple[int, pa.Table, dict[str, int]]:
    """The number of documents, the passages, and how many rows fall for which reason."""
    reasons: Counter[str] = Counter()
    documents, passages = 0, [TABLES["passages"].schema.empty_table()]
    unfiltered = config.model_copy(update={"filter": FilterConfig()})

    def note(services: Services) -> None:
        nonlocal documents
        for output in read_documents(unfiltered, services):
            documents += output.tables["documents"].num_rows
            passages.append(output.tables["passages"])
            reasons.update(rejected.reason for rejected in output.rejected)

    _listen(config, note)
    return documents, pa.concat_tables(passages).sort_by("passage_id"), dict(reasons)


def total(stages: Iterable[StageForecast]) -> StageForecast:
    """The sum of calls, tokens and cost; of the time as far as all that call have limits."""
    called = [stage for stage in stages if stage.calls is not None]
    return reduce(_added, called, StageForecast("all", None, 0, 0, 0, Cost(), 0.0))._replace(rows=None)


def _asked(passages: int, config: RunConfig) -> dict[str, int]:
    """Combinations of each level that a model is asked, at most; a ceiling takes those that give most."""
    sets = _sets(passages, config)
    left = config.target.candidates or sum(sets.values())
    asked = {}
    for level in sorted(sets, key=lambda level: -int(getattr(config.questions, f"{level}_per_call", 1))):
        asked[level] = min(left, sets[level])
        left -= asked[level]
    return asked


def _sets(passages: int, config: RunConfig) -> dict[str, int]:
    """Combinations of each level, at most: as many topics as passages times topics of each."""
    if config.aims:
        return {"targeted": config.targets.budget}
    levels = config.combinations
    walks = passages * config.concepts.max_topics * levels.epochs
    level2 = {"code_chooses": passages * levels.level2_sets, "model_chooses": passages, "off": 0}
    return {
        "level1": passages if levels.level1 != "off" else 0,
        "level2": level2[levels.level2],
        "level3": 0 if levels.level3 == "off" else min(walks, levels.max_level3 or walks),
    }


def _listen(config: RunConfig, ask: Callable[[Services], object]) -> list[Request]:
    listener = _Listener(config)
    prompts = PromptLibrary(Path(config.prompts.dir) if config.prompts.dir else None)
    with TemporaryDirectory() as folder:
        ask(Services(cast(Client, listener), prompts, Path(folder)))
    return listener.requests


def _filter(passages: pa.Table, config: RunConfig) -> Iterable[tuple[StageForecast, list[Example]]]:
    """Ratings, and for the classifier typical documents and embeddings; at most all passages stay."""
    settings = config.filter
    if settings.mode == "none":
        return
    some = passages.slice(0, SAMPLED).to_pylist()
    ids = frozenset(row["passage_id"] for row in some)
    requests = _listen(config, lambda services: [*rate(lambda: iter(some), ids, len(ids), config, services)])
    rated = passages.num_rows if settings.mode == "rate" else settings.sample * settings.rounds
    calls = min(passages.num_rows, rated)
    yield (
        _stage(config.roles.of("rater"), config, "documents", requests, 0, calls, REPLY_TOKENS["ratings"]),
        _example(requests, "rating"),
    )
    if settings.mode == "distil":
        yield from _distilling(passages, config)


def _distilling(passages: pa.Table, config: RunConfig) -> Iterable[tuple[StageForecast, list[Example]]]:
    language = passages["language"][0].as_py()
    requests = _listen(config, lambda services: [*documents(language, config, services)])
    calls = len(requests)
    yield (
        _stage(config.roles.of("rater"), config, "documents", requests, 0, calls, REPLY_TOKENS["documents"]),
        _example(requests, "document"),
    )
    if kind_of(config.endpoints()[config.roles.embedder]) != "wordllama":
        chars = pc.sum(pc.utf8_length(passages["text"])).as_py()
        batches = passages.num_rows // BATCH + calls // BATCH + 2
        yield _priced(config.roles.embedder, config, "documents", 0, batches, chars // CHARS_PER_TOKEN, 0), []


def _concepts(passages: pa.Table, config: RunConfig) -> tuple[StageForecast, list[Example]]:
    some = passages.slice(0, SAMPLED)
    requests = _listen(config, lambda services: extract_concepts(some, config, services))
    most = config.concepts.max_topics * (1 + config.concepts.max_key_concepts)
    rows, calls = passages.num_rows * most, passages.num_rows
    entry, reply = config.roles.of("extractor"), REPLY_TOKENS["concepts"]
    found = _stage(entry, config, "concepts", requests, rows, calls, reply)
    return found, _example(requests, "concepts")


def _merging(passages: pa.Table, config: RunConfig) -> Iterable[tuple[StageForecast, list[Example]]]:
    """One comparison of names for each concept at most, where a model confirms them."""
    if config.graph.merge != "confirmed":
        return
    names = [(f"{STAND_IN.format(kind='concept')} 1", f"{STAND_IN.format(kind='concept')} 2")]
    requests = _listen(config, lambda services: ask_names(names, config, services))
    most = config.concepts.max_topics * (1 + config.concepts.max_key_concepts) * passages.num_rows
    entry, reply = config.roles.of("extractor"), REPLY_TOKENS["merges"]
    yield _stage(entry, config, "graph", requests, most, most, reply), _example(requests, "same_concept")


def _questions(passages: pa.Table, config: RunConfig) -> Iterable[tuple[StageForecast, list[Example]]]:
    """One forecast for each level, since their prompts differ in length."""
    asked, entry = _asked(passages.num_rows, config), config.roles.of("generator")
    for level, sets in _sets(passages.num_rows, config).items():
        rows = list(islice(_combinations(level, passages, config), min(sets, SAMPLED)))
        if not rows:
            continue
        ask = partial(write_questions, make_table("combinations", rows), passages, config)
        requests = _listen(config, ask)
        most = getattr(config.questions, f"{level}_per_call")
        calls = asked[level] * config.questions.samples
        reply = REPLY_TOKENS["questions"] * most
        found = _stage(entry, config, "questions", requests, calls * most, calls, reply)
        yield found, _example(requests, f"questions, {level}")


def _combinations(level: str, passages: pa.Table, config: RunConfig) -> Iterable[Row]:
    """One stand-in for each passage."""
    ids = passages["passage_id"].to_pylist()
    names = {"level1": (0, 0), "level2": (1, 2), "level3": (2, 4)}[level]
    sampler = {"level1": "whole_passage", "level2": config.combinations.level2, "level3": "graph_walk"}[level]
    for place, passage in enumerate(ids):
        more = config.combinations.references if level == "level3" else 1
        references = [ids[(place + k) % len(ids)] for k in range(min(more, len(ids)))]
        topics = [f"{STAND_IN.format(kind='topic')} {k + 1}" for k in range(names[0])]
        concepts = [f"{STAND_IN.format(kind='key concept')} {k + 1}" for k in range(names[1])]
        yield {
            "combination_id": content_id("cmb", "forecast", level, passage),
            "level": level, "sampler": sampler, "start_id": passage, "topics": topics,
            "key_concepts": concepts, "names": topics + concepts, "walk": [], "references": references,
            "scores": [1.0] * len(references),
        }  # fmt: skip


def _judge(passages: pa.Table, config: RunConfig) -> Iterable[tuple[StageForecast, list[Example]]]:
    """Every judge in every pass, and the check; at most all questions stay."""
    if "judge" not in stages_of(config):
        return
    most = _most_questions(passages.num_rows, config)
    references = passages["passage_id"].to_pylist()[: config.combinations.references]
    question = _stand_in(config, references)
    tables = make_table("screened", [_SCREENED]), make_table("questions", [question])
    requests = _listen(config, lambda services: judge_questions(*tables, passages, config, services))
    calls, reply = most * config.judge.passes, REPLY_TOKENS["judge"]
    for place, entry in enumerate(config.roles.judge):
        examples = [] if place else _shortened(_example(requests, "judge"))
        yield _stage(entry, config, "judge", requests, 0 if place else most, calls, reply), examples
    if config.judge.well_posed:
        entry = config.roles.of("checker")
        requests = _listen(config, lambda services: [*check_questions([question], config, services)])
        found = _stage(entry, config, "judge", requests, 0, most, REPLY_TOKENS["well_posed"])
        yield found, _shortened(_example(requests, "judge, well-posedness"))


def _answers(passages: int, config: RunConfig) -> Iterable[tuple[StageForecast, list[Example]]]:
    """Every response to every question; drafts lead to one more call, whose prompt holds all of them."""
    questions, settings = _most_questions(passages, config), config.answers
    each = {"single": 1, "vote": settings.samples, "aggregate": settings.drafts}[settings.mode]
    tables = make_table("screened", [_SCREENED]), make_table("questions", [_stand_in(config)])
    requests = _listen(config, lambda services: answer_questions(*tables, config, services))
    entry, reply = config.roles.of("solver"), REPLY_TOKENS["answers"]
    found = _stage(entry, config, "answers", requests, questions, questions * each, reply)
    yield found, _shortened(_example(requests, "answers"))
    if settings.mode == "aggregate":
        asked = [(_stand_in(config), [DRAFT] * settings.drafts)]
        requests = _listen(config, lambda services: write_aggregates(asked, config, services))
        found = _stage(entry, config, "answers", requests, 0, questions, reply)
        yield found, _shortened(_example(requests, "answers, aggregate"))


def _attempts(passages: int, config: RunConfig) -> Iterable[tuple[StageForecast, list[Example]]]:
    """Every attempt of the student; at most all questions are answered."""
    if "difficulty" not in stages_of(config):
        return
    case = Case("q", QUESTION, "en", "", None)
    requests = _listen(config, lambda services: [*attempts([case], config, services)])
    questions, entry = _most_questions(passages, config), config.roles.of("student")
    calls = questions * config.difficulty.attempts
    found = _stage(entry, config, "difficulty", requests, questions, calls, REPLY_TOKENS["attempts"])
    yield found, _shortened(_example(requests, "difficulty"))


def _most_questions(passages: int, config: RunConfig) -> int:
    per_call = config.questions
    return sum(
        sets * per_call.samples * getattr(per_call, f"{level}_per_call", 1)
        for level, sets in _asked(passages, config).items()
    )


QUESTION = "(a question that the model will write)".ljust(QUESTION_CHARS, "…")
DRAFT = "(a draft that the model will write)".ljust(CHARS_PER_TOKEN * REPLY_TOKENS["answers"], "…")
_SCREENED: Row = {"question_id": "q", "nearest_id": None, "nearest_jaccard": None, "source_overlap": 0.0}
_SCREENED |= {"example_overlap": 0.0, "benchmark_overlap": 0.0}


def _stand_in(config: RunConfig, references: Sequence[str] = ()) -> Row:
    """A question that is none, with as many concepts as a walk gives."""
    concepts = [f"{STAND_IN.format(kind='concept')} {k + 1}" for k in range(config.combinations.min_concepts)]
    row: Row = {"question_id": "q", "combination_id": "", "origin": "level1", "question": QUESTION}
    row |= {"concepts": concepts, "references": references, "difficulty": None, "source_kind": None}
    row |= {"language": "en", "sample": 0, "place": 0, "call_id": "", "prompt_id": "", "prompt_sha": ""}
    return row | {"model": ""}


def _shortened(examples: list[Example]) -> list[Example]:
    return [example._replace(messages=_short(example.messages)) for example in examples]


def _short(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    def cut(text: str) -> str:
        return text.replace(QUESTION, QUESTION.rstrip("…")).replace(DRAFT, DRAFT.rstrip("…"))

    return tuple({**message, "content": cut(message["content"])} for message in messages)


def _stage(
    entry: str, config: RunConfig, stage: str, requests: list[Request], rows: int, calls: int, reply: int
) -> StageForecast:
    """Tokens of the prompts that were rendered, carried over to all calls."""
    longest = requests[0].sampling.max_tokens if requests else reply
    mean = sum(map(_tokens, requests)) / max(1, len(requests))
    return _priced(entry, config, stage, rows, calls, round(mean * calls), min(reply, longest) * calls)


def _priced(
    entry: str, config: RunConfig, stage: str, rows: int, calls: int, prompt: int, reply: int
) -> StageForecast:
    """The same with what it costs, and how long the limits of the entry that is asked make it take."""
    used = Usage(made=calls, prompt_tokens=prompt, completion_tokens=reply)
    seconds = least_seconds(config.endpoints()[entry], calls, prompt, reply)
    return StageForecast(stage, rows, calls, prompt, reply, Prices.of(config).cost(entry, used), seconds)


def _tokens(request: Request) -> int:
    return sum(len(message["content"]) for message in request.messages) // CHARS_PER_TOKEN


def _example(requests: list[Request], prompt: str) -> list[Example]:
    return [Example(r.stage, prompt, r.messages) for r in requests[:1]]


def _added(one: StageForecast, other: StageForecast) -> StageForecast:
    if one.calls is None:
        return other._replace(stage=one.stage, rows=(one.rows or 0) + (other.rows or 0))
    rows, calls = (one.rows or 0) + (other.rows or 0), one.calls + (other.calls or 0)
    prompt = (one.prompt_tokens or 0) + (other.prompt_tokens or 0)
    reply = (one.reply_tokens or 0) + (other.reply_tokens or 0)
    timed = one.seconds is not None and other.seconds is not None
    seconds = (one.seconds or 0) + (other.seconds or 0) if timed else None
    cost = (one.cost or Cost()) + (other.cost or Cost())
    return StageForecast(one.stage, rows, calls, prompt, reply, cost, seconds)
