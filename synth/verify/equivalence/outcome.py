"""What a comparison ends with."""

from typing import NamedTuple

LATE = "no answer within"


class Outcome(NamedTuple):
    """Whether two answers are the same; None where it could not be decided. The reason is for people."""

    equal: bool | None
    reason: str

    @property
    def is_late(self) -> bool:
        """Whether the library was ended for want of time."""
        return self.reason.startswith(LATE)


SAME_TEXT = Outcome(True, "the same text")
UNREAD = Outcome(None, "not read by the rules")
EQUAL = Outcome(True, "equal by rule")
DIFFERENT = Outcome(False, "different by rule")


def all_of(outcomes: "list[Outcome]") -> Outcome:
    """Equal where all are; the first that is different decides, else the first undecided."""
    undecided = EQUAL
    for outcome in outcomes:
        if outcome.equal is False:
            return outcome
        if outcome.equal is None:
            undecided = outcome
    return undecided
