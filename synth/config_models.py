"""Endpoints, prompts and roles: where models are, how they are asked, and who does what."""

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from synth.config_base import Config as Config
from synth.config_base import Count as Count
from synth.config_base import Share as Share
from synth.config_money import PriceConfig


def _finite(value: str | int | float | bool) -> str | int | float | bool:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("nan and inf cannot be sent; give a number")
    return value


Extra = Annotated[str | int | float | bool, AfterValidator(_finite)]


class Sampling(Config):
    """Sampling settings of one kind of call; part of the call's identity."""

    temperature: float = Field(
        0.7, ge=0, le=2, title="Temperature", description="0 repeats itself, higher values vary more."
    )
    top_p: Share = Field(1.0, title="Top p", description="Share of the likeliest tokens that is drawn from.")
    max_tokens: int = Field(2048, ge=1, title="Longest reply", description="In tokens.")


class PromptsConfig(Config):
    """Which prompt files are used, with which examples and sampling settings."""

    dir: str | None = Field(
        None, title="Folder", description="Your own prompt files; each replaces the one of its name."
    )
    concepts: str = Field(
        "concepts.v1", title="Concepts", description="Extracts topics and key concepts from a passage."
    )
    level1: str = Field("level1.v1", title="Level 1", description="Writes questions from a passage as it is.")
    level2: str = Field(
        "level2.v1", title="Level 2", description="Writes questions from given concepts of one passage."
    )
    level2_choose: str = Field(
        "level2_choose.v1",
        title="Level 2, choosing",
        description="Lets the model choose the concepts of one passage.",
    )
    level3: str = Field(
        "level3.v1", title="Level 3", description="Writes questions from concepts of several passages."
    )
    answer: str = Field("answer.v1", title="Answer", description="Answers a question.")
    answer_text: str = Field(
        "answer_text.v1",
        title="Answer, open text",
        description="Answers a question that has no final answer.",
    )
    answer_code: str = Field(
        "answer_code.v1",
        title="Answer, code",
        description="Answers a question by code with tests of its own.",
    )
    vote: str = Field(
        "answer_vote.v1",
        title="Vote",
        description="Answers a question, or says that it has no single answer; for answers.mode `vote`.",
    )
    aggregate: str = Field(
        "aggregate.v1",
        title="Aggregate",
        description="Writes an answer from numbered drafts; for answers.mode `aggregate`.",
    )
    category: str = Field("category.v1", title="Category", description="Sorts a problem into a category.")
    problem_concepts: str = Field(
        "problem_concepts.v1",
        title="Concepts of a problem",
        description="Lists the concepts that a failed problem tests.",
    )
    targeted: str = Field(
        "targeted.v1", title="Targeted", description="Writes a question from concepts that were failed."
    )
    rating: str = Field("rating.v1", title="Rating", description="Rates a passage, for the filter.")
    document: str = Field(
        "document.v1", title="Document", description="Writes a typical document, for the filter."
    )
    judge: str = Field("judge.v1", title="Judge", description="Judges a question on five criteria.")
    well_posed: str = Field(
        "well_posed.v1",
        title="Well-posed",
        description="Restates a question and says whether it has one answer.",
    )
    same_problem: str = Field(
        "same_problem.v1",
        title="Same problem",
        description="Has the judge compare a question with an item of a benchmark that it is near to.",
    )
    same_concept: str = Field(
        "same_concept.v1",
        title="Same concept",
        description="Has the extractor compare two names that may be one concept.",
    )
    attempt: str = Field("attempt.v1", title="Attempt", description="Has the student solve a question.")
    attempt_code: str = Field(
        "attempt_code.v1",
        title="Attempt, code",
        description="Has the student solve a question by code.",
    )
    examples: Count = Field(
        2, title="Examples", description="Worked examples at the head of each prompt, where it has any."
    )
    concepts_sampling: Sampling = Sampling(temperature=0.0)
    questions_sampling: Sampling = Sampling(temperature=0.7)
    answers_sampling: Sampling = Sampling(temperature=0.7, max_tokens=4096)
    ratings_sampling: Sampling = Sampling(temperature=0.0, max_tokens=1024)
    documents_sampling: Sampling = Sampling(temperature=1.0, max_tokens=1024)
    judging_sampling: Sampling = Sampling(temperature=0.0, max_tokens=2048)
    # As reinforcement learning samples: at a lower temperature a pass rate says less of what it would meet.
    attempts_sampling: Sampling = Sampling(temperature=1.0, max_tokens=4096)


def PerMinute(title: str, description: str) -> Any:
    """A limit by the minute; none where it is left out."""
    return Field(None, gt=0, allow_inf_nan=False, title=title, description=description)


NOT_EXTRA = frozenset({"n", "best_of", "stream", "messages", "model", "input"})


class ModelConfig(Config):
    """An endpoint: where it is, which model, what it may take."""

    base_url: str = Field(
        ...,
        title="Base URL",
        description="An OpenAI-compatible address, or `fake:`, or `embedded:` with an optional GGUF.",
    )
    model: str = Field(..., title="Model", description="The model's name at that address.")
    api_key_env: str | None = Field(
        None, title="Key variable", description="Environment variable that holds the key."
    )
    identity: str | None = Field(
        None, title="Identity", description="Overrides the endpoint's identity; for replicas."
    )
    structured: Literal["auto", "json_schema", "json_object", "tags"] = Field(
        "auto", title="Structured output", description="`auto` tries them in this order."
    )
    sha256: str | None = Field(None, title="SHA-256", description="Of a GGUF file; checked before loading.")
    context_tokens: int = Field(32768, ge=512, title="Context", description="Tokens of prompt and reply.")
    transport: Literal["openai", "direct"] = Field(
        "openai",
        title="Transport",
        description="`openai`, the package; or `direct`, for a thousand calls at a time: plain HTTP, "
        "without proxies and redirects.",
    )
    max_in_flight: int = Field(64, ge=1, title="In flight", description="Calls at one time, at most.")
    control: Literal["fixed", "aimd", "queue"] = Field(
        "aimd",
        title="Control",
        description="How many calls at one time, up to the most: `aimd` finds out from what is refused; "
        "`queue` is for servers that refuse nothing and let calls wait; `fixed` takes the number as it is.",
    )
    requests_per_minute: float | None = PerMinute("Requests a minute", "Left out: as the endpoint tells.")
    tokens_per_minute: float | None = PerMinute("Tokens a minute", "Of prompts and replies together.")
    input_tokens_per_minute: float | None = PerMinute("Prompt tokens a minute", "Of prompts alone.")
    output_tokens_per_minute: float | None = PerMinute("Reply tokens a minute", "Of replies alone.")
    timeout_s: float = Field(
        300, gt=0, allow_inf_nan=False, title="Timeout", description="Seconds for one try of one call."
    )
    max_tries: int = Field(
        6, ge=1, title="Tries", description="Tries of one call; waiting as told is not one."
    )
    max_call_s: float | None = Field(
        None, gt=0, allow_inf_nan=False, title="Call", description="Seconds for one call with all its tries."
    )
    max_outage_s: float = Field(
        300,
        gt=0,
        allow_inf_nan=False,
        title="Outage",
        description="Seconds for which an endpoint that is down is waited for, before the run stops.",
    )
    hedge: bool = Field(
        False,
        title="Hedge",
        description="Ask a second time where an answer is very late, for three calls in a hundred at most; "
        "both may be paid.",
    )
    broker: bool = Field(
        False,
        title="Broker",
        description="Calls are carried by a process that all runs of this machine share and that outlives "
        "them: after a kill it finishes what is under way. Only for an address over HTTP.",
    )
    broker_linger_s: float = Field(
        60,
        ge=0,
        allow_inf_nan=False,
        title="Linger",
        description="Seconds for which a broker that nobody needs stays.",
    )
    price: PriceConfig | None = Field(
        None,
        title="Price",
        description="Of a million tokens: `input`, `output`, and where they differ `cached_input` and a "
        "factor for the `batch` API. Left out: as the price file says, else unknown.",
    )
    extra_body: dict[str, Extra] = Field(
        default_factory=dict, title="Extra", description="Further fields of each request."
    )
    omit: tuple[Literal["temperature", "top_p", "seed"], ...] = Field(
        (),
        title="Omit",
        description="Fields that the endpoint does not take, as some reasoning models do not.",
    )

    batch: Literal["off", "on", "files"] = Field(
        "off",
        title="Batches",
        description="`on` asks in batches, which the endpoint answers later at a lower price; `files` only "
        "writes their files, for tools that answer such files.",
    )
    batch_window: str = Field(
        "24h",
        pattern=r"^[1-9][0-9]{0,3}[hmd]$",
        title="Window",
        description="Time in which the endpoint is to answer a batch; OpenAI knows `24h` only.",
    )
    batch_least: int = Field(
        100, ge=1, title="Smallest batch", description="Fewer calls than these are asked one by one."
    )
    batch_requests: int = Field(
        50_000, ge=1, le=50_000, title="Largest batch", description="Calls in one file, at most."
    )
    batch_megabytes: float = Field(
        200, gt=0, le=200, title="Largest file", description="In megabytes of 1,000,000 bytes."
    )
    batch_poll_s: float = Field(
        60, gt=0, allow_inf_nan=False, title="Poll", description="Seconds between two looks at batches."
    )
    batch_wait_s: float = Field(
        0,
        ge=0,
        allow_inf_nan=False,
        title="Wait",
        description="Seconds for which one command waits for its batches before it leaves; the same command "
        "collects them later.",
    )

    @property
    def beside(self) -> dict[str, Any]:
        """What is sent beside what a request says, and what is left out: part of a call's identity."""
        return {**self.extra_body, **({"(omitted)": sorted(self.omit)} if self.omit else {})}

    @field_validator("extra_body")
    @classmethod
    def _nothing_that_is_said_elsewhere(cls, extra: dict[str, Extra]) -> dict[str, Extra]:
        if wrong := sorted(extra.keys() & NOT_EXTRA):
            raise ValueError(f"{wrong[0]!r} cannot be set here: each call is one request with one reply")
        return extra

    @model_validator(mode="after")
    def _batches_have_an_address(self) -> "ModelConfig":
        if self.batch != "off" and not self.base_url.lower().startswith(("http://", "https://")):
            raise ValueError(f'batch = "{self.batch}" needs an http address in base_url')
        return self


BUILT_IN: dict[str, ModelConfig] = {
    "embedded": ModelConfig(
        base_url="embedded:",
        model="SmolLM2-135M-Instruct",
        context_tokens=8192,
        max_in_flight=1,
        timeout_s=600,
    ),
    "fake": ModelConfig(base_url="fake:", model="fake"),
    # Embeddings only, from the package of that name: its weights come inside it.
    "wordllama": ModelConfig(base_url="wordllama:", model="l2_supercat_256"),
}


Role = Literal["generator", "extractor", "solver", "rater", "embedder", "judge", "checker", "student"]
# One name, or several: each of them plays the role.
Entries = Annotated[
    tuple[str, ...], BeforeValidator(lambda given: (given,) if isinstance(given, str) else given)
]


class RolesConfig(Config):
    """Who does what: names of entries in `models`; most follow the generator where not set."""

    generator: str = Field("embedded", title="Generator", description="Writes the questions.")
    extractor: str | None = Field(
        None, title="Extractor", description="Finds concepts; the generator, where it is not set."
    )
    solver: str | None = Field(
        None, title="Solver", description="Answers questions; the generator, where it is not set."
    )

    rater: str | None = Field(
        None, title="Rater", description="Rates passages for the filter; the generator, where it is not set."
    )
    embedder: str = Field(
        "wordllama",
        title="Embedder",
        description="Embeds passages for the filter: offline, or an entry that answers /v1/embeddings.",
    )
    judge: Entries = Field(
        (),
        title="Judge",
        description='Judges questions: one entry or several, as in `["big", "other"]`, the most '
        "generous first; without one the stage is left out.",
    )
    checker: str | None = Field(
        None,
        title="Checker",
        description="Checks that judged questions are well-posed; the first judge, where it is not set.",
    )
    student: str | None = Field(
        None,
        title="Student",
        description="Tries each answered question several times, which tells how hard it is; without one the"
        " stage is left out.",
    )

    def of(self, role: Role) -> str:
        """The entry that plays a role; of several the first."""
        return next(iter(self.players(role).values()))

    def players(self, role: Role) -> dict[str, str]:
        """The entries that play a role, each under a name of its own: `judge`, `judge 2`."""
        if role == "judge":
            return {f"judge {n}" if n > 1 else "judge": entry for n, entry in enumerate(self.judge, 1)}
        if role == "student":
            return {role: self.student} if self.student else {}
        default = self.judge[0] if role == "checker" and self.judge else self.generator
        return {role: str(getattr(self, role) or default)}
