"""Passages in, mentions of concepts out (SynthLLM, concepts).

Departs from the paper where the config says so: names are joined by canonical form, and with
`grounded` a name must occur in its passage, which the smallest models need.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from synth.config import ConceptsConfig, RunConfig
from synth.graph.names import canonical, clean, is_grounded, stems
from synth.ids import content_id
from synth.prompts.replies import Topic, Unparseable
from synth.stages.base import Output, Rejected, make_table
from synth.stages.calls import Answered, Ask, Services, ask_all
from synth.stages.orders import copied_order, harmless_title

Row = dict[str, Any]
# No term of any field is longer; a "word" of a thousand letters is a model that has lost its way.
MOST_CHARS = 200


def extract_concepts(passages: pa.Table, config: RunConfig, services: Services) -> Output:
    """One call per passage; a passage without a usable concept is rejected."""
    rows = {row["passage_id"]: row for row in passages.to_pylist()}
    prompt = services.prompts.get(config.prompts.concepts)
    asks = [Ask(row_id, prompt, _variables(row, config.concepts)) for row_id, row in rows.items()]
    mentions: list[Row] = []
    extractions: list[Row] = []
    rejected: list[Rejected] = []
    for answered in ask_all(
        asks, "concepts", "extractor", config.prompts.concepts_sampling, config, services
    ):
        found, failed = read_extraction(answered, rows[answered.ask.row_id], config.concepts)
        rejected += failed
        if found:
            mentions += found
            extractions.append(_extraction(answered, found))
    return Output(
        tables={
            "mentions": make_table("mentions", mentions),
            "extractions": make_table("extractions", extractions),
        },
        inputs=frozenset(rows),
        parents=frozenset(row["passage_id"] for row in extractions),
        rejected=rejected,
    )


def read_extraction(
    answered: Answered, passage: Row, config: ConceptsConfig
) -> tuple[list[Row], list[Rejected]]:
    """Mentions of one reply, and what of it was rejected."""
    passage_id = passage["passage_id"]
    if fault := answered.fault():
        return [], [answered.reject(passage_id, passage["document_id"], *fault)]
    try:
        parsed = answered.parse()
    except Unparseable as fault:
        return [], [answered.reject(passage_id, passage["document_id"], "unparseable", str(fault))]
    rejected = [
        answered.reject(
            content_id("failed", passage_id, answered.reply.call_id, place), passage_id, "unparseable", detail
        )
        for place, detail, _ in parsed.faults
    ]
    topics = [topic for _, topic in parsed.items]
    names = list(_names(topics, config))
    kept, failed = _select(names, passage, answered, config)
    if not any(row["kind"] == "key_concept" for row in kept):
        detail = f"{len(topics)} topics named, no usable key concept"
        return [], [answered.reject(passage_id, passage["document_id"], "no_concepts", detail)]
    return kept, rejected + failed


def _names(topics: list[Topic], config: ConceptsConfig) -> Iterator[tuple[str, str, str | None, bool]]:
    """(kind, name, topic it stands under, within the caps) in the order of the reply."""
    for i, topic in enumerate(topics):
        listed = i < config.max_topics
        yield "topic", topic.name, None, listed
        for j, name in enumerate(topic.key_concepts):
            yield "key_concept", name, topic.name, listed and j < config.max_key_concepts


def _select(
    names: list[tuple[str, str, str | None, bool]],
    passage: Row,
    answered: Answered,
    config: ConceptsConfig,
) -> tuple[list[Row], list[Rejected]]:
    passage_id, words = passage["passage_id"], stems([passage["text"], passage["title"]])
    kept: dict[str, Row] = {}
    rejected: list[Rejected] = []
    for rank, (kind, surface, topic, listed) in enumerate(names):
        name = concept_name(surface, config)
        fault = _fault(kind, name, listed, words, config)
        # A name goes into later prompts, where nothing would delimit an order that the passage gave.
        if fault is None and copied_order(surface, [passage["title"], passage["text"]]):
            fault = "instruction"
        if fault:
            failed = content_id("failed", passage_id, answered.reply.call_id, "name", rank)
            rejected.append(answered.reject(failed, passage_id, fault, f"{kind}: {surface[:200]}"))
            continue
        concept_id = content_id("con", kind, name)
        topic_id = content_id("con", "topic", concept_name(topic, config)) if topic else None
        mention: Row = {"mention_id": content_id("men", passage_id, concept_id), "passage_id": passage_id}
        mention |= {"concept_id": concept_id, "kind": kind, "name": name, "surface": surface.strip()}
        mention |= {"topic_id": topic_id, "rank": rank, **answered.columns}
        # The same concept twice in one passage is one mention (SynthLLM, level 3): the first stays.
        kept.setdefault(concept_id, mention)
    return list(kept.values()), rejected


def concept_name(surface: str, config: ConceptsConfig) -> str:
    """The name that a concept is known by under this configuration."""
    return canonical(surface) if config.canonical else clean(surface)


def _fault(kind: str, name: str, listed: bool, words: frozenset[str], config: ConceptsConfig) -> str | None:
    if not name:
        return "empty"
    if not listed:
        return "surplus"
    if len(name.split()) > config.max_words or len(name) > MOST_CHARS:
        return "too_long"
    # A topic is a heading, which its text need not repeat; a key concept must stand in the text.
    if config.grounded and kind == "key_concept" and not is_grounded(name, words):
        return "not_grounded"
    return None


def _variables(row: Row, config: ConceptsConfig) -> Row:
    most = {"max_topics": config.max_topics, "max_key_concepts": config.max_key_concepts}
    return {"title": harmless_title(row["title"], row["source"]), "passage": row["text"], **most}


def _extraction(answered: Answered, found: list[Row]) -> Row:
    head = answered.parse().head
    topics = sum(row["kind"] == "topic" for row in found)
    counts = {"topics": topics, "key_concepts": len(found) - topics}
    named = {"level": getattr(head, "level", None), "subject": getattr(head, "subject", None)}
    return {"passage_id": found[0]["passage_id"], **named, **counts, **answered.columns}
