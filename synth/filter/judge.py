"""Which passages are worth reading: the filter as a whole (SynthLLM, filtering).

In: the ids of all candidates and a way to go through their texts. Out: a mark for each passage that could
be judged, and a verdict on each that falls. In mode `rate` the rater reads every one, in mode `distil` a
classifier learns from what it says of some (`distil`). Neither the order of the candidates nor where they
lie matters: whatever is drawn is drawn by id and seed.
"""

from collections.abc import Sequence

from synth.config import RunConfig
from synth.documents.survey import Judged, Mark, Verdict
from synth.filter.distil import distil
from synth.filter.ratings import Passages, Rated, rate
from synth.stages.calls import Services


def judge(ids: Sequence[str], passages: Passages, config: RunConfig, services: Services) -> Judged:
    """Marks and verdicts of the passages, as the settings have them judged."""
    if config.filter.mode == "none" or not ids:
        return Judged()
    if config.filter.mode == "distil":
        return distil(sorted(ids), passages, config, services)
    judged = Judged()
    for passage_id, rated in rate(passages, frozenset(ids), len(ids), config, services):
        _take(judged, passage_id, rated, config)
    read = len(judged.marks)
    kept = len(ids) - len(judged.fallen)
    services.say(
        f"Filter: {read:,} of {len(ids):,} passages rated, {kept:,} of them above "
        f"{config.filter.threshold:g} and kept ({kept / len(ids):.0%})."
    )
    return judged


def _take(judged: Judged, passage_id: str, rated: Rated, config: RunConfig) -> None:
    if rated.rating is None:
        judged.fallen[passage_id] = Verdict(rated.reason, rated.detail)
        judged.replies[passage_id] = {**rated.columns, "reply": rated.reply}
        return
    of = rated.columns
    judged.marks[passage_id] = Mark(
        float(rated.rating), rated.rating, of["model"], of["prompt_id"], of["call_id"]
    )
    if rated.rating <= config.filter.threshold:
        detail = f"rated {rated.rating}, not above {config.filter.threshold:g}"
        judged.fallen[passage_id] = Verdict("low_rating", detail)
