"""One measurement of the graph in a process of its own: in, what and how large; out, a line of JSON.

    python -m benchmarks.graph_scale store FOLDER 520000     build a store (a corpus of falling frequencies)
    python -m benchmarks.graph_scale sets FOLDER 160000      distinct sets with references from a store
    python -m benchmarks.graph_scale lists|networkx PASSAGES WALKS

Memory of networkx is the peak of the process less what it had before the graph; of lists all their bytes.
"""

import json
import resource
import sys
import time
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa

from benchmarks.zipf import Corpus, corpus
from synth.config import CombinationsConfig
from synth.graph.epochs import epochs
from synth.graph.export import to_networkx
from synth.graph.incidence import Incidence, Lists
from synth.graph.ranking import Ranking
from synth.graph.reference import edge_walk
from synth.graph.references import Finder, Rule
from synth.graph.samplers import graph_walk
from synth.graph.steps import Stepper
from synth.graph.store import Names, read, write
from synth.graph.walks import item_keys

CONFIG = CombinationsConfig(epochs=100)


def incidence(drawn: Corpus) -> Incidence:
    """The arrays of a corpus, with ids as long as real ones."""

    def lists(sizes: np.ndarray, items: np.ndarray) -> Lists:  # type: ignore[type-arg]
        return Lists(np.concatenate(([0], np.cumsum(sizes))), items.astype(np.int32), sizes.astype(np.int64))

    count, passages = drawn.topics + drawn.key_concepts, len(drawn.topic_sizes)
    concepts = Names(pa.array([f"con_{number:024d}" for number in range(count)], pa.large_string()))
    names = Names(pa.array([f"psg_{number:024d}" for number in range(passages)], pa.large_string()))
    held = {
        "topic": lists(drawn.topic_sizes, drawn.topic_items),
        "key_concept": lists(drawn.key_sizes, drawn.key_items + drawn.topics),
    }
    return Incidence.of_lists(concepts, names, np.arange(count) < drawn.topics, np.arange(passages), held)  # type: ignore[arg-type]


def store(folder: str, passages: str) -> dict[str, float]:
    """Build and write a store; what it costs is the generator's as well."""
    drawn = corpus(int(passages))
    began = time.process_time()
    write(Ranking.of(incidence(drawn)), Path(folder))
    size = sum(path.stat().st_size for path in Path(folder).iterdir())
    return {"cpu_s": time.process_time() - began, "disk_gb": size / 1e9}


def sets(folder: str, wanted: str) -> dict[str, float]:
    """Distinct sets, then two references for each; opening with all checks included."""
    began = time.process_time()
    ranking = read(Path(folder))
    opened = time.process_time() - began
    graph, finder = ranking.incidence, Finder(ranking, Rule(), 0)
    left, walked, sought, likeness = int(wanted), 0.0, 0.0, 0.0
    mark = time.process_time()
    for epoch in epochs(graph, CONFIG, 0):
        rows = epoch.kept[:left]
        chosen = epoch.walks.sets()[rows]
        walked, mark = walked + time.process_time() - mark, time.process_time()
        scores = finder.find_many(chosen)[1]
        sought, mark = sought + time.process_time() - mark, time.process_time()
        likeness += float(scores.sum())
        left -= len(rows)
        if not left:
            break
    steps = 7.0 * int(wanted)
    return {
        "cpu_s": time.process_time() - began,
        "open_s": opened,
        "walk_s": walked,
        "references_s": sought,
        "walk_us_per_step": walked / steps * 1e6,
        "random_read_ns": _random_read(graph),
        "mean_jaccard": likeness / int(wanted) / 2,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def _random_read(graph: Incidence) -> float:
    """What numpy takes for one read at a random place of the lists: the floor is six of them for a step."""
    places = np.random.default_rng(0).integers(0, len(graph.postings.items), 1_000_000)
    began = time.process_time()
    graph.postings.items[places].sum()
    return (time.process_time() - began) * 1e3


def walks(who: str, passages: str, count: str) -> dict[str, float]:
    """Walks from all topics in turns: ours on lists, or the plain one on a networkx graph; building included."""
    made = incidence(corpus(int(passages)))
    starts = np.resize(made.by_kind["topic"], int(count))
    before, began = _current(), time.process_time()
    if who == "lists":
        # Made anew: what was made above is the corpus.
        lists = {"topic": made.topics, "key_concept": made.key_concepts}
        graph = Incidence.of_lists(made.concepts, made.passages, made.is_topic, made.clusters, lists)  # type: ignore[arg-type]
        built = time.process_time() - began
        keys = item_keys(graph, starts, "graph_walk", 0, 0, 0) + np.arange(len(starts)).astype(np.uint64)
        graph_walk(Stepper.of(graph), starts, keys, CONFIG)
    else:
        edges, rng = to_networkx(made), Random(0)
        built = time.process_time() - began
        for start in starts.tolist():
            edge_walk(rng, edges, made.concepts[start], CONFIG)
    spent = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    memory = _held(made) / 1e6 if who == "lists" else peak - before
    return {"build_s": built, "walks_s": spent - built, "memory_mb": memory}


def _held(graph: Incidence) -> int:
    """Bytes of all lists and arrays that walks go over, keys of ids included."""
    lists = (graph.topics, graph.key_concepts, graph.postings)
    arrays = [array for one in lists for array in (one.start, one.items, one.sizes)]
    arrays += [graph.concept_keys, graph.passage_keys, graph.clusters, *graph.widest.values()]
    return sum(array.nbytes for array in arrays)


def _current() -> float:
    """Resident memory now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main() -> None:
    """Measure what is asked for."""
    what, *arguments = sys.argv[1:]
    made = {"store": store, "sets": sets}
    print(json.dumps(made[what](*arguments) if what in made else walks(what, *arguments)))


if __name__ == "__main__":
    main()
