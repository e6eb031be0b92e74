"""The whole configuration of a run: one frozen tree, written as TOML, shown as a form.

Every number says its unit in its name and its reason in its description. `EXCLUDED` lists what
cannot change rows and therefore stays out of fingerprints.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from synth.config_answers import AnswersConfig
from synth.config_code import CodeConfig
from synth.config_combinations import CombinationsConfig
from synth.config_difficulty import DifficultyConfig
from synth.config_documents import DocumentsConfig, LicencesConfig
from synth.config_filter import FilterConfig
from synth.config_judge import JudgeConfig
from synth.config_models import (
    BUILT_IN,
    Config,
    ModelConfig,
    PromptsConfig,
    Role,
    RolesConfig,
    Sampling,
)
from synth.config_money import EXCLUDED_MONEY, BudgetConfig
from synth.config_publish import PublishConfig, StoreConfig
from synth.config_rollouts import RolloutsConfig
from synth.config_rounds import RoundsConfig
from synth.config_screen import ScreenConfig
from synth.config_target import TargetConfig
from synth.config_targets import TargetsConfig
from synth.config_weakness import WeaknessConfig

__all__ = [
    "BUILT_IN",
    "EXCLUDED",
    "SCHOOL_LEVELS",
    "AnswersConfig",
    "BudgetConfig",
    "CodeConfig",
    "CombinationsConfig",
    "ConceptsConfig",
    "Config",
    "DatasetConfig",
    "DifficultyConfig",
    "DocumentsConfig",
    "FilterConfig",
    "GraphConfig",
    "JudgeConfig",
    "LicencesConfig",
    "ModelConfig",
    "PromptsConfig",
    "PublishConfig",
    "QuestionsConfig",
    "Role",
    "RolesConfig",
    "RolloutsConfig",
    "RoundsConfig",
    "RunConfig",
    "Sampling",
    "ScreenConfig",
    "StoreConfig",
    "TargetConfig",
    "TargetsConfig",
    "WeaknessConfig",
]


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]

SCHOOL_LEVELS = (
    "elementary school",
    "middle school",
    "high school",
    "college",
    "graduate",
    "competition",
)


class ConceptsConfig(Config):
    """Concept extraction (SynthLLM, appendix)."""

    max_topics: int = Field(5, ge=1, title="Topics", description="Most topics per passage.")
    max_key_concepts: int = Field(20, ge=1, title="Key concepts", description="Most key concepts per topic.")
    max_words: int = Field(12, ge=1, title="Words", description="Longer names are sentences, not concepts.")
    canonical: bool = Field(
        True,
        title="Canonical names",
        description="Join spellings that differ by case, numbering or punctuation only.",
    )
    grounded: bool = Field(
        False,
        title="Grounded",
        description="Keep only names whose words occur in the passage; for very small models.",
    )


class GraphConfig(Config):
    """The concept graph (SynthLLM, section 3)."""

    min_passages: int = Field(
        1,
        ge=1,
        title="Fewest passages",
        description="Drop concepts found in fewer passages; 1 keeps all, as the paper does.",
    )
    merge: Literal["off", "spelling", "similar", "confirmed"] = Field(
        "off",
        title="Merge",
        description="Which names are one concept: `spelling`, that differ by plurals, hyphens and spaces; "
        "`similar`, also those whose embeddings are near and that say the same words in another order or "
        "form; `confirmed`, also those that are near, share words, and are one concept to the extractor.",
    )
    merge_similarity: float = Field(
        0.9, ge=0.0, le=1.0, title="Similarity", description="Least cosine of names that may be one concept."
    )
    merge_names: int = Field(
        8, ge=2, title="Most names", description="Of one concept: more point to a name that says little."
    )


class QuestionsConfig(Config):
    """How questions are asked for."""

    level1_per_call: int = Field(5, ge=1, le=10, title="Level 1", description="Most per call.")
    level2_per_call: int = Field(5, ge=1, le=10, title="Level 2", description="Most per call.")
    level3_per_call: int = Field(3, ge=1, le=10, title="Level 3", description="Most per call.")
    samples: int = Field(1, ge=1, title="Samples", description="Calls per combination.")


class DatasetConfig(Config):
    """What is published."""

    name: str | None = Field(None, title="Name", description="Title of the dataset card.")
    include_text: bool = Field(
        True, title="Include text", description="Publish the documents' text beside the questions."
    )


class RunConfig(Config):
    """Everything a run depends on."""

    recipe: Name = Field("custom", title="Recipe", description="Name of the recipe.")
    flow: Literal["synthllm", "sws"] = Field(
        "synthllm",
        title="Flow",
        description="`synthllm` recombines concepts of documents; `sws` aims at what a student fails.",
    )
    preset: Literal["faithful", "recommended"] = Field(
        "recommended", title="Preset", description="Recorded with the output; single settings decide."
    )
    domain: str = Field("mathematics", title="Domain", description="Subject of the questions.")
    levels: tuple[str, ...] = Field(
        SCHOOL_LEVELS, min_length=1, title="Levels", description="Difficulty levels the model may name."
    )
    language: str = Field("source", title="Language", description="`source`, or one language's name.")
    seed: int = Field(0, title="Seed", description="Seed of every random stream.")
    rollouts: RolloutsConfig = RolloutsConfig()
    rounds: RoundsConfig = RoundsConfig()
    weakness: WeaknessConfig = WeaknessConfig()
    targets: TargetsConfig = TargetsConfig()
    documents: DocumentsConfig = DocumentsConfig()
    licences: LicencesConfig = LicencesConfig()
    filter: FilterConfig = FilterConfig()
    concepts: ConceptsConfig = ConceptsConfig()
    graph: GraphConfig = GraphConfig()
    combinations: CombinationsConfig = CombinationsConfig()
    questions: QuestionsConfig = QuestionsConfig()
    screen: ScreenConfig = ScreenConfig()
    judge: JudgeConfig = JudgeConfig()
    answers: AnswersConfig = AnswersConfig()
    difficulty: DifficultyConfig = DifficultyConfig()
    code: CodeConfig = CodeConfig()
    target: TargetConfig = TargetConfig()
    dataset: DatasetConfig = DatasetConfig()
    publish: PublishConfig = PublishConfig()
    store: StoreConfig = StoreConfig()
    prompts: PromptsConfig = PromptsConfig()
    models: dict[str, ModelConfig] = Field(
        default_factory=dict, title="Models", description="Endpoints by name."
    )
    roles: RolesConfig = RolesConfig()
    prices: str | None = Field(
        None, title="Prices", description="File of prices; left out: `prices.toml` in $SYNTH_HOME."
    )
    currency: str = Field("USD", title="Currency", description="Of prices and budget; only a label.")
    budget: BudgetConfig = BudgetConfig()
    tasks: int = Field(8, ge=1, le=200, title="Tasks", description="Most tasks a stage is scheduled as.")
    part_rows: int = Field(
        10_000, ge=1, le=10_000, title="Part", description="Rows that are committed together."
    )
    metrics_port: int = Field(
        0,
        ge=0,
        le=65_535,
        title="Metrics port",
        description="Figures for Prometheus at this port of 127.0.0.1 while the run goes on; 0: none.",
    )
    runner: Literal["threads", "processes", "dask", "ray"] = Field(
        "threads",
        title="Runner",
        description="Where the work is done: in this process, in several of this machine, or on a cluster.",
    )
    runner_address: str = Field(
        "",
        title="Address",
        description="Of a cluster, as `tcp://10.0.0.1:8786`; without one it is started on this machine.",
    )
    runner_workers: int = Field(
        0, ge=0, le=1024, title="Workers", description="Started on this machine; 0: one for each processor."
    )
    runner_host: str = Field(
        "127.0.0.1", title="Own address", description="Of this machine, as workers on others reach it."
    )
    mirror: str | None = Field(
        None,
        title="Mirror",
        description="Store that gets a copy of each run, as `s3://bucket/runs`; others can go on from it.",
    )
    reuse: tuple[str, ...] = Field(
        (), title="Reuse", description="Earlier runs, by name or folder, whose answers serve equal calls."
    )

    def endpoints(self) -> dict[str, ModelConfig]:
        """All entries that a role can name: those of the recipe, and the two that are built in."""
        return {**BUILT_IN, **self.models}

    def played(self) -> dict[str, str]:
        """The roles that this run needs, each with the entry that plays it; of several judges each."""
        more: dict[str, tuple[Role, ...]] = {"rate": ("rater",), "distil": ("rater", "embedder")}
        judging: tuple[Role, ...] = ("judge", "checker") if self.judge.well_posed else ("judge",)
        needed: tuple[Role, ...] = ("generator", "extractor", "solver", *more.get(self.filter.mode, ()))
        trying: tuple[Role, ...] = ("student",) if self.roles.student else ()
        joining = self.has_documents and self.graph.merge in ("similar", "confirmed")
        embeds = self.embeds_concepts or self.embeds_questions or joining
        aiming: tuple[Role, ...] = ("embedder",) if embeds else ()
        return self.players((*needed, *aiming, *(judging if self.roles.judge else ()), *trying))

    @property
    def aims(self) -> bool:
        """Whether questions are aimed at the weaknesses of a student."""
        return self.flow == "sws"

    @property
    def has_documents(self) -> bool:
        """Whether documents are read: aimed questions need none."""
        return not self.aims or bool(self.documents.paths)

    @property
    def embeds_concepts(self) -> bool:
        """Whether weak concepts are embedded: to be scored, or to be found in documents."""
        scored = self.targets.sampler == "cooccurrence_similarity"
        return self.aims and self.targets.similarity and (scored or self.has_documents)

    @property
    def seeks_paraphrases(self) -> bool:
        """Whether questions are embedded, to be compared with items of benchmarks."""
        return bool(self.screen.benchmarks) and self.screen.paraphrases

    @property
    def embeds_questions(self) -> bool:
        """Whether questions are embedded at all: for that, or to be compared with each other."""
        return self.seeks_paraphrases or self.screen.semantic

    def players(self, roles: Iterable[Role]) -> dict[str, str]:
        """The entries that play some roles, each under the name that it has there."""
        return {name: entry for role in roles for name, entry in self.roles.players(role).items()}

    def in_use(self) -> dict[str, ModelConfig]:
        """The entries that some role of this run names."""
        named = set(self.played().values())
        return {name: entry for name, entry in self.endpoints().items() if name in named}

    @model_validator(mode="after")
    def _roles_exist(self) -> "RunConfig":
        known = self.endpoints()
        for role, named in self.roles:
            for entry in named if isinstance(named, tuple) else (named,):
                if entry is not None and entry not in known:
                    listed = ", ".join(known)
                    raise ValueError(f"roles.{role}: there is no model entry {entry!r}, only {listed}")
        return self

    @model_validator(mode="after")
    def _judges_fit(self) -> "RunConfig":
        if self.roles.judge and (fault := self.judge.fault_for(len(self.roles.judge))):
            raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _student_fits(self) -> "RunConfig":
        if self.roles.student and (fault := self.difficulty.fault()):
            raise ValueError(fault)
        return self


# What cannot change rows, each with its reason. Everything else is part of a fingerprint.
EXCLUDED: dict[str, str] = {
    "tasks": "scheduling only: rows are cut into parts, whatever task they run in",
    "part_rows": "rows are the same however they are cut",
    "metrics_port": "who looks on changes nothing",
    "runner": "who works at a part does not change its rows",
    "runner_*": "where the workers are",
    "mirror": "where a copy goes, and not what is in it",
    "rounds.*": "what it makes of a round is that round's rollouts and models, which count by themselves",
    "publish.*": "where a copy goes, and not what is in it",
    "store.*": "what was seen counts by itself: documents and logs are hashed without it",
    "reuse": "an equal call has the same answer, whichever run paid for it",
    "documents.readers": "speed only: each file is read by itself",
    "models.*.max_in_flight": "speed only",
    "models.*.control": "speed only",
    "models.*.requests_per_minute": "speed only",
    "models.*.tokens_per_minute": "speed only",
    "models.*.input_tokens_per_minute": "speed only",
    "models.*.output_tokens_per_minute": "speed only",
    "models.*.hedge": "the same request, asked twice",
    "models.*.max_call_s": "a call that ran out of time is a rejected row, and is tried again by a later run",
    "models.*.max_outage_s": "how long is waited, and not what is answered",
    "models.*.transport": "the same bytes are asked, and the same answered",
    "models.*.broker": "who carries a call does not change its answer",
    "models.*.broker_linger_s": "how long a process waits for the next run",
    "models.*.timeout_s": "speed only: a call that times out is tried again",
    "models.*.max_tries": "a call that fails for good is a rejected row, and is tried again by a later run",
    "models.*.batch": "the same request and the same answer, by another way",
    "models.*.batch_*": "how requests travel together, and how long they are waited for",
    "models.*.api_key_env": "who pays does not change what is answered",
    **EXCLUDED_MONEY,
}
