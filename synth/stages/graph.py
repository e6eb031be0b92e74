"""Mentions in, the concept graph out: nodes, and the concepts of each passage (SynthLLM, section 3).

Edges are not written: the incidence lists hold them all (SynthLLM, level 3). A concept counts once for each
passage, however often it is named there. With `min_passages` above 1 rare concepts are dropped, which
MathScale does and SynthLLM does not mention.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa

from synth.config import GraphConfig
from synth.errors import SchemaError
from synth.graph.incidence import Incidence
from synth.graph.merging import Concept, Confirm, Merge, merges, relabelled
from synth.graph.pool import Vectors
from synth.graph.statistics import neighbour_counts
from synth.stages.base import Output, Rejected, make_table
from synth.text import counted

Row = dict[str, Any]
Embed = Callable[[Sequence[str]], Vectors | None]
MENTION = ("mention_id", "passage_id", "concept_id", "kind", "name", "surface")


def build_graph(
    mentions: pa.Table,
    extractions: pa.Table,
    passages: pa.Table,
    config: GraphConfig,
    embed: Embed = lambda names: None,
    say: Callable[[str], None] = lambda note: None,
    confirm: Confirm | None = None,
) -> Output:
    """The graph of all mentions; mentions of pruned concepts are rejected.

    `embed` gives vectors of names, `confirm` says which near names are one concept.

    Raises:
        SchemaError: a mention belongs to a passage that was not read or not extracted from.
    """
    homes = {row["passage_id"]: row for row in _columns(passages, "passage_id", "document_id", "cluster_id")}
    rows = sorted(_columns(mentions, *MENTION), key=lambda row: str(row["mention_id"]))
    _check_origin(rows, homes.keys() & set(extractions["passage_id"].to_pylist()))
    joined = _merges(rows, config, embed, confirm)
    if joined:
        before = len({row["concept_id"] for row in rows})
        left = before - len(joined)
        say(f"{len(joined):,} names were taken for others: {before:,} concepts became {left:,}.")
    rows = relabelled(rows, {merge.merged_id: merge for merge in joined})
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["concept_id"]].append(row)
    counts = {concept: len({row["passage_id"] for row in named}) for concept, named in found.items()}
    kept = {concept: named for concept, named in found.items() if counts[concept] >= config.min_passages}
    stay = [row for row in rows if row["concept_id"] in kept]
    incidence = make_table("incidence", _incidence(stay, homes))
    degrees = _degrees(incidence)
    nodes = [_node(named, homes) | {"degree": degrees[concept]} for concept, named in kept.items()]
    return Output(
        tables={
            "concepts": make_table("concepts", nodes),
            "incidence": incidence,
            "merges": make_table("merges", [merge._asdict() for merge in joined]),
        },
        inputs=frozenset(row["mention_id"] for row in rows),
        parents=frozenset(row["mention_id"] for row in stay),
        rejected=[
            _pruned(row, counts[row["concept_id"]], config) for row in rows if row["concept_id"] not in kept
        ],
    )


def _merges(rows: list[Row], config: GraphConfig, embed: Embed, confirm: Confirm | None) -> list[Merge]:
    if config.merge == "off" or not rows:
        return []
    passages: dict[tuple[str, str], set[str]] = defaultdict(set)
    names: dict[str, str] = {}
    for row in rows:
        passages[row["concept_id"], row["kind"]].add(row["passage_id"])
        names[row["concept_id"]] = min(row["name"], names.get(row["concept_id"], row["name"]))
    concepts = [Concept(id_, kind, names[id_], len(found)) for (id_, kind), found in sorted(passages.items())]
    vectors = embed([concept.name for concept in concepts]) if config.merge != "spelling" else None
    return merges(concepts, vectors, config.merge_similarity, config.merge_names, confirm)


def _columns(table: pa.Table, *names: str) -> list[Row]:
    rows: list[Row] = table.select(names).to_pylist()
    return rows


def _check_origin(rows: Iterable[Row], known: set[str]) -> None:
    for row in rows:
        if row["passage_id"] not in known:
            raise SchemaError(
                f"mentions: {row['mention_id']} is of passage {row['passage_id']}, which is not among the "
                "passages and extractions; run the stages documents and concepts again."
            )


def _incidence(rows: Iterable[Row], homes: dict[str, Row]) -> list[Row]:
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: {"topic": set(), "key_concept": set()})
    for row in rows:
        found[row["passage_id"]][row["kind"]].add(row["concept_id"])
    return [
        {
            "passage_id": passage,
            "cluster_id": homes[passage]["cluster_id"],
            "topics": sorted(kinds["topic"]),
            "key_concepts": sorted(kinds["key_concept"]),
        }
        for passage, kinds in found.items()
    ]


def _degrees(incidence: pa.Table) -> dict[str, int]:
    graph = Incidence.from_table(incidence)
    topics, key_concepts = neighbour_counts(graph)
    return dict(zip(graph.concepts, (topics + key_concepts).tolist(), strict=True))


def _node(named: list[Row], homes: dict[str, Row]) -> Row:
    passages = {row["passage_id"] for row in named}
    return {
        "concept_id": named[0]["concept_id"],
        "kind": named[0]["kind"],
        "name": min(row["name"] for row in named),
        "surfaces": sorted({row["surface"] for row in named}),
        "passages": len(passages),
        "documents": len({homes[passage]["document_id"] for passage in passages}),
    }


def _pruned(row: Row, passages: int, config: GraphConfig) -> Rejected:
    detail = f"{row['name']!r} is found in {counted(passages, 'passage')}, fewer than {config.min_passages}"
    return Rejected(row["mention_id"], row["passage_id"], "pruned", detail, row=row)
