"""What a run with rollouts would do, found out without a call: the lower line, and what it changes behind it.

In: a configuration. Logs are read and weaknesses worked out as the run does it, so that calls for categories
and concepts are exact, but for problems that fall. The rest is that of `forecast`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth.config import RunConfig
from synth.forecast.base import (
    REPLY_TOKENS,
    SAMPLED,
    STAND_IN,
    Forecast,
    Found,
    StageForecast,
    example_of,
    gathered,
    listen,
    priced,
    read,
    stage_forecast,
)
from synth.forecast.breadth import answering, extracting, filtering, judging, merging, most_questions, trying
from synth.forecast.screening import screening
from synth.llm.embeddings import BATCH
from synth.llm.wire import kind_of
from synth.schemas import TABLES
from synth.stages.base import make_table
from synth.stages.questions import write_questions
from synth.stages.rollouts import reading
from synth.stages.targets import failed_problems, list_all
from synth.stages.weaknesses import label_all
from synth.sws.categories import UNKNOWN
from synth.sws.read import read_histories
from synth.sws.weakness import weaknesses

CATEGORY_TOKENS, LIST_TOKENS, OUTLINE_TOKENS = 60, 180, 150


def forecast_aimed(config: RunConfig) -> Forecast:
    """The forecast of a run that starts from nothing.

    Raises:
        ConfigError: there is nothing to read.
    """
    histories = read_histories([Path(path) for path in config.rollouts.paths], reading(config)).histories
    documents, passages, unread = 0, TABLES["passages"].schema.empty_table(), dict[str, int]()
    if config.has_documents:
        documents, passages, unread = read(config)
    scored = weaknesses(histories, config.weakness)
    stages = {"rollouts": StageForecast("rollouts", histories.num_rows)}
    if config.has_documents:
        stages["documents"] = StageForecast("documents", documents)
    stages["combinations"] = StageForecast("combinations", config.targets.budget)
    found = (*_lower(histories, scored, config), *_common(passages, scored, config))
    return gathered(stages, found, unread)


def _lower(histories: pa.Table, scored: pa.Table, config: RunConfig) -> Iterator[Found]:
    """Categories of all problems that have none, and concepts of those that were failed."""
    entry = config.roles.of("extractor")
    without = histories.filter(pc.is_null(histories["category"])) if config.weakness.label else histories[:0]
    texts = dict(
        zip(*(without[n].slice(0, SAMPLED).to_pylist() for n in ("problem_id", "problem")), strict=True)
    )
    requests = listen(config, lambda services: [*label_all(texts, config, services)])
    stage = stage_forecast(
        entry, config, "weaknesses", requests, scored.num_rows, without.num_rows, CATEGORY_TOKENS
    )
    yield stage, example_of(requests, "weaknesses")
    failed = [{**row, "category": row["category"] or UNKNOWN} for row in failed_problems(scored).values()]
    calls = min(len(failed), config.targets.most_problems or len(failed))
    requests = listen(config, lambda services: [*list_all(failed[:SAMPLED], config, services)])
    rows = calls * config.targets.concepts
    yield (
        stage_forecast(entry, config, "targets", requests, rows, calls, LIST_TOKENS),
        example_of(requests, "targets"),
    )


def _common(passages: pa.Table, scored: pa.Table, config: RunConfig) -> Iterator[Found]:
    if config.has_documents:
        yield from filtering(passages, config)
        yield extracting(passages, config)
        yield from merging(passages, config)
    yield from _embeddings(passages, scored, config)
    yield _questions(passages, scored, config)
    yield from screening(most_questions(passages.num_rows, config), config)
    yield from judging(passages, config)
    yield from answering(passages.num_rows, config)
    yield from trying(passages.num_rows, config)


def _embeddings(passages: pa.Table, scored: pa.Table, config: RunConfig) -> Iterator[Found]:
    """Names of concepts, at most: those of failed problems, and those of documents."""
    entry = config.roles.embedder
    if not config.embeds_concepts or kind_of(config.endpoints()[entry]) == "wordllama":
        return
    most = config.concepts
    names = (pc.sum(scored["is_weakness"]).as_py() or 0) * config.targets.concepts
    names += passages.num_rows * most.max_topics * (1 + most.max_key_concepts)
    yield priced(entry, config, "combinations", 0, names // BATCH + 2, names * 4, 0), []


def _questions(passages: pa.Table, scored: pa.Table, config: RunConfig) -> Found:
    ids = passages["passage_id"].to_pylist()
    problem = {row["problem_id"]: row["problem"] for row in scored.slice(0, 1).to_pylist()}
    rows = [
        _combination(place, ids, min(problem), config) for place in range(min(SAMPLED, config.targets.budget))
    ]
    table = make_table("combinations", rows)
    requests = listen(config, lambda services: write_questions(table, passages, config, services, problem))
    calls = most_questions(0, config)
    reply = REPLY_TOKENS["questions"] + OUTLINE_TOKENS
    found = stage_forecast(config.roles.of("generator"), config, "questions", requests, calls, calls, reply)
    return found, example_of(requests, "questions, targeted")


def _combination(place: int, ids: list[str], problem: str, config: RunConfig) -> dict[str, Any]:
    """A stand-in with as many concepts and references as a real one may have."""
    references = [ids[(place + k) % len(ids)] for k in range(min(config.combinations.references, len(ids)))]
    names = [f"{STAND_IN.format(kind='weak concept')} {k + 1}" for k in range(config.targets.size)]
    difficulties = config.targets.difficulties
    return {
        "combination_id": f"cmb_{place}", "level": "targeted", "sampler": config.targets.sampler,
        "start_id": problem, "topics": [], "key_concepts": names, "names": names, "walk": [],
        "references": references, "scores": [1.0] * len(references), "category": "(a category)",
        "targets": [problem], "difficulty_label": difficulties[place % len(difficulties)],
    }  # fmt: skip
