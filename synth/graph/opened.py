"""The graph of a run, for notebooks and analysis: in, a run folder; out, its lists, or a networkx graph.

The lists are kept beside the tables of the stage, mapped into memory, and made anew where the stage has been
computed anew. Edges are made for what is asked: all of them only where the graph is small enough.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synth import lock
from synth.errors import ConfigError, StoreError
from synth.graph import edges, store
from synth.graph.export import to_networkx as edges_of
from synth.graph.incidence import Incidence
from synth.graph.ranking import Ranking
from synth.numbers import uniques
from synth.store import StageStore
from synth.writing import write_bytes

if TYPE_CHECKING:
    import networkx as nx

LISTS, MADE_FROM = "lists", "made_from.json"
# How long is waited for another process that makes them: five minutes.
TRIES = 6000


def open_graph(run_folder: str | PathLike[str]) -> Ranking:
    """The incidence lists of a run's graph, mapped; made where they are not there, damaged, or of old rows.

    Raises:
        StoreError: the stage `graph` has not finished, or its folder cannot be written.
    """
    stage = StageStore(Path(run_folder), "graph")
    manifest = stage.manifest()
    if manifest is None:
        raise StoreError(f"{run_folder}: the stage `graph` has not finished; let it run, then look.")
    if found := _there(stage.folder, manifest.outcome):
        return found
    with _held(stage.folder):
        if found := _there(stage.folder, manifest.outcome):
            return found  # another process made them meanwhile
        store.write(Ranking.of(Incidence.from_table(stage.read("incidence"))), stage.folder / LISTS)
        write_bytes(stage.folder / LISTS / MADE_FROM, json.dumps(manifest.outcome).encode())
        return store.read(stage.folder / LISTS)


def _there(stage: Path, outcome: str) -> Ranking | None:
    """The lists of the rows that the stage has now; none where they are damaged: the tables are the truth."""
    with suppress(StoreError, OSError):
        if (stage / LISTS / MADE_FROM).read_bytes() == json.dumps(outcome).encode():
            return store.read(stage / LISTS)
    return None


@contextmanager
def _held(stage: Path) -> Iterator[None]:
    """One process at a time makes lists."""
    try:
        file = lock.take(stage, TRIES)
    except OSError as fault:
        said = "another process makes them" if isinstance(fault, BlockingIOError) else fault.strerror
        raise StoreError(f"Cannot write the lists of {stage}: {said}; run it again.") from fault
    try:
        yield
    finally:
        os.close(file)


def to_networkx(
    run_folder: str | PathLike[str],
    around: str | Iterable[str] | None = None,
    steps: int = 1,
    log: bool = False,
) -> "nx.Graph[str]":
    """The graph of a run with its names; with `around` only what is so many steps from some concept ids.

    Raises:
        ConfigError: the graph has no such concept.
        StoreError: the stage `graph` has not finished.
    """
    graph = open_graph(run_folder).incidence
    only = (
        None
        if around is None
        else neighbourhood(graph, [around] if isinstance(around, str) else around, steps)
    )
    made = edges_of(graph, only, log)
    rows = StageStore(Path(run_folder), "graph").read("concepts")
    names = zip(rows["concept_id"].to_pylist(), rows["name"].to_pylist(), strict=True)
    made.add_nodes_from((concept, {"name": name}) for concept, name in names if concept in made)
    return made


def write_edges(run_folder: str | PathLike[str], folder: str | PathLike[str]) -> int:
    """Write all edges of a run's graph as Parquet shards to a folder, in bounded memory; how many there are.

    Columns are `source`, `target` (concept ids), `kinds` and `passages`, those that hold both.

    Raises:
        StoreError: the stage `graph` has not finished, or the folder holds something else than edges.
    """
    return edges.write_edges(open_graph(run_folder).incidence, folder)


def neighbourhood(graph: Incidence, around: Iterable[str], steps: int) -> list[int]:
    """The numbers of some concepts and of all that a chain of so many passages joins to them.

    Raises:
        ConfigError: the graph has no such concept.
    """
    numbers = {concept: graph.find(concept) for concept in around}
    if unknown := [concept for concept, number in numbers.items() if number is None]:
        raise ConfigError(f"The graph has no concept {unknown[0]!r}; give ids of the table `concepts`.")
    reached = np.array(sorted(number for number in numbers.values() if number is not None), np.int64)
    for _ in range(steps):
        passages = uniques(graph.postings.of_many(reached))
        beside = (graph.topics.of_many(passages), graph.key_concepts.of_many(passages))
        reached = uniques(np.concatenate((reached, *beside)))
    return [int(number) for number in reached]
