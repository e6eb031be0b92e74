"""The section `difficulty`: how often a student tries each question, and which pass rates are kept."""

from typing import Literal

from pydantic import Field

from synth.config_base import Config, Share


class DifficultyConfig(Config):
    """Pass rate of a student on answered questions (SwS, difficulty); only where `roles.student` is set."""

    attempts: int = Field(
        8, ge=1, le=256, title="Attempts", description="Responses of the student to each question."
    )
    low: Share = Field(0.25, title="Low", description="Lowest pass rate that is kept: 2 of 8.")
    high: Share = Field(0.75, title="High", description="Highest pass rate that is kept: 6 of 8.")
    keep: Literal["band", "all"] = Field(
        "band",
        title="Keep",
        description="`band` rejects what lies outside; `all` keeps every question and only says its rate.",
    )
    keep_hard: bool = Field(
        False,
        title="Keep hard",
        description="Keep also what the student never solves while the answers of the solver agree.",
    )
    agreement: Share = Field(
        0.75,
        title="Agreement",
        description="Of what is never solved: from this share of agreeing answers of the solver on a question"
        " is hard, below it suspect, as its label may be wrong.",
    )

    def fault(self) -> str | None:
        """Why no question could be kept, or None."""
        if self.low > self.high:
            return f"difficulty.low ({self.low:g}) lies above difficulty.high ({self.high:g}); exchange them"
        rates = (right / self.attempts for right in range(self.attempts + 1))
        if self.keep == "band" and not any(self.low <= rate <= self.high for rate in rates):
            band = f"from {self.low:g} to {self.high:g}"
            return f"difficulty: no pass rate of {self.attempts} attempts lies {band}; ask for more attempts"
        return None
