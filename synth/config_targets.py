"""The section `targets`: how concepts of failed problems are combined, and tied to documents."""

from typing import Annotated, Literal

from pydantic import Field

from synth.config_base import Config, Count, Share

# From what is asked in class to what decides a team: one step each, so that the words can be told apart.
DIFFICULTIES = (
    "a demanding exercise of the course",
    "first round of a school competition",
    "final of a regional competition",
    "first round of a national olympiad",
    "final of a national olympiad",
)


class TargetsConfig(Config):
    """Combinations of weak concepts (SwS, sampling), and their documents."""

    budget: int = Field(
        1_000,
        ge=1,
        title="Budget",
        description="Combinations to draw, shared out over the categories by their failure rates.",
    )
    most_problems: Count = Field(
        0,
        title="Most problems",
        description="Failed problems whose concepts are asked for, drawn by their hash: one call each;"
        " 0 takes all.",
    )
    concepts: int = Field(5, ge=2, le=12, title="Concepts", description="Asked for of each failed problem.")
    difficulties: tuple[str, ...] = Field(
        DIFFICULTIES,
        min_length=1,
        title="Difficulties",
        description="Each combination draws one, which its question is to have.",
    )
    similarity: bool = Field(
        True,
        title="Similarity",
        description="Have the embedder embed concepts, for the score and for finding them in documents. Off,"
        " co-occurrence alone is scored, and documents are searched by name.",
    )
    rebalance: Literal["shares", "off"] = Field(
        "shares",
        title="Rebalance",
        description="`shares`: cut accepted rows to the shares of the budget, as far as `most_left_out`"
        " allows, or to `target.rows`; `off`: publish all.",
    )
    most_left_out: Share = Field(
        0.1,
        title="Most left out",
        description="Of the accepted rows, for the sake of the shares, where there is no `target.rows`. 1 has"
        " the shares kept to the row, however few rows are left.",
    )
    sampler: Literal["cooccurrence_similarity", "graph_walk", "uniform"] = Field(
        "cooccurrence_similarity",
        title="Sampler",
        description="From failed problems alone, by walks in the documents' graph, or evenly (the control).",
    )
    mode: Literal["paper", "normalised"] = Field(
        "normalised",
        title="Score",
        description="`paper` adds counts, so one count is worth a factor of 148; `normalised` bounds them.",
    )
    size: int = Field(5, ge=2, le=12, title="Size", description="Concepts in a combination.")
    tau: float = Field(
        0.2, gt=0, le=100, allow_inf_nan=False, title="Temperature", description="Divides every score."
    )
    alpha: Share = Field(
        0.5, title="Weight", description="Of co-occurrence against similarity; `normalised` only."
    )
    most_from_one: Count = Field(
        3,
        title="Most from one problem",
        description="Concepts of one failed problem in a combination; `normalised` only; 0 sets no limit.",
    )
    retries: Count = Field(
        5,
        title="Retries",
        description="New draws for a set drawn before, or for one that came out too small.",
    )
    min_similarity: Annotated[float, Field(gt=0, le=1)] = Field(
        0.8,
        title="Least similarity",
        description="Cosine from which a weak concept is taken for one of the documents' concepts.",
    )
    min_weak: int = Field(
        2, ge=1, title="Fewest weak concepts", description="In each combination walked in the graph."
    )
    without_references: Literal["keep", "reject"] = Field(
        "keep",
        title="Without references",
        description="What becomes of a combination for which no passage shares a concept.",
    )
