"""Contamination of questions and of the passages that they were made from.

In: questions that passed every check of their own, passages, tiers. Out: those that overlap no item of a
benchmark, and the others as rejected rows that name the item and the tier, and quote nothing. A passage that
holds an item has shown it to the model, so what was made of it falls as well, however it reads.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from synth.config import RunConfig, ScreenConfig
from synth.dedup.benchmarks import Item
from synth.dedup.contamination import SHARE, Decontaminator, Hit
from synth.dedup.embedding import embed_with
from synth.dedup.paraphrases import Embed
from synth.dedup.tiers import Judge, Settings, Tiers
from synth.prompts.replies import Sameness, Unparseable
from synth.stages.calls import Answered, Ask, Services, ask_all
from synth.stages.fallen import Fall

REASON, STAGE = "contaminated", "screen"
# Where the text stood that overlaps an item.
QUESTION, PASSAGE = "question", "passage"
EVIDENCE = "contamination"


def tiers_of(
    items: Sequence[Item], config: ScreenConfig, embed: Embed | None = None, judge: Judge | None = None
) -> Tiers:
    """The tiers of a run."""
    settings = Settings(
        config.benchmark_ngram,
        config.benchmark_jaccard,
        config.paraphrase_cosine,
        config.paraphrase_agreement,
    )
    seeks = embed if config.paraphrases else None
    return Tiers(items, settings, seeks, judge if seeks else None)


def embed_of(config: RunConfig, services: Services) -> Embed | None:
    """How the run embeds questions and items; None where it looks for no paraphrases."""
    if not config.embeds_questions:
        return None
    entry = config.roles.embedder
    return embed_with(entry, config.endpoints()[entry], services.client, STAGE, services.calls.take)


def judge_of(config: RunConfig, services: Services) -> Judge | None:
    """How the first judge compares two texts; None where nobody judges or nothing is near."""
    if not (config.embeds_questions and config.roles.judge):
        return None
    return judge_with(config.roles.judge[0], config, services)


def judge_with(entry: str, config: RunConfig, services: Services, stage: str = STAGE) -> Judge:
    """How an entry compares a question with another one, or with an item of a benchmark.

    What it is asked holds the item, and so does the journal of calls, which is never published.
    """
    prompt, sampling = services.prompts.get(config.prompts.same_problem), config.prompts.judging_sampling

    def judge(pairs: Sequence[tuple[str, str]]) -> list[bool | None]:
        asks = [
            Ask(str(number), prompt, {"question": question, "other": other})
            for number, (question, other) in enumerate(pairs)
        ]
        answers = ask_all(asks, stage, "judge", sampling, config, services, entry)
        return [_same(answered) for answered in answers]

    return judge


def _same(answered: Answered) -> bool | None:
    """What the judge says; None where its call failed, or its reply cannot be read."""
    if answered.fault():
        return None
    try:
        said = cast(Sameness, answered.parse_one()).outcome
    except Unparseable:
        return None
    return None if said is None else said == "same"


def holding(benchmarks: Decontaminator, texts: Mapping[str, str]) -> dict[str, Hit]:
    """The passages (id -> text) that hold an item, or so much of one that it would come through the prompt.

    A run of words that a long passage shares with an item is no item.
    """
    names = list(texts)
    found = zip(names, benchmarks.check_all([texts[name] for name in names]), strict=True)
    return {name: hit for name, hit in found if hit is not None and hit.score >= SHARE}


def fall(place: int, hit: Hit, where: str = QUESTION) -> Fall:
    """A contaminated question, with its evidence; the id of the clash is the item."""
    said = f"{hit.benchmark}, item {hit.item}, tier {hit.tier}, score {hit.score:.2f}"
    detail = said if where == QUESTION else f"a {where} in its prompt: {said}"
    evidence = {EVIDENCE: {**hit._asdict(), "where": where}}
    return Fall(place, REASON, detail, f"{hit.benchmark}/{hit.item}", evidence)
