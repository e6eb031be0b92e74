"""Passages and the graph in, combinations out: three levels (SynthLLM, section 3).

Level 1 takes a passage as it is, level 2 recombines the concepts of one passage, level 3 those of many:
one walk from every topic in every epoch. Ours, as the paper is silent: nothing comes twice in a walk, walks
that end too short are rejected, and a set that was drawn before is drawn anew.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from synth.config import CombinationsConfig
from synth.errors import SchemaError
from synth.graph.draws import said_of
from synth.graph.epochs import KEPT, TOO_SMALL, Epoch, epochs
from synth.graph.incidence import Incidence
from synth.graph.ranking import Ranking
from synth.graph.references import Finder, References, Rule
from synth.graph.sets import draw_sets
from synth.graph.walk import Walk
from synth.ids import content_id, stream
from synth.stages.base import Output, Rejected, make_table
from synth.text import counted

Row = dict[str, Any]
STAGE = "combinations"


@dataclass(frozen=True, slots=True)
class Graph:
    """What every level draws from."""

    index: Incidence
    names: Mapping[str, str]
    finder: Finder
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
    graph: pa.Table | Ranking,
    mentions: pa.Table,
    config: CombinationsConfig,
    seed: int,
    say: Callable[[str], None] = lambda note: None,
) -> Output:
    """Combinations of every level that is on; each passage and each topic is accounted for.

    `graph` is the table `incidence`, or its lists as they are stored; `say` hears what became of all draws.

    Raises:
        SchemaError: the tables are not of one graph.
    """
    ranking = graph if isinstance(graph, Ranking) else Ranking.of(Incidence.from_table(graph))
    index = ranking.incidence
    names = dict(zip(concepts["concept_id"].to_pylist(), concepts["name"].to_pylist(), strict=True))
    if odd := names.keys() ^ set(index.concepts):
        raise SchemaError(
            f"concepts: {min(odd)} is not in both concepts and incidence; run stage graph again."
        )
    whole = Graph(index, names, Finder(ranking, rule_of(config), seed), seed)
    drawn = _of_passages(passages, mentions, whole, config) | _of_topics(whole, config, say)
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


def rule_of(config: CombinationsConfig) -> Rule:
    """What the settings ask of references."""
    contained = config.reference_score == "containment"
    return Rule(config.references, config.different_clusters, contained, config.covers_new_concept)


def _of_topics(graph: Graph, config: CombinationsConfig, say: Callable[[str], None]) -> dict[str, Drawn]:
    """Level 3, in a seeded order of topics, so that a limit takes the first of the unlimited run."""
    if config.level3 == "off":
        return {}
    drawn = {
        graph.index.concepts[topic]: Drawn(graph.index.concepts[topic])
        for topic in graph.index.by_kind["topic"].tolist()
    }
    ids, tries = dict[int, str](), Counter[str]()
    for epoch in epochs(graph.index, config, graph.seed):
        _of_epoch(epoch, drawn, ids, graph, config)
        tries.update(epoch.tries)
        if config.max_level3 and len(ids) >= config.max_level3:
            break
    say(f"Level 3, {config.level3}: {said_of(tries)}")
    for topic, of_topic in drawn.items():
        if not of_topic.rows and not of_topic.failed:
            of_topic.failed.append(_failed(topic, 0, "not_sampled", _why_not(topic, graph, config), graph))
    return drawn


def _of_epoch(
    epoch: Epoch, drawn: dict[str, Drawn], ids: dict[int, str], graph: Graph, config: CombinationsConfig
) -> None:
    """Rows and failed draws of an epoch, up to the limit; `ids` are the combinations by number of the set."""
    kept = epoch.kept
    if config.max_level3:
        kept = kept[: config.max_level3 - len(ids)]
    # What comes after the last set that a limit lets in has not been drawn.
    last = len(epoch.starts) if len(kept) == len(epoch.kept) else int(kept[-1]) + 1
    walks = [epoch.walks[place] for place in range(last)]
    topics = [graph.index.concepts[start] for start in epoch.starts[:last].tolist()]
    found = graph.finder.find([walks[place].concepts for place in kept.tolist()])
    for place, references in zip(kept.tolist(), found, strict=True):
        row = _walked(topics[place], walks[place], references, graph, config)
        ids[int(epoch.numbers[place])] = row["combination_id"]
        drawn[topics[place]].rows.append(row)
    for topic, walk, reason, number in zip(
        topics, walks, epoch.reasons, epoch.numbers.tolist(), strict=False
    ):
        if reason != KEPT:
            failed = _failed(topic, epoch.epoch, reason, _why(reason, walk, config), graph, walk)
            drawn[topic].failed.append(failed._replace(clash_id=ids.get(number)))


def _why(reason: str, walk: Walk, config: CombinationsConfig) -> str:
    if reason == TOO_SMALL:
        return f"{len(walk.concepts)} concepts, {len(walk.key_concepts)} of them key concepts"
    return f"every one of {config.retries + 1} draws is a set drawn before"


def _why_not(topic: str, graph: Graph, config: CombinationsConfig) -> str:
    passages = int(graph.index.postings.sizes[graph.index.number(topic)])
    if passages < config.min_passages:
        return f"found in {counted(passages, 'passage')}, fewer than {config.min_passages}"
    return f"{config.max_level3} level-3 sets were kept before its turn came"


def _walked(topic: str, drawn: Walk, best: References, graph: Graph, config: CombinationsConfig) -> Row:
    index = graph.index
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
