"""The road as data: for each stage its tables, its settings, and the function that does the work.

`stage` says what a stage is, `lower_line` has those of rollouts, weaknesses and targets.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pyarrow as pa

from synth.ahead import Done
from synth.config import EXCLUDED, RunConfig
from synth.dedup.benchmarks import read_benchmarks
from synth.documents.find import find_sources
from synth.documents.formats.added import added_readers
from synth.documents.seen import left
from synth.documents.shares import AHEAD as READING
from synth.graph.merging import Merge, relabelled
from synth.graph.opened import open_graph
from synth.ids import digest
from synth.lower_line import LOWER, aimed
from synth.prompts.library import PromptLibrary
from synth.road import stages_of
from synth.schemas import STAGES, TABLES
from synth.stage import Needs, Stage, Tables
from synth.stages.answers import answer_questions
from synth.stages.base import Output
from synth.stages.calls import Services
from synth.stages.combinations import sample_combinations
from synth.stages.concepts import extract_concepts
from synth.stages.dataset import assemble
from synth.stages.difficulty import try_questions
from synth.stages.documents import read_documents
from synth.stages.graph import build_graph
from synth.stages.holding import instrument
from synth.stages.judge import judge_questions
from synth.stages.matching import Vocabulary
from synth.stages.merging import confirm_names
from synth.stages.questions import write_questions
from synth.stages.screen import open_index, open_store, screen_questions
from synth.stages.screen_benchmarks import embed_of, judge_of
from synth.stages.screen_shares import ahead_with
from synth.text import fingerprint_sources
from synth.verify.code.check import runner
from synth.writing import sha256_of


def _documents(tables: Tables, config: RunConfig, services: Services) -> Iterable[Output]:
    return read_documents(config, services)


def _concepts(tables: Tables, config: RunConfig, services: Services) -> Output:
    return extract_concepts(tables["passages"], config, services)


def _graph(tables: Tables, config: RunConfig, services: Services) -> Output:
    words = Vocabulary(config, services, "graph")
    return build_graph(
        tables["mentions"],
        tables["extractions"],
        tables["passages"],
        config.graph,
        words.vectors,
        services.say,
        confirm_names(config, services),
    )


def _combinations(tables: Tables, config: RunConfig, services: Services) -> Output:
    joined = {row["merged_id"]: Merge(**row) for row in tables["merges"].to_pylist()}
    mentions = tables["mentions"]
    if joined:
        mentions = pa.Table.from_pylist(relabelled(mentions.to_pylist(), joined), mentions.schema)
    # The lists as they are stored, mapped: no second copy of them is made.
    lists, say = open_graph(services.folder.parent), services.say
    passages, concepts = tables["passages"], tables["concepts"]
    return sample_combinations(passages, concepts, lists, mentions, config.combinations, config.seed, say)


def _questions(tables: Tables, config: RunConfig, services: Services) -> Output:
    return write_questions(tables["combinations"], tables["passages"], config, services)


def _screen(tables: Tables, config: RunConfig, services: Services) -> Output:
    shown, mask = example_texts(config, services.prompts), config.documents.mask
    items = read_benchmarks(config.screen.benchmarks, config.screen.benchmark_column)
    return screen_questions(
        tables["questions"], tables["passages"], shown, items, config.screen, mask, None,
        embed_of(config, services), judge_of(config, services), open_index(config.screen),
        open_store(config.store, config.screen), services.report, Done(services.folder, services.key),
    )  # fmt: skip


def _judge(tables: Tables, config: RunConfig, services: Services) -> Output:
    return judge_questions(tables["screened"], tables["questions"], tables.get("passages"), config, services)


def _answers(tables: Tables, config: RunConfig, services: Services) -> Output:
    left = tables["judged"] if "judged" in tables else tables["screened"]
    return answer_questions(left, tables["questions"], config, services)


def _difficulty(tables: Tables, config: RunConfig, services: Services) -> Output:
    return try_questions(tables["answers"], tables["questions"], config, services)


def _dataset(tables: Tables, config: RunConfig, services: Services) -> Iterable[Output]:
    return assemble(tables, config, services.say)


def _sources(config: RunConfig) -> str:
    """The files, and the readers of others, which may read them in another way."""
    if not config.store.seen:
        return digest(fingerprint_sources(find_sources(config.documents.paths)), added_readers())
    # Of what was seen, each file of ids counts: it decides of single rows as well.
    seen = sorted(sha256_of(Path(path)) for path in config.store.seen)
    return digest(fingerprint_sources(left(config).sources), added_readers(), seen)


def _joining(config: RunConfig) -> Needs:
    """Who embeds names of concepts, and who compares those that are near."""
    if config.graph.merge == "confirmed":
        asked = ("domain", "levels", "prompts.examples", "prompts.judging_sampling")
        return Needs(asked, ("same_concept",), ("embedder", "extractor"))
    return Needs(roles=("embedder",) if config.graph.merge == "similar" else ())


def _filtering(config: RunConfig) -> Needs:
    """What decides which passages stay; nothing where all do."""
    if config.filter.mode == "none":
        return Needs()
    if config.filter.mode == "rate":
        asked = ("filter.threshold", *SAID, "prompts.ratings_sampling")
        return Needs(asked, ("rating",), ("rater",))
    both = ("filter", *SAID, "prompts.ratings_sampling", "prompts.documents_sampling")
    return Needs(both, ("rating", "document"), ("rater", "embedder"))


def _paraphrasing(config: RunConfig) -> Needs:
    """Who embeds questions and items of benchmarks, if anybody does, and who compares them."""
    if not config.embeds_questions:
        return Needs()
    if not config.roles.judge:
        return Needs(roles=("embedder",))
    asked = ("levels", "prompts.judging_sampling")
    return Needs(asked, ("same_problem",), ("embedder", "judge"))


def _wanted(config: RunConfig) -> Needs:
    """How many rows are published; nothing where all are, so that such runs are what they were before."""
    return Needs(("target",)) if config.target.is_set else Needs()


def _judging(config: RunConfig) -> Needs:
    """What the judges are shown beside the question, and the check."""
    reads = ("passages",) if config.judge.references else ()
    if not config.judge.well_posed:
        return Needs(reads=reads)
    return Needs(prompts=("well_posed",), roles=("checker",), reads=reads)


def _answering(config: RunConfig) -> Needs:
    """Prompts and settings of the mode of answering."""
    answers = config.answers
    if answers.kind == "code":
        asked = ("answers.samples", "answers.minimum_share") if answers.mode == "vote" else ()
        return Needs((*asked, *BOXES), ("answer_code",))
    answer = "answer_text" if answers.kind == "text" else "answer"
    if answers.mode == "aggregate":
        return Needs(("answers.drafts",), (answer, "aggregate"))
    if answers.mode == "single":
        return Needs((), (answer,))
    more = ("samples", "minimum_share", "minimum_margin", "early_stop")
    first = ("first_samples",) if answers.early_stop else ()
    return Needs(tuple(f"answers.{name}" for name in (*more, *first)), ("vote",))


def _trying(config: RunConfig) -> Needs:
    """The prompt of the attempts, and what bounds the code in them."""
    if config.answers.kind == "code":
        return Needs(BOXES, ("attempt_code",))
    return Needs((), ("attempt",))


def _benchmarks(config: RunConfig) -> str:
    files = find_sources(config.screen.benchmarks) if config.screen.benchmarks else []
    store, index = open_store(config.store, config.screen), open_index(config.screen)
    found = digest([sha256_of(source.path) for source in files], *([store.fingerprint] if store else []))
    return f"{found} {index.fingerprint}" if index else found  # apart, to tell which changed


QUESTION_PROMPTS = ("level1", "level2", "level2_choose", "level3")
# A limit decides whether code passes its tests.
BOXES = ("code.seconds", "code.memory_mb", "code.isolation")
SAID = ("domain", "levels", "language", "prompts.examples")

DOCUMENTS = Stage(
    "documents",
    3,
    reads=(),
    settings=("documents", "licences", "seed", "filter.mode"),
    work=_documents,
    outside=_sources,
    more=_filtering,
    ahead=READING,
)
CONCEPTS = Stage(
    "concepts",
    4,
    reads=("passages",),
    settings=("concepts", *SAID, "prompts.concepts_sampling"),
    work=_concepts,
    cut="passages",
    prompts=("concepts",),
    roles=("extractor",),
)
GRAPH = Stage(
    "graph",
    3,  # near names need the same words, and signs tell them apart
    reads=("mentions", "extractions", "passages"),
    settings=("graph",),
    work=_graph,
    more=_joining,
)
COMBINATIONS = Stage(
    "combinations",
    3,  # a boost counts rounds, no longer epochs
    reads=("passages", "concepts", "mentions", "merges"),
    settings=("combinations", "seed"),
    work=_combinations,
)
QUESTIONS = Stage(
    "questions",
    4,
    reads=("combinations", "passages"),
    settings=("questions", *SAID, "prompts.questions_sampling"),
    work=_questions,
    cut="combinations",
    prompts=QUESTION_PROMPTS,
    roles=("generator",),
)
SCREEN = Stage(
    "screen",
    4,
    reads=("questions", "passages"),
    settings=("screen", "documents.mask", "prompts.examples", "domain"),
    work=_screen,
    prompts=QUESTION_PROMPTS,
    outside=_benchmarks,
    more=_paraphrasing,
    ahead=ahead_with(lambda config, prompts: example_texts(config, prompts)),
)
JUDGE = Stage(
    "judge",
    1,
    reads=("screened", "questions"),
    settings=("judge", "seed", "domain", "levels", "prompts.examples", "prompts.judging_sampling"),
    work=_judge,
    cut="screened",
    prompts=("judge",),
    roles=("judge",),
    more=_judging,
)
ANSWERS = Stage(
    "answers",
    5,
    reads=("judged", "questions"),
    settings=("answers.mode", "answers.kind", "answers.max_chars", *SAID, "prompts.answers_sampling"),
    work=_answers,
    cut="judged",
    roles=("solver",),
    outside=lambda config: runner() if config.answers.kind == "code" else "",
    more=_answering,
)
DIFFICULTY = Stage(
    "difficulty",
    2,
    reads=("answers", "questions"),
    settings=("difficulty", "answers.kind", *SAID, "prompts.attempts_sampling"),
    work=_difficulty,
    cut="answers",
    roles=("student",),
    outside=lambda config: instrument(config.answers.kind),
    more=_trying,
)
DATASET = Stage(
    "dataset",
    4,
    reads=(
        "documents",
        "passages",
        "concepts",
        "combinations",
        "questions",
        "screened",
        "judged",
        "answers",
        "difficulty",
    ),
    settings=("recipe", "preset", "domain", "levels", "language", "seed", "answers.mode", "dataset"),
    work=_dataset,
    more=_wanted,
)

UPPER = (DOCUMENTS, CONCEPTS, GRAPH, COMBINATIONS, QUESTIONS, SCREEN, JUDGE, ANSWERS, DIFFICULTY, DATASET)
PIPELINE = (*LOWER, *UPPER)
BY_NAME: dict[str, Stage] = {stage.name: stage for stage in PIPELINE}
# As they stand where questions are aimed.
AIMED = BY_NAME | aimed(BY_NAME)
# What is read in the place of a table whose stage is left out; of other such tables nothing is.
INSTEAD = {"judged": "screened"}
# Where a path may lie differs between machines; what it holds is hashed instead (`outside`, prompt hashes).
_PATHS = ("documents.paths", "rollouts.paths", "screen.benchmarks", "prompts.dir")


def road(config: RunConfig) -> tuple[Stage, ...]:
    """The stages of a configuration in their order, each reading only what is written there."""
    return tuple(stage_of(name, config) for name in stages_of(config))


def stage_of(name: str, config: RunConfig) -> Stage:
    """A stage as it stands on the road of a configuration."""
    stage, there = (AIMED if config.aims else BY_NAME)[name], stages_of(config)

    def found(table: str) -> str | None:
        return table if TABLES[table].stage in there else INSTEAD.get(table)

    reads = (found(table) for table in (*stage.reads, *stage.more(config).reads))
    cut = found(stage.cut) if stage.cut else None
    return replace(stage, reads=tuple(dict.fromkeys(table for table in reads if table)), cut=cut)


def stages_before(stage: Stage) -> tuple[str, ...]:
    """Stages whose tables this one reads, in the order of the road."""
    names = {TABLES[table].stage for table in stage.reads}
    return tuple(name for name in STAGES if name in names)


def made_from(
    stage: Stage,
    config: RunConfig,
    prompts: PromptLibrary,
    model: Callable[[str], str],
    before: Mapping[str, str],
) -> dict[str, Any]:
    """Everything that the rows of a stage depend on, ready to be hashed and to be read by a person."""
    more = stage.more(config)
    named = {name: prompts.get(getattr(config.prompts, name)) for name in (*stage.prompts, *more.prompts)}
    players = config.players((*stage.roles, *more.roles))
    return {
        "stage": stage.name,
        "version": stage.version,
        "settings": settings(stage, config),
        "outside": stage.outside(config),
        "prompts": {prompt.name: prompt.sha for prompt in named.values()},
        "models": {role: model(entry) for role, entry in players.items()},
        "asked": {role: _asked(config, entry) for role, entry in players.items()},
        "before": dict(before),
    }


def _asked(config: RunConfig, name: str) -> dict[str, Any]:
    """What of an entry goes into each request beside its messages."""
    entry = config.endpoints()[name]
    return {"structured": entry.structured, "extra_body": entry.beside}


def settings(stage: Stage, config: RunConfig) -> dict[str, Any]:
    """The part of the configuration that can change the rows of a stage."""
    flat = flatten(config.model_dump(mode="json"))
    names = (*stage.settings, *stage.more(config).settings)
    wanted = {k: v for k, v in flat.items() if any(k == s or k.startswith(f"{s}.") for s in names)}
    # That no index is named always stood there.
    paths = (*_PATHS, "screen.index") if config.screen.index else _PATHS
    return {k: v for k, v in sorted(wanted.items()) if k not in paths and not is_excluded(k)}


def flatten(tree: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """A nested mapping with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= (
            flatten(value, f"{before}{key}.") if isinstance(value, dict) and value else {before + key: value}
        )
    return flat


def is_excluded(key: str) -> bool:
    """Whether a setting stays out of every fingerprint."""
    return any(fnmatch(key, pattern) for pattern in EXCLUDED)


def example_texts(config: RunConfig, prompts: PromptLibrary) -> list[str]:
    """Questions that stand in the prompts as examples: none of them may come out again."""
    asked = [prompts.get(getattr(config.prompts, name)) for name in QUESTION_PROMPTS]
    shown = [one for prompt in asked for one in prompt.examples(config.domain, config.prompts.examples)]
    return sorted({item["question"] for example in shown for item in example["reply"]["questions"]})
