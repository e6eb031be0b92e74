"""Weak concepts found in the graph of documents, and vectors of their names: what aimed combinations draw on.

In: concepts of failed problems, concepts of the graph where there is one. Out: arrays and pairs.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from synth.config import RunConfig
from synth.errors import EndpointError
from synth.graph.matching import NONE, Match, by_name, by_vector
from synth.graph.pool import Vectors, aligned
from synth.llm.client import Reply
from synth.llm.embeddings import Embedder
from synth.stages.calls import Services

Row = dict[str, Any]
STAGE = "combinations"


class Vocabulary:
    """Names with their vectors, each embedded once; nothing is similar where nothing is embedded."""

    def __init__(self, config: RunConfig, services: Services, stage: str = STAGE) -> None:
        self._config, self._services, self._stage = config, services, stage
        self._rows: dict[str, Any] = {}

    def vectors(self, names: Sequence[str]) -> Vectors | None:
        """Row `i` is the vector of `names[i]`, of length one or zero; None without an embedder.

        Raises:
            EndpointError: a name could not be embedded: a set drawn without it would be another one.
        """
        if self._stage == STAGE and not self._config.embeds_concepts:
            return None
        new = sorted({*names} - self._rows.keys())
        self._rows.update(zip(new, self._embedded(new), strict=True))
        known = list(self._rows)
        return aligned(names, known, np.array([self._rows[name] for name in known])) if known else None

    def _embedded(self, names: Sequence[str]) -> list[Any]:
        entry = self._config.roles.embedder
        embedder = Embedder(
            entry,
            self._config.endpoints()[entry],
            self._services.client,
            self._stage,
            self._services.calls.take,
        )
        found = embedder.embed(names)
        if failed := [row for row in found if isinstance(row, Reply)]:
            said = failed[0].detail or failed[0].reason
            raise EndpointError(
                f"models.{entry}: {len(failed)} of {len(names)} concepts could not be embedded ({said});"
                " run the same command again."
            )
        return list(found)


def match(
    weak: Mapping[str, str], graph: pa.Table | None, words: Vocabulary, least: float
) -> dict[str, Match]:
    """What the graph has for each weak concept (id -> name): by name, then by the nearest vector."""
    if graph is None:
        return {name: Match(name, None, NONE, 0.0) for name in weak}
    found = by_name(weak, graph)
    left = sorted(weak.keys() - found.keys())
    asked = words.vectors([weak[name] for name in left]) if left and graph.num_rows else None
    if asked is None:
        return found | {name: Match(name, None, NONE, 0.0) for name in left}
    known = words.vectors(graph["name"].to_pylist())
    return found if known is None else found | by_vector(left, asked, graph, known, least)


def match_rows(weak: Mapping[str, str], found: Mapping[str, Match]) -> Iterable[Row]:
    """Rows of the table `matches`."""
    for name, said in found.items():
        of = {"concept_id": said.concept_id, "tier": said.tier, "score": said.score}
        yield {"weak_id": name, "name": weak[name], **of}
