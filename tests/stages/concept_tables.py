"""Tables as the stages before the graph would write them, from a few lines of names."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from synth.config import GraphConfig
from synth.ids import content_id
from synth.stages.base import make_table
from synth.stages.graph import build_graph

CALL = {"call_id": "call", "prompt_id": "concepts.v1", "prompt_sha": "sha", "model": "made up"}
# Topics of a passage, each with the key concepts listed under it.
Found = Mapping[str, Sequence[str]]


def topic(name: str) -> str:
    return content_id("con", "topic", name)


def key_concept(name: str) -> str:
    return content_id("con", "key_concept", name)


def passages_table(names: Sequence[str], clusters: Mapping[str, str] | None = None) -> pa.Table:
    def row(position: int, name: str) -> dict[str, object]:
        document = f"doc_{name.split('/')[0]}"
        return {
            "passage_id": name,
            "document_id": document,
            "source": f"{document}.md",
            "title": name,
            "language": "en",
            "licence": None,
            "cluster_id": (clusters or {}).get(name, document),
            "position": position,
            "start": 0,
            "end": 4,
            "text": "text",
        }

    return make_table("passages", [row(i, name) for i, name in enumerate(names)])


def mention(passage: str, kind: str, name: str, under: str | None = None) -> dict[str, object]:
    concept = content_id("con", kind, name)
    return {
        "mention_id": content_id("men", passage, concept),
        "passage_id": passage,
        "concept_id": concept,
        "kind": kind,
        "name": name,
        "surface": f"{name} of {passage}",
        "topic_id": topic(under) if under else None,
        "rank": 0,
        **CALL,
    }


def mentions_table(found: Mapping[str, Found]) -> pa.Table:
    rows = {}
    for passage, topics in found.items():
        named = [mention(passage, "topic", t) for t in topics]
        named += [mention(passage, "key_concept", k, t) for t, ks in topics.items() for k in ks]
        for row in named:
            rows.setdefault(row["mention_id"], row)
    return make_table("mentions", rows.values())


def extractions_table(names: Sequence[str]) -> pa.Table:
    counts = {"level": None, "subject": None, "topics": 1, "key_concepts": 1}
    return make_table("extractions", [{"passage_id": name, **counts, **CALL} for name in names])


def graph_inputs(
    found: Mapping[str, Found], clusters: Mapping[str, str] | None = None
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Mentions, extractions and passages."""
    names = list(found)
    return mentions_table(found), extractions_table(names), passages_table(names, clusters)


def combination_inputs(
    found: Mapping[str, Found], clusters: Mapping[str, str] | None = None
) -> tuple[pa.Table, pa.Table, pa.Table, pa.Table]:
    """Passages, concepts, incidence and mentions."""
    mentions, extractions, passages = graph_inputs(found, clusters)
    tables = build_graph(mentions, extractions, passages, GraphConfig()).tables
    return passages, tables["concepts"], tables["incidence"], mentions
