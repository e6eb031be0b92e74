"""The section `rounds`: what differs from one round of `synth run --rounds` to the next."""

from pydantic import Field

from synth.config_base import Config

# Stands in names and paths for the number of the round, and of the one before it.
ROUND, PREVIOUS = "{round}", "{previous}"


class RoundsConfig(Config):
    """Rounds: new rollouts, new weaknesses, a new dataset; `{round}` stands for the number of the round."""

    seeds: tuple[str, ...] = Field(
        (),
        title="Seeds",
        description="Problems with labels that the student tries in each round; without them each round"
        " reads logs, named in `rollouts.paths` with `{round}`.",
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        title="Columns",
        description="Which column of the seeds is `problem`, `label`, `category`, where its name does not"
        " say it.",
    )
    visits: tuple[str, ...] = Field(
        (),
        title="Visits",
        description="Entries that try the seeds in each round, the oldest checkpoint first, with `{round}`"
        " (or `{previous}`) in their `model`, `identity` or `base_url`; left out: the student.",
    )
    attempts: int = Field(
        8, ge=1, le=256, title="Attempts", description="At each seed problem, at each visit of a round."
    )
