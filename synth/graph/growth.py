"""A graph that grows: in, the arrays of a graph and the table of further passages; out, the arrays of both.

Nothing of the old passages is read or extracted anew. Which copies belong together may change with every new
document, so clusters come for all passages. What comes out is what one table of all passages gives.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from synth.errors import SchemaError
from synth.graph.incidence import COLUMNS, Incidence, Kind, Lists, Numbers


def grown(graph: Incidence, further: pa.Table, clusters: Mapping[str, str]) -> Incidence:
    """A graph with the passages of a further `incidence` table; `clusters` holds that of every passage.

    Raises:
        SchemaError: a passage is in both, a concept is of another kind in each, or a passage has no cluster.
    """
    new = Incidence.from_table(further)
    parts = (graph, new)
    concepts, concept_places = _united(graph.concepts, new.concepts)
    passages, passage_places = _united(graph.passages, new.passages)
    if len(passages) < len(graph.passages) + len(new.passages):
        both = min(set(graph.passages) & set(new.passages))
        raise SchemaError(f"incidence: passage {both} is in the graph already; add new passages only.")
    if missing := [passage for passage in passages if passage not in clusters]:
        raise SchemaError(f"clusters: {len(missing)} passages have none, for example {missing[0]}.")
    is_topic = np.zeros(len(concepts), np.bool_)
    for part, places in zip(parts, concept_places, strict=True):
        is_topic[places[part.is_topic]] = True
    for part, places in zip(parts, concept_places, strict=True):
        if (odd := np.flatnonzero(is_topic[places] != part.is_topic)).size:
            name = part.concepts[int(odd[0])]
            raise SchemaError(f"incidence: concept {name} is a topic in one part and none in the other.")
    lists: dict[Kind, Lists] = {
        kind: _joined([part.lists(kind) for part in parts], passage_places, concept_places)
        for kind in COLUMNS
    }
    numbers = np.unique(np.array([clusters[passage] for passage in passages], str), return_inverse=True)[1]
    return Incidence.of_lists(concepts, passages, is_topic, numbers, lists)


def _united(one: Sequence[str], other: Sequence[str]) -> tuple[tuple[str, ...], list[Numbers]]:
    """All names in order, and where those of each part stand among them."""
    names = tuple(sorted({*one, *other}))
    place = {name: number for number, name in enumerate(names)}
    return names, [np.array([place[name] for name in part], np.int64) for part in (one, other)]


def _joined(parts: list[Lists], owners: list[Numbers], items: list[Numbers]) -> Lists:
    pairs = [
        (np.repeat(mine, part.sizes), held[part.items])
        for part, mine, held in zip(parts, owners, items, strict=True)
    ]
    both = [np.concatenate(side) for side in zip(*pairs, strict=True)]
    return Lists.of_pairs(both[0], both[1], sum(map(len, owners)))
