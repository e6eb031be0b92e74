"""The concept graph as an object: in, incidence; out, a networkx graph or a GraphML file (SynthLLM, level 3).

Edges join concepts that share a passage; their weight counts such passages. Every pair of concepts of
a passage is an edge, so a whole corpus may be too much for one machine: `only` keeps a part of it.
"""

import itertools
import math
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import networkx as nx
import pyarrow as pa

from synth.graph.incidence import Incidence

EPSILON = 1e-5


def to_networkx(
    incidence: Incidence, only: Collection[int] | None = None, log: bool = False
) -> "nx.Graph[str]":
    """Concept ids as nodes with their `kind`, passages in common as `weight` of the edges.

    With `log` the weight is log(count + 1e-5), as the paper writes it.
    """
    nodes = range(len(incidence.concepts)) if only is None else sorted(only)
    graph: nx.Graph[str] = nx.Graph()
    for node in nodes:
        kind = "topic" if incidence.is_topic[node] else "key_concept"
        graph.add_node(incidence.concepts[node], kind=kind)
    for (a, b), count in sorted(_counts(incidence, set(nodes)).items()):
        weight = math.log(count + EPSILON) if log else count
        graph.add_edge(incidence.concepts[a], incidence.concepts[b], weight=weight)
    return graph


def _counts(incidence: Incidence, nodes: set[int]) -> Counter[tuple[int, int]]:
    passages = {p for node in nodes for p in incidence.postings.of(node).tolist()}
    counts: Counter[tuple[int, int]] = Counter()
    for passage in passages:
        found = incidence.topics.of(passage).tolist() + incidence.key_concepts.of(passage).tolist()
        counts.update(itertools.combinations(sorted(nodes.intersection(found)), 2))
    return counts


def write_graphml(graph: "nx.Graph[str]", concepts: pa.Table, path: Path) -> None:
    """Write a graph of `to_networkx` for Gephi, Cytoscape and the like, with names and counts."""
    named = graph.copy()
    for row in concepts.select(["concept_id", "name", "passages", "documents", "degree"]).to_pylist():
        if row["concept_id"] in named:
            named.nodes[row.pop("concept_id")].update(row)
    for _, attributes in named.nodes(data=True):
        # XML has no form for control characters, and names come from a model.
        name = str(attributes.get("name", ""))
        attributes["name"] = "".join(c if c.isprintable() else " " for c in name)
    nx.write_graphml_xml(named, path, named_key_ids=True)
