"""The section `filter`: which passages are worth reading, and how that is found out."""

from typing import Literal

from pydantic import Field

from synth.config_base import Config


class FilterConfig(Config):
    """Which passages are worth reading, as a model rates them (SynthLLM, filtering)."""

    mode: Literal["none", "rate", "distil"] = Field(
        "none",
        title="Mode",
        description="`rate` has the rater read every passage; `distil` has it read a sample, from which a"
        " classifier on embeddings learns to rate the rest, as in the paper.",
    )
    threshold: float = Field(
        6.5, ge=0, le=10, title="Threshold", description="Passages rated above it stay, of 1 to 10."
    )
    rounds: int = Field(2, ge=1, le=10, title="Rounds", description="Of rating and learning anew.")
    sample: int = Field(
        1000,
        ge=10,
        title="Ratings",
        description="Passages rated in each round: half from those that stay so far, half from all.",
    )
    subjects: tuple[str, ...] = Field(
        (), title="Subjects", description="Of the documents that begin it; empty takes those of the domain."
    )
    positives: int = Field(
        12,
        ge=1,
        title="Documents",
        description="How many typical documents the rater writes of each subject, to tell passages by.",
    )
    regressor: Literal["ridge", "random_forest"] = Field(
        "ridge",
        title="Classifier",
        description="What learns the ratings; `random_forest`, the paper's, needs scikit-learn.",
    )
    held_out: float = Field(
        0.1,
        ge=0,
        le=0.5,
        title="Held out",
        description="Share of the ratings that is not learnt from but compared with what was.",
    )
