"""The section `target`: how many rows are wanted, and how many combinations may be asked for them."""

from pydantic import Field

from synth.config_models import Config, Count


class TargetConfig(Config):
    """How many rows are wanted; combinations are asked in waves until they are there."""

    rows: Count = Field(
        0, title="Rows", description="Accepted rows to publish, exactly so many if they can be had; 0 is all."
    )
    candidates: Count = Field(
        0, title="Candidates", description="Most combinations that a model is asked; 0 is all that are drawn."
    )

    @property
    def is_set(self) -> bool:
        """Whether anything is asked for but all rows of all combinations."""
        return bool(self.rows or self.candidates)
