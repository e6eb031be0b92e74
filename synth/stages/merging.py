"""Names that are near, compared by a model: in, pairs of names; out, which are one concept."""

from collections.abc import Sequence
from typing import cast

from synth.config import RunConfig
from synth.errors import EndpointError
from synth.graph.merging import Confirm
from synth.prompts.replies import Sameness, Unparseable
from synth.stages.calls import Answered, Ask, Services, ask_all

STAGE = "graph"
Pairs = Sequence[tuple[str, str]]


def confirm_names(config: RunConfig, services: Services) -> Confirm | None:
    """How the extractor compares names; None where nobody is to be asked."""
    if config.graph.merge != "confirmed":
        return None
    return lambda pairs: [_same(answered) for answered in ask_names(pairs, config, services)]


def ask_names(pairs: Pairs, config: RunConfig, services: Services) -> list[Answered]:
    """One call for each pair."""
    prompt = services.prompts.get(config.prompts.same_concept)
    asks = [
        Ask("\n".join(pair), prompt, dict(zip(("question", "other"), pair, strict=True))) for pair in pairs
    ]
    return list(ask_all(asks, STAGE, "extractor", config.prompts.judging_sampling, config, services))


def _same(answered: Answered) -> bool:
    """What the model says; what cannot be read joins nothing.

    Raises:
        EndpointError: the call was not answered: a graph made without it would be another one.
    """
    if fault := answered.fault():
        raise EndpointError(
            f"graph: names could not be compared ({fault[1] or fault[0]}); run the same command again."
        )
    try:
        return cast(Sameness, answered.parse_one()).outcome == "same"
    except Unparseable:
        return False
