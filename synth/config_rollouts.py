"""The section `rollouts`: logs of a student's training, and how they are read."""

from typing import Annotated

from pydantic import Field, model_validator

from synth.config_base import Config

Score = Annotated[float, Field(allow_inf_nan=False)]


class RolloutsConfig(Config):
    """Logs of the student, from which its weaknesses are worked out (SwS, weaknesses)."""

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
        description="Scores of attempts from this on are right, all others wrong; left out: 0 and 1, or -1"
        " and 1, and a log with others is refused. Not beside `scale`.",
    )
    scale: tuple[Score, Score] | None = Field(
        None,
        title="Scale",
        description="Scores that stand for 0 and for 1, those between them in proportion: `[0, 100]` for"
        " percent. `[0, 1]` rejects every row beyond, however many there are.",
    )
    student: str | None = Field(
        None, title="Student", description="Which model of the logs, if they have several."
    )

    @model_validator(mode="after")
    def _a_scale_rises(self) -> "RolloutsConfig":
        if self.scale and not self.scale[0] < self.scale[1]:
            raise ValueError("rollouts.scale does not rise; give the score that stands for 0 first")
        return self
