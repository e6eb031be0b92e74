"""The section `judge`: how questions are judged, and which of them are kept."""

from typing import Literal

from pydantic import Field

from synth.config_models import Config
from synth.text import counted
from synth.verify.judging import Least, Rule


class JudgeConfig(Config):
    """Judging of questions before they are answered; only where `roles.judge` names a model."""

    passes: int = Field(
        1,
        ge=1,
        le=9,
        title="Passes",
        description="Verdicts of each judge; each shows the concepts in another order, and a verdict that"
        " changes with it is a tie.",
    )
    rule: Literal["asymmetric", "paper", "minimum"] = Field(
        "asymmetric",
        title="Rule",
        description="What is kept: `asymmetric`, where the first judge says perfect and the others at least"
        " acceptable; `paper`, where enough verdicts are perfect; `minimum`, as set for each judge. A single"
        " bad always rejects.",
    )
    perfects: int = Field(
        1, ge=0, title="Perfects", description="For the rule `paper`: verdicts that have to be perfect."
    )
    minimum: tuple[Least, ...] = Field(
        (),
        title="Minimum",
        description="For the rule `minimum`: what each judge has to say at least, `perfect` or `acceptable`,"
        " in the order of roles.judge.",
    )
    references: bool = Field(
        False,
        title="References",
        description="Show the judges the passages that a question was written from.",
    )
    well_posed: bool = Field(
        True,
        title="Well-posed",
        description="Have the checker restate what is given and sought of each question that the judges keep,"
        " and drop what contradicts itself, lacks data or has several answers.",
    )

    def keeping(self, judges: int) -> Rule:
        """The rule for so many judges."""
        if self.rule == "paper":
            return Rule(None, self.perfects)
        if self.rule == "minimum":
            return Rule(self.minimum)
        others: list[Least] = ["acceptable"] * (judges - 1)
        return Rule(("perfect", *others))

    def fault_for(self, judges: int) -> str | None:
        """Why the rule does not fit so many judges, or None."""
        if self.rule == "minimum" and len(self.minimum) != judges:
            return f"judge.minimum has {len(self.minimum)} entries for {judges} judges; give one for each"
        if self.rule == "paper" and self.perfects > judges * self.passes:
            turns = "1 pass" if self.passes == 1 else f"{self.passes} passes"
            give = "gives" if judges == 1 else "give"
            most = f"{counted(judges, 'judge')} in {turns} {give} {counted(judges * self.passes, 'verdict')}"
            return f"judge.perfects asks for {self.perfects}, but {most}; ask for fewer"
        return None
