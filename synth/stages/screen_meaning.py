"""Questions of a run that say the same in other words (`dedup.meanings`): the preferred one stays.

In: questions that passed all other checks, in the order of preference. Out: those that stay, and the others
as rejected rows, each with the question that stays, their cosine, and whether a judge said so.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from synth.config import ScreenConfig
from synth.dedup.meanings import Bounds, Meanings, Same
from synth.dedup.paraphrases import Embed
from synth.dedup.tiers import Judge
from synth.stages.base import Rejected

REASON = "same_meaning"
EVIDENCE = "meaning"


class HasRow(Protocol):
    """A question in whatever form."""

    @property
    def row(self) -> dict[str, Any]:
        """Its row of the table `questions`."""
        ...


One = TypeVar("One", bound=HasRow)


def without_same(
    kept: Sequence[One], config: ScreenConfig, embed: Embed | None, judge: Judge | None
) -> tuple[list[One], list[Rejected]]:
    """The questions that repeat none before them in meaning; all of them where this is not looked for."""
    if not config.semantic or embed is None:
        return list(kept), []
    bounds = Bounds(config.semantic_cosine, config.semantic_agreement)
    found = Meanings(embed, bounds, judge).repeated([one.row["question"] for one in kept])
    fallen = []
    for place, same in sorted(found.items()):
        assert same.place is not None  # no text is known beforehand
        fallen.append(_rejected(kept[place].row, kept[same.place].row["question_id"], same))
    return [one for place, one in enumerate(kept) if place not in found], fallen


def _rejected(row: dict[str, Any], kept_id: str, same: Same) -> Rejected:
    by = "as a judge found" if same.judged else "with the same quantities"
    evidence = {"dup_of": kept_id, "cosine": same.cosine, "judged": same.judged}
    detail = f"cosine {same.cosine:.3f}, {by}"
    return Rejected(
        row["question_id"], row["combination_id"], REASON, detail, kept_id, {**row, EVIDENCE: evidence}
    )
