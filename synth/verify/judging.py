"""What follows from what judges say: a verdict from its criteria, a decision from all verdicts.

In: marks of criteria, and verdicts by judge and pass, None where a judge gave none. Out: `perfect`,
`acceptable` or `bad`, and whether a question is kept, by one of three rules (SwS, quality). No reply is read
here and no model asked; the same verdicts lead to the same decision, whoever gave them.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, get_args

Verdict = Literal["perfect", "acceptable", "bad"]
Least = Literal["perfect", "acceptable"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)  # best first
TIE = "tie"
Outcome = Literal["well_posed", "inconsistent", "under_determined", "several_answers"]

CRITERIA = (
    "question_format",
    "factual_accuracy",
    "difficulty_alignment",
    "concept_coverage",
    "solvability",
)
DECISIVE = ("factual_accuracy", "solvability")
# Of the three criteria that are not decisive, so many are perfect where the verdict is.
OTHERS_PERFECT = 2


class Rule(NamedTuple):
    """When a question is kept: what each judge has to say at least, or how many must say perfect in all.

    `least` has one entry for each judge; where it is None, `perfects` of all verdicts must be perfect.
    """

    least: tuple[Least, ...] | None
    perfects: int = 0


class Decision(NamedTuple):
    """Kept, or the reason why not (of the closed list) and what was found."""

    reason: str | None
    detail: str

    @property
    def kept(self) -> bool:
        """Whether the question stays."""
        return self.reason is None


def verdict_of(criteria: Mapping[str, Verdict]) -> Verdict:
    """The verdict that follows from marks on all five criteria."""
    if "bad" in criteria.values():
        return "bad"
    others = sum(criteria[name] == "perfect" for name in CRITERIA if name not in DECISIVE)
    decisive = all(criteria[name] == "perfect" for name in DECISIVE)
    return "perfect" if decisive and others >= OTHERS_PERFECT else "acceptable"


def lowest(verdicts: Sequence[Verdict]) -> Verdict:
    """The worst of some verdicts."""
    return max(verdicts, key=VERDICTS.index)


def settled(passes: Sequence[Verdict | None]) -> str | None:
    """What one judge says over all its passes: a tie where they differ, None where one is missing."""
    if None in passes:
        return None
    return passes[0] if len(set(passes)) == 1 else TIE


def decide(heard: Sequence[Sequence[Verdict | None]], rule: Rule) -> Decision:
    """Whether a question is kept, by the verdicts of each judge in each pass.

    A single `bad` rejects under every rule, and so does a missing verdict. A tie has no verdict that could
    reach what a judge has to say at least; where perfects are counted, each pass counts for itself.
    """
    said = [settled(passes) for passes in heard]
    told = ", ".join(f"judge {place}: {_told(passes)}" for place, passes in enumerate(heard, 1))
    if any("bad" in passes for passes in heard):
        return Decision("judged_bad", told)
    if None in said:
        return Decision("no_verdict", told)
    if rule.least is None:
        count = sum(passes.count("perfect") for passes in heard)
        asked = f"{told}; perfect must be said at least {rule.perfects} times"
        return Decision(None if count >= rule.perfects else "judged_too_low", asked)
    if TIE in said:
        return Decision("verdict_tied", told)
    if all(verdict in (low, "perfect") for verdict, low in zip(said, rule.least, strict=True)):
        return Decision(None, told)
    return Decision("judged_too_low", f"{told}; asked for at least: {', '.join(rule.least)}")


def _told(passes: Sequence[Verdict | None]) -> str:
    return " and ".join(verdict or "none" for verdict in passes)
