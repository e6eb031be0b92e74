"""How concepts are put together, and which passages stand behind them (SynthLLM, levels 1, 2 and 3)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from synth.config_models import Config, Count


def _in_order(steps: tuple[int, int]) -> tuple[int, int]:
    if steps[0] > steps[1]:
        raise ValueError(f"the fewest ({steps[0]}) are more than the most ({steps[1]})")
    return steps


Steps = Annotated[tuple[Count, Count], AfterValidator(_in_order)]


class CombinationsConfig(Config):
    """Three levels of combination (SynthLLM, levels 1, 2 and 3)."""

    level1: Literal["whole_passage", "off"] = Field(
        "whole_passage", title="Level 1", description="Questions from one passage as it is."
    )
    level2: Literal["model_chooses", "code_chooses", "off"] = Field(
        "code_chooses",
        title="Level 2",
        description="Who picks the concepts of one passage; in the paper the model does.",
    )
    level2_sets: int = Field(
        5, ge=1, title="Sets per passage", description="Level-2 sets per passage chosen by code."
    )
    level3: Literal["graph_walk", "uniform", "within_passage", "off"] = Field(
        "graph_walk",
        title="Level 3",
        description="Concepts of many passages, by walk. Controls: `uniform` draws all alike, "
        "`within_passage` takes those of one passage.",
    )
    epochs: int = Field(5, ge=1, title="Epochs", description="Walks started from each topic.")
    topic_steps: Steps = Field((1, 2), title="Topic steps", description="Fewest and most.")
    key_concept_steps: Steps = Field((3, 4), title="Key-concept steps", description="Fewest and most.")
    min_concepts: int = Field(
        4, ge=1, title="Fewest concepts", description="Shorter walks are rejected as dead ends."
    )
    retries: Count = Field(5, title="Retries", description="New tries for a set that was drawn before.")
    references: int = Field(2, ge=1, le=8, title="References", description="Passages per set.")
    different_clusters: bool = Field(
        True,
        title="Different clusters",
        description="Never two references from one near-duplicate cluster.",
    )
    reference_score: Literal["jaccard", "containment"] = Field(
        "jaccard",
        title="Reference score",
        description="`jaccard` is the paper's and favours short passages; `containment` is the share of the "
        "set that a passage has, and Jaccard similarity among equals.",
    )
    covers_new_concept: bool = Field(
        False,
        title="Cover new concepts",
        description="Each further reference has a concept of the set that those before lack.",
    )
    temperature: float = Field(
        1.0,
        gt=0.0,
        le=100.0,
        title="Temperature",
        description="Weights of steps to the power of 1 over it: above 1 flattens hubs. At 1, as in the "
        "paper, no edge is ever made; elsewhere the edges of every concept that is reached.",
    )
    revisits: bool = Field(
        False,
        title="Revisits",
        description="Whether a walk may come to a concept again, on which the paper is silent.",
    )
    hub_cap: Count = Field(
        0,
        title="Hub cap",
        description="A concept found in more passages weighs as if it were in so many; 0 sets no cap.",
    )
    min_passages: int = Field(
        1, ge=1, title="Fewest passages", description="Walks keep to concepts found in so many; 1 takes all."
    )
    coverage_boost: float = Field(
        1.0,
        ge=1.0,
        le=1000.0,
        title="Coverage boost",
        description="How much more a concept weighs in walks that no set has yet. An epoch is cut into rounds"
        " in the order of its topics, each with what the sets before it use; 1 for no more.",
    )
    max_level3: Count = Field(
        0, title="Most level-3 sets", description="Stop after so many sets; 0 sets no limit."
    )
