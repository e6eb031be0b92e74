"""The stages that documents lead through, as forecasts: at most so many rows and calls, and prompts of each.

In: the passages, and a configuration. Out: for each stage its forecast and an example. Combinations carry
stand-ins for names of concepts, as what a model will find cannot be known.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from synth.config import RunConfig
from synth.filter.cold_start import documents
from synth.filter.ratings import rate
from synth.forecast.base import (
    CHARS_PER_TOKEN,
    DRAFT,
    QUESTION,
    REPLY_TOKENS,
    SAMPLED,
    STAND_IN,
    Found,
    Row,
    example_of,
    listen,
    priced,
    shortened,
    stage_forecast,
)
from synth.ids import content_id
from synth.llm.embeddings import BATCH
from synth.llm.wire import kind_of
from synth.road import stages_of
from synth.stages.answers import answer_questions
from synth.stages.base import make_table
from synth.stages.concepts import extract_concepts
from synth.stages.difficulty import Case, attempts
from synth.stages.drafting import write_aggregates
from synth.stages.judge import judge_questions
from synth.stages.merging import ask_names
from synth.stages.questions import write_questions
from synth.stages.well_posed import check_questions


def filtering(passages: pa.Table, config: RunConfig) -> Iterable[Found]:
    """Ratings, and for the classifier typical documents and embeddings; at most all passages stay."""
    settings = config.filter
    if settings.mode == "none":
        return
    some = passages.slice(0, SAMPLED).to_pylist()
    ids = frozenset(row["passage_id"] for row in some)
    requests = listen(config, lambda services: [*rate(lambda: iter(some), ids, len(ids), config, services)])
    rated = passages.num_rows if settings.mode == "rate" else settings.sample * settings.rounds
    calls = min(passages.num_rows, rated)
    yield (
        stage_forecast(
            config.roles.of("rater"), config, "documents", requests, 0, calls, REPLY_TOKENS["ratings"]
        ),
        example_of(requests, "rating"),
    )
    if settings.mode == "distil":
        yield from _distilling(passages, config)


def _distilling(passages: pa.Table, config: RunConfig) -> Iterable[Found]:
    language = passages["language"][0].as_py()
    requests = listen(config, lambda services: [*documents(language, config, services)])
    calls = len(requests)
    yield (
        stage_forecast(
            config.roles.of("rater"), config, "documents", requests, 0, calls, REPLY_TOKENS["documents"]
        ),
        example_of(requests, "document"),
    )
    if kind_of(config.endpoints()[config.roles.embedder]) != "wordllama":
        chars = pc.sum(pc.utf8_length(passages["text"])).as_py()
        batches = passages.num_rows // BATCH + calls // BATCH + 2
        yield priced(config.roles.embedder, config, "documents", 0, batches, chars // CHARS_PER_TOKEN, 0), []


def extracting(passages: pa.Table, config: RunConfig) -> Found:
    """One call for each passage."""
    some = passages.slice(0, SAMPLED)
    requests = listen(config, lambda services: extract_concepts(some, config, services))
    most = config.concepts.max_topics * (1 + config.concepts.max_key_concepts)
    rows, calls = passages.num_rows * most, passages.num_rows
    entry, reply = config.roles.of("extractor"), REPLY_TOKENS["concepts"]
    found = stage_forecast(entry, config, "concepts", requests, rows, calls, reply)
    return found, example_of(requests, "concepts")


def merging(passages: pa.Table, config: RunConfig) -> Iterable[Found]:
    """One comparison of names for each concept at most, where a model confirms them."""
    if config.graph.merge != "confirmed":
        return
    names = [(f"{STAND_IN.format(kind='concept')} 1", f"{STAND_IN.format(kind='concept')} 2")]
    requests = listen(config, lambda services: ask_names(names, config, services))
    most = config.concepts.max_topics * (1 + config.concepts.max_key_concepts) * passages.num_rows
    entry, reply = config.roles.of("extractor"), REPLY_TOKENS["merges"]
    yield (
        stage_forecast(entry, config, "graph", requests, most, most, reply),
        example_of(requests, "same_concept"),
    )


def writing(passages: pa.Table, config: RunConfig) -> Iterable[Found]:
    """One forecast for each level, since their prompts differ in length."""
    asked, entry = asked_sets(passages.num_rows, config), config.roles.of("generator")
    for level, sets in sets_of(passages.num_rows, config).items():
        rows = list(islice(_combinations(level, passages, config), min(sets, SAMPLED)))
        if not rows:
            continue
        ask = partial(write_questions, make_table("combinations", rows), passages, config)
        requests = listen(config, ask)
        most = getattr(config.questions, f"{level}_per_call")
        calls = asked[level] * config.questions.samples
        reply = REPLY_TOKENS["questions"] * most
        found = stage_forecast(entry, config, "questions", requests, calls * most, calls, reply)
        yield found, example_of(requests, f"questions, {level}")


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


def judging(passages: pa.Table, config: RunConfig) -> Iterable[Found]:
    """Every judge in every pass, and the check; at most all questions stay."""
    if "judge" not in stages_of(config):
        return
    most = most_questions(passages.num_rows, config)
    references = passages["passage_id"].to_pylist()[: config.combinations.references]
    question = stand_in_question(config, references)
    tables = make_table("screened", [_SCREENED]), make_table("questions", [question])
    requests = listen(config, lambda services: judge_questions(*tables, passages, config, services))
    calls, reply = most * config.judge.passes, REPLY_TOKENS["judge"]
    for place, entry in enumerate(config.roles.judge):
        examples = [] if place else shortened(example_of(requests, "judge"))
        yield stage_forecast(entry, config, "judge", requests, 0 if place else most, calls, reply), examples
    if config.judge.well_posed:
        entry = config.roles.of("checker")
        requests = listen(config, lambda services: [*check_questions([question], config, services)])
        found = stage_forecast(entry, config, "judge", requests, 0, most, REPLY_TOKENS["well_posed"])
        yield found, shortened(example_of(requests, "judge, well-posedness"))


def answering(passages: int, config: RunConfig) -> Iterable[Found]:
    """Every response to every question; drafts lead to one more call, whose prompt holds all of them."""
    questions, settings = most_questions(passages, config), config.answers
    each = {"single": 1, "vote": settings.samples, "aggregate": settings.drafts}[settings.mode]
    tables = make_table("screened", [_SCREENED]), make_table("questions", [stand_in_question(config)])
    requests = listen(config, lambda services: answer_questions(*tables, config, services))
    entry, reply = config.roles.of("solver"), REPLY_TOKENS["answers"]
    found = stage_forecast(entry, config, "answers", requests, questions, questions * each, reply)
    yield found, shortened(example_of(requests, "answers"))
    if settings.mode == "aggregate":
        asked = [(stand_in_question(config), [DRAFT] * settings.drafts)]
        requests = listen(config, lambda services: write_aggregates(asked, config, services))
        found = stage_forecast(entry, config, "answers", requests, 0, questions, reply)
        yield found, shortened(example_of(requests, "answers, aggregate"))


def trying(passages: int, config: RunConfig) -> Iterable[Found]:
    """Every attempt of the student; at most all questions are answered."""
    if "difficulty" not in stages_of(config):
        return
    case = Case("q", QUESTION, "en", "", None)
    requests = listen(config, lambda services: [*attempts([case], config, services)])
    questions, entry = most_questions(passages, config), config.roles.of("student")
    calls = questions * config.difficulty.attempts
    found = stage_forecast(entry, config, "difficulty", requests, questions, calls, REPLY_TOKENS["attempts"])
    yield found, shortened(example_of(requests, "difficulty"))


def most_questions(passages: int, config: RunConfig) -> int:
    """Questions of all levels, at most."""
    per_call = config.questions
    return sum(
        sets * per_call.samples * getattr(per_call, f"{level}_per_call", 1)
        for level, sets in asked_sets(passages, config).items()
    )


def asked_sets(passages: int, config: RunConfig) -> dict[str, int]:
    """Combinations of each level that a model is asked, at most; a ceiling takes those that give most."""
    sets = sets_of(passages, config)
    left = config.target.candidates or sum(sets.values())
    asked = {}
    for level in sorted(sets, key=lambda level: -int(getattr(config.questions, f"{level}_per_call", 1))):
        asked[level] = min(left, sets[level])
        left -= asked[level]
    return asked


def sets_of(passages: int, config: RunConfig) -> dict[str, int]:
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


_SCREENED: Row = {"question_id": "q", "nearest_id": None, "nearest_jaccard": None, "source_overlap": 0.0}
_SCREENED |= {"example_overlap": 0.0, "benchmark_overlap": 0.0}


def stand_in_question(config: RunConfig, references: Sequence[str] = ()) -> Row:
    """A question that is none, with as many concepts as a walk gives."""
    concepts = [f"{STAND_IN.format(kind='concept')} {k + 1}" for k in range(config.combinations.min_concepts)]
    row: Row = {"question_id": "q", "combination_id": "", "origin": "level1", "question": QUESTION}
    row |= {"concepts": concepts, "references": references, "difficulty": None, "source_kind": None}
    row |= {"language": "en", "sample": 0, "place": 0, "call_id": "", "prompt_id": "", "prompt_sha": ""}
    return row | {"model": ""}
