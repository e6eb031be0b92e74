"""The section `answers`: how questions are answered, and when an answer is agreed on."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from synth.config_base import Config, Count

Mode = Literal["single", "vote", "aggregate"]
Kind = Literal["math", "choice", "text", "code"]
# Kinds of which two answers can be compared.
COMPARED: tuple[Kind, ...] = ("math", "choice")


class AnswersConfig(Config):
    """How questions are answered (SynthLLM, answers; SwS, answers)."""

    mode: Mode = Field(
        "single",
        title="Mode",
        description="`single`, one worked answer each; `vote`, several, of which enough must agree; "
        "`aggregate`, several drafts and one answer that is written from them. The last two compare answers "
        "and need `pip install 'synth[verify]'`.",
    )
    kind: Kind = Field(
        "math",
        title="Kind",
        description="What answers are: `math`, which can be compared; `choice`, a letter or the text of an "
        "option; open `text`, which has no final answer and cannot be voted on; `code` with tests, which are "
        "run (`code.enabled`).",
    )
    samples: int = Field(
        8, ge=2, le=100, title="Samples", description="Responses of a vote, at most; 8 as in SwS."
    )
    minimum_share: float = Field(
        0.5,
        gt=0,
        le=1,
        title="Smallest share",
        description="Of all samples, also those without an answer, so many must agree; a half as in SwS.",
    )
    minimum_margin: int = Field(
        1,
        ge=1,
        title="Smallest margin",
        description="Votes by which the second answer must be behind: 1 rejects ties, 2 is stricter.",
    )
    early_stop: bool = Field(
        True,
        title="Early stop",
        description="Ask no further once no further sample can change the outcome. Shares are then of what "
        "was asked; off, all samples are asked at once, for histograms of agreement, and where calls travel "
        "in batches.",
    )
    first_samples: Count = Field(
        0,
        title="First samples",
        description="Samples before the first look at whether to stop; 0: the fewest that could decide.",
    )
    drafts: int = Field(
        4, ge=2, le=16, title="Drafts", description="Drafts of an aggregate; 3 or 4 as in its paper."
    )
    max_chars: int = Field(
        20_000,
        ge=1,
        title="Longest answer",
        description="Longer answers are rejected, in characters; 20,000 are about 5,000 tokens of English.",
    )

    @property
    def compares(self) -> bool:
        """Whether answers to one question are compared with each other."""
        return self.mode != "single" and self.kind in COMPARED

    def faults(self) -> Iterator[str]:
        """What does not fit together, one sentence each."""
        if self.mode == "aggregate" and self.kind == "code":
            yield (
                "answers.mode: answers of the kind `code` are chosen by tests and not written from drafts; "
                "set answers.mode to vote or single, or another answers.kind."
            )
        if self.mode != "vote":
            return
        if self.kind == "text":
            yield (
                f"answers.mode: answers of the kind `{self.kind}` cannot be compared, so there is no vote on "
                "them; set answers.mode to aggregate or single, or another answers.kind."
            )
        if self.first_samples > self.samples:
            yield (
                f"answers.first_samples: {self.first_samples} are more than the {self.samples} of "
                "answers.samples; ask for fewer first."
            )
        if self.minimum_margin > self.samples:
            yield (
                f"answers.minimum_margin: {self.samples} samples can never be {self.minimum_margin} votes "
                "ahead; lower it or raise answers.samples."
            )
