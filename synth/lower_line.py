"""The lower line as data: from rollouts to targets, and what differs on the common road behind it.

Stages that both flows have stand here again where they read or depend on something else, so that a recipe
of the other flow depends on nothing of this one.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from synth.ahead import Done
from synth.config import RunConfig
from synth.dedup.benchmarks import read_benchmarks
from synth.ids import digest
from synth.prompts.library import PromptLibrary
from synth.stage import Needs, Stage, Tables
from synth.stages.base import Output
from synth.stages.calls import Services
from synth.stages.questions import write_questions
from synth.stages.rollouts import read_rollouts
from synth.stages.screen import open_index, open_store, screen_questions
from synth.stages.screen_benchmarks import embed_of, judge_of
from synth.stages.screen_shares import ahead_with
from synth.stages.targeted import aim_combinations
from synth.stages.targets import find_targets
from synth.stages.weaknesses import find_weaknesses
from synth.sws.files import logs
from synth.writing import sha256_of

PROMPTS = ("targeted",)
SAID = ("domain", "levels", "prompts.examples")
# What says how many combinations each category gets, and of what; the rest of `targets` only draws them.
_SHARING = ("budget", "most_problems", "concepts", "sampler", "mode", "size", "most_from_one")


def _rollouts(tables: Tables, config: RunConfig, services: Services) -> Iterable[Output] | Output:
    return read_rollouts(config, services)


def _weaknesses(tables: Tables, config: RunConfig, services: Services) -> Output:
    return find_weaknesses(tables["histories"], config, services)


def _targets(tables: Tables, config: RunConfig, services: Services) -> Output:
    return find_targets(tables["weaknesses"], tables["categories"], config, services)


def _questions(tables: Tables, config: RunConfig, services: Services) -> Output:
    seeds = problems(tables)
    return write_questions(tables["combinations"], tables.get("passages"), config, services, seeds)


def _screen(tables: Tables, config: RunConfig, services: Services) -> Output:
    benchmarks = read_benchmarks(config.screen.benchmarks, config.screen.benchmark_column)
    return screen_questions(
        tables["questions"], tables.get("passages"), examples(config, services.prompts), benchmarks,
        config.screen, config.documents.mask, problems(tables), embed_of(config, services),
        judge_of(config, services), open_index(config.screen), open_store(config.store, config.screen),
        services.report, Done(services.folder, services.key),
    )  # fmt: skip


def problems(tables: Mapping[str, Tables]) -> dict[str, str]:
    """The problems of the rollouts by id."""
    columns = (tables["weaknesses"][name].to_pylist() for name in ("problem_id", "problem"))
    return dict(zip(*columns, strict=True))


def examples(config: RunConfig, prompts: PromptLibrary) -> list[str]:
    """Questions that stand in the prompt as examples."""
    shown = prompts.get(config.prompts.targeted).examples(config.domain, config.prompts.examples)
    return sorted({item["question"] for example in shown for item in example["reply"]["questions"]})


def _logs(config: RunConfig) -> str:
    """What the logs hold; their names too, as those tell logs apart."""
    found = logs([Path(path) for path in config.rollouts.paths])
    return digest([(log.name, sha256_of(log.path)) for log in found])


def _labelling(config: RunConfig) -> Needs:
    if not config.weakness.label:
        return Needs()
    asked = ("weakness.categories", "prompts.concepts_sampling", *SAID)
    return Needs(asked, ("category",), ("extractor",))


def _embedding(config: RunConfig) -> Needs:
    """Who embeds, and what walks and references depend on: nothing of it without documents."""
    roles = Needs(roles=("embedder",) if config.embeds_concepts else ())
    if not config.has_documents:
        return roles
    return roles._replace(settings=("combinations",), reads=("concepts",))


def aimed(upper: Mapping[str, Stage]) -> dict[str, Stage]:
    """The stages of the flow `sws` that are not as they stand in `upper`."""
    screen, questions, dataset = upper["screen"], upper["questions"], upper["dataset"]
    stages = (
        Stage(
            "combinations",
            3,
            reads=("problem_concepts", "budgets"),
            settings=("targets", "seed"),
            work=aim_combinations,
            more=_embedding,
        ),
        Stage(
            "questions",
            1,
            reads=("combinations", "passages", "weaknesses"),
            settings=("questions.samples", *SAID, "language", "prompts.questions_sampling"),
            work=_questions,
            cut="combinations",
            prompts=PROMPTS,
            roles=("generator",),
        ),
        Stage(
            "screen",
            screen.version,
            reads=(*screen.reads, "weaknesses"),
            settings=screen.settings,
            work=_screen,
            prompts=PROMPTS,
            outside=screen.outside,
            ahead=ahead_with(lambda config, prompts: examples(config, prompts)),
        ),
        Stage(
            "dataset",
            dataset.version + 1,  # rows were cut to the shares whatever it cost
            reads=(*dataset.reads, "budgets"),
            settings=(*dataset.settings, "targets.rebalance", "targets.most_left_out"),
            work=dataset.work,
            more=dataset.more,
        ),
    )
    assert {questions.name, screen.name, dataset.name} < {stage.name for stage in stages}
    return {stage.name: stage for stage in stages}


ROLLOUTS = Stage(
    "rollouts", 2, reads=(), settings=("rollouts", "weakness.merged"), work=_rollouts, outside=_logs
)
WEAKNESSES = Stage(
    "weaknesses",
    2,
    reads=("histories",),
    settings=(
        *(f"weakness.{name}" for name in ("rule", "max_accuracy", "max_slope", "max_pass_rate", "band")),
        *("weakness.lim_visits", "weakness.label", "targets.budget"),
    ),
    work=_weaknesses,
    more=_labelling,
)
TARGETS = Stage(
    "targets",
    3,
    reads=("weaknesses", "categories"),
    settings=(
        *(f"targets.{name}" for name in _SHARING),
        *("concepts.canonical", "concepts.max_words", "seed", *SAID, "prompts.concepts_sampling"),
    ),
    work=_targets,
    prompts=("problem_concepts",),
    roles=("extractor",),
)
LOWER = (ROLLOUTS, WEAKNESSES, TARGETS)
