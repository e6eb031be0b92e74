"""The section `rollouts`: logs of a student's training, and how they are read."""

from pydantic import Field

from synth.config_base import Config


class RolloutsConfig(Config):
    """Logs of the student, from which its weaknesses are worked out (METHOD 3.2)."""

    paths: tuple[str, ...] = Field(
        (), title="Paths", description="Training logs, or folders of them: Parquet, JSON Lines, CSV."
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        title="Columns",
        description="Which column holds what, where its name does not say it: `problem`, `accuracy`, `visit`,"
        " `category` and the like.",
    )
    strip_start: tuple[str, ...] = Field(
        (), title="Beginning", description="Instructions to take off the beginning of each problem."
    )
    strip_end: tuple[str, ...] = Field(
        (), title="End", description="Instructions to take off the end of each problem."
    )
    right_at: float | None = Field(
        None,
        allow_inf_nan=False,
        title="Right at",
        description="Scores from this on are right, all others wrong; left out: 0 and 1 only.",
    )
    student: str | None = Field(
        None, title="Student", description="Which model of the logs, if they have several."
    )
