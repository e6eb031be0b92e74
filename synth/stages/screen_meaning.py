"""Questions of a run that say the same in other words (`dedup.meanings`): the preferred one stays.

In: questions that passed all other checks, in the order of preference. Out: those that fall, each with the
question that stays, their cosine, and whether a judge said so.
"""

from collections.abc import Sequence

from synth.config import ScreenConfig
from synth.dedup.meanings import Bounds, Meanings, Same
from synth.dedup.paraphrases import Embed
from synth.dedup.tiers import Judge
from synth.stages.fallen import Fall

REASON = "same_meaning"
EVIDENCE = "meaning"


def same_meaning(
    texts: Sequence[str], config: ScreenConfig, embed: Embed | None, judge: Judge | None
) -> dict[int, Same]:
    """The texts that repeat one before them in meaning, by place; none where this is not looked for."""
    if not config.semantic or embed is None:
        return {}
    bounds = Bounds(config.semantic_cosine, config.semantic_agreement)
    return Meanings(embed, bounds, judge).repeated(texts)


def fall(place: int, kept_id: str, same: Same) -> Fall:
    """A question that falls for one that stays."""
    by = "as a judge found" if same.judged else "with the same quantities"
    evidence = {EVIDENCE: {"dup_of": kept_id, "cosine": same.cosine, "judged": same.judged}}
    return Fall(place, REASON, f"cosine {same.cosine:.3f}, {by}", kept_id, evidence)
