"""The section `weakness`: which problems count as failed, and how training logs are read."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from synth.config_base import Config, Share

# Those of MATH, which SwS has its problems sorted into as well.
CATEGORIES = (
    "Prealgebra",
    "Algebra",
    "Intermediate Algebra",
    "Geometry",
    "Number Theory",
    "Counting and Probability",
    "Precalculus",
)


class WeaknessConfig(Config):
    """What a student keeps failing (SwS, weaknesses and categories)."""

    rule: Literal["auto", "trend", "rate"] = Field(
        "auto",
        title="Rule",
        description="`trend`: highest accuracy and slope over the visits; `rate`: pass rate of a single"
        " visit; `auto`: trend where any problem was visited more than once, else rate.",
    )
    max_accuracy: Share = Field(
        0.5,
        title="Highest accuracy",
        description="For the rule `trend`: a weakness was never right more often than this.",
    )
    max_slope: float = Field(
        0.0,
        allow_inf_nan=False,
        title="Highest slope",
        description="For the rule `trend`: a weakness improves by no more than this a visit.",
    )
    max_pass_rate: Share = Field(
        0.25,
        title="Highest pass rate",
        description="For the rule `rate`: a weakness is right no more often than this.",
    )
    band: tuple[Share, Share] = Field(
        (0.125, 0.875),
        title="Band",
        description="Accuracies at the last visit that are worth training on, both ends included.",
    )
    lim_visits: Literal["own", "shortest"] = Field(
        "own",
        title="Visits of LIM",
        description="Where histories differ in length: `own` compares each over its own visits, `shortest`"
        " cuts all to the shortest.",
    )
    merged: Literal["refuse", "split", "drop"] = Field(
        "drop",
        title="Merged logs",
        description="A problem with several histories that differ: `refuse` stops, `split` keeps each as a"
        " row of its own, `drop` rejects the problem. They are never put behind each other.",
    )
    shared_concepts: Annotated[int, Field(ge=1, le=9)] = Field(
        2,
        title="Shared concepts",
        description="Two combinations of a category may share so many concepts; bounds how many combinations"
        " its concepts support.",
    )

    label: bool = Field(
        True,
        title="Label",
        description="In a run, ask the extractor for the category of each problem that has none: one call for"
        " every problem, as rates need those that were not failed. Off, such problems share one category.",
    )
    categories: tuple[str, ...] = Field(
        CATEGORIES,
        min_length=1,
        title="Categories",
        description="Among which the extractor chooses; what fits none is uncategorised.",
    )

    @model_validator(mode="after")
    def _ends_of_the_band(self) -> "WeaknessConfig":
        if self.band[0] > self.band[1]:
            raise ValueError("weakness.band begins above its end; give the lower accuracy first")
        return self
