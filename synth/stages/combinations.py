"""Passages and the graph in, combinations out: three levels (METHOD 2.3, 2.5, 2.6; SynthLLM 3).

Level 1 takes a passage as it is, level 2 recombines the concepts of one passage, level 3 those of many:
one walk from every topic in every epoch. Where the paper is silent METHOD 2.6.3 decides: nothing comes
twice in a walk, walks that end too short are rejected, and a set that was drawn before is drawn anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from synth.config import CombinationsConfig
from synth.errors import SchemaError
from synth.graph.incidence import Incidence, Numbers
from synth.graph.references import tie_order, top_references
from synth.graph.sets import draw_sets
from synth.graph.walk import Walk, uniform, walk
from synth.ids import content_id, digest, stream
from synth.stages.base import Output, Rejected, make_table

Row = dict[str, Any]
STAGE = "combinations"
SAMPLERS = {"graph_walk": walk, "uniform": uniform}


@dataclass(frozen=True, slots=True)
class Graph:
    """What every level draws from."""

    index: Incidence
    names: Mapping[str, str]
    order: Numbers
    seed: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came of one input: its combinations, and its draws that failed."""

    source: str
    rows: list[Row] = field(default_factory=list)
    failed: list[Rejected] = field(default_factory=list)


def sample_combinations(
    passages: pa.Table,
    concepts: pa.Table,
    incidence: pa.Table,
    mentions: pa.Table,
    config: CombinationsConfig,
    seed: int,
) -> Output:
    """Combinations of every level that is on; each passage and each topic is accounted for.

    Raises:
        SchemaError: the tables are not of one graph.
    """
    index = Incidence.from_table(incidence)
    names = dict(zip(concepts["concept_id"].to_pylist(), concepts["name"].to_pylist(), strict=True))
    if odd := names.keys() ^ set(index.concepts):
        raise SchemaError(
            f"concepts: {min(odd)} is not in both concepts and incidence; run stage graph again."
        )
    graph = Graph(index, names, tie_order(index, seed), seed)
    drawn = _of_passages(passages, mentions, graph, config) | _of_topics(graph, config)
    return Output(
        tables={"combinations": make_table("combinations", [row for d in drawn.values() for row in d.rows])},
        inputs=frozenset(drawn),
        parents=frozenset(start for start, d in drawn.items() if d.rows),
        rejected=[rejected for start, d in drawn.items() for rejected in _account(start, d)],
    )


def _account(start: str, drawn: Drawn) -> list[Rejected]:
    """Failed draws one by one; for an input without any combination, one row for them all."""
    if drawn.rows:
        return drawn.failed
    first = drawn.failed[0]
    more = f"; {len(drawn.failed)} draws failed" if len(drawn.failed) > 1 else ""
    return [first._replace(row_id=start, source=drawn.source, detail=first.detail + more)]


def _combination(
    graph: Graph, sampler: tuple[str, str], start: str, concepts: tuple[list[str], list[str]],
    references: list[tuple[str, float]], steps: tuple[Row, ...] = (),
) -> Row:  # fmt: skip
    topics, key_concepts = concepts
    passages = [passage for passage, _ in references]
    return {
        "combination_id": content_id("cmb", *sampler, sorted(topics + key_concepts), passages),
        "level": sampler[0],
        "sampler": sampler[1],
        "start_id": start,
        "topics": topics,
        "key_concepts": key_concepts,
        "names": [graph.names[concept] for concept in topics + key_concepts],
        "walk": list(steps),
        "references": passages,
        "scores": [score for _, score in references],
    }


def _of_passages(
    passages: pa.Table, mentions: pa.Table, graph: Graph, config: CombinationsConfig
) -> dict[str, Drawn]:
    """Levels 1 and 2."""
    if config.level1 == config.level2 == "off":
        return {}
    listed = _listed_under(mentions) if config.level2 == "code_chooses" else {}
    rows = passages.select(["passage_id", "document_id", "title"]).sort_by("passage_id").to_pylist()
    return {row["passage_id"]: _of_passage(row, listed, graph, config) for row in rows}


def _listed_under(mentions: pa.Table) -> dict[tuple[str, str], str]:
    """The topic that each key concept of each passage was listed under."""
    columns = (mentions[name].to_pylist() for name in ("passage_id", "concept_id", "topic_id"))
    return {(passage, concept): topic for passage, concept, topic in zip(*columns, strict=True) if topic}


def _of_passage(
    row: Row, listed: Mapping[tuple[str, str], str], graph: Graph, config: CombinationsConfig
) -> Drawn:
    passage = row["passage_id"]
    drawn = Drawn(row["document_id"])
    number = graph.index.passage_number(passage)
    topics, key_concepts = ([], []) if number is None else (
        graph.index.ids(graph.index.topics.of(number)), graph.index.ids(graph.index.key_concepts.of(number))
    )  # fmt: skip
    whole = (passage, (topics, key_concepts), [(passage, 1.0)])
    if config.level1 != "off":
        drawn.rows.append(_combination(graph, ("level1", config.level1), *whole))
    if config.level2 == "off":
        return drawn
    if len(key_concepts) < 2:
        detail = f"level 2 combines two key concepts or more; the passage has {len(key_concepts)}"
        drawn.failed.append(Rejected(content_id("set", passage), passage, "no_concepts", detail, row=row))
    elif config.level2 == "model_chooses":
        drawn.rows.append(_combination(graph, ("level2", config.level2), *whole))
    else:
        topic_of = {concept: listed.get((passage, concept), "") for concept in key_concepts}
        drawn.rows.extend(_code_chooses(passage, topics, topic_of, graph, config))
    return drawn


def _code_chooses(
    passage: str, topics: list[str], topic_of: Mapping[str, str], graph: Graph, config: CombinationsConfig
) -> Iterator[Row]:
    """Small sets of key concepts, each with the topics they were listed under."""
    rng = stream(graph.seed, STAGE, passage)
    for chosen in draw_sets(rng, topic_of, config.level2_sets):
        over = sorted({topic_of[concept] for concept in chosen}.intersection(topics))
        score = (len(over) + len(chosen)) / (len(topics) + len(topic_of))
        concepts = (over, list(chosen))
        yield _combination(graph, ("level2", "code_chooses"), passage, concepts, [(passage, score)])


def _of_topics(graph: Graph, config: CombinationsConfig) -> dict[str, Drawn]:
    """Level 3: in a seeded order of topics, so that a limit takes the first of the unlimited run."""
    if config.level3 == "off":
        return {}
    topics = [graph.index.concepts[number] for number in graph.index.by_kind["topic"]]
    drawn = {topic: Drawn(topic) for topic in topics}
    kept: dict[tuple[int, ...], str] = {}
    order = sorted(topics, key=lambda topic: digest(graph.seed, STAGE, topic))
    for epoch, topic in ((epoch, topic) for epoch in range(config.epochs) for topic in order):
        if config.max_level3 and len(kept) >= config.max_level3:
            break
        made = _of_topic(topic, epoch, kept, graph, config)
        if isinstance(made, Rejected):
            drawn[topic].failed.append(made)
        else:
            drawn[topic].rows.append(made)
    for topic, of_topic in drawn.items():
        if not of_topic.rows and not of_topic.failed:
            detail = f"{config.max_level3} level-3 sets were kept before its turn came"
            of_topic.failed.append(_failed(topic, 0, "not_sampled", detail, graph))
    return drawn


def _of_topic(
    topic: str, epoch: int, kept: dict[tuple[int, ...], str], graph: Graph, config: CombinationsConfig
) -> Row | Rejected:
    """One set of one epoch, new among those kept so far; it is added to them."""
    start = graph.index.number(topic)
    key: tuple[int, ...] = ()
    for attempt in range(config.retries + 1):
        rng = stream(graph.seed, STAGE, f"{topic}:{epoch}:{attempt}")
        drawn = SAMPLERS[config.level3](rng, graph.index, start, config)
        if not drawn.key_concepts or len(drawn.concepts) < config.min_concepts:
            detail = f"{len(drawn.concepts)} concepts, {len(drawn.key_concepts)} of them key concepts"
            return _failed(topic, epoch, "dead_end", detail, graph, drawn)
        key = tuple(sorted(drawn.concepts))
        if key not in kept:
            row = _walked(topic, drawn, graph, config)
            kept[key] = row["combination_id"]
            return row
    detail = f"every one of {config.retries + 1} draws is a set drawn before"
    return _failed(topic, epoch, "repeated", detail, graph, drawn)._replace(clash_id=kept[key])


def _walked(topic: str, drawn: Walk, graph: Graph, config: CombinationsConfig) -> Row:
    index = graph.index
    best = top_references(index, drawn.concepts, config.references, config.different_clusters, graph.order)
    references = [(index.passages[passage], score) for passage, score in best]
    concepts = index.ids(drawn.topics), index.ids(drawn.key_concepts)
    return _combination(graph, ("level3", config.level3), topic, concepts, references, _steps(drawn, graph))


def _steps(drawn: Walk, graph: Graph) -> tuple[Row, ...]:
    passages = graph.index.passages
    return tuple(
        {
            "phase": step.phase,
            "concept_id": graph.index.concepts[step.concept],
            "passage_id": None if step.passage is None else passages[step.passage],
        }
        for step in drawn.steps
    )


def _failed(
    topic: str, epoch: int, reason: str, detail: str, graph: Graph, drawn: Walk | None = None
) -> Rejected:
    names = [graph.names[graph.index.concepts[c]] for c in drawn.concepts] if drawn else []
    row = {"topic": graph.names[topic], "epoch": epoch, "names": names}
    return Rejected(content_id("walk", topic, epoch), topic, reason, detail, row=row)
