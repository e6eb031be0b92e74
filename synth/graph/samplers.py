"""The samplers of level 3, one interface: in, start topics with the keys of their streams; out, walks.

`graph_walk` is SynthLLM's. The others are controls that take as many concepts as its walks do from the
same starts: `uniform` takes all alike, `within_passage` only those of one passage with the start.
"""

from collections.abc import Callable

import numpy as np

from synth.config_combinations import CombinationsConfig
from synth.graph.incidence import Kind, Numbers
from synth.graph.steps import Stepper
from synth.graph.walks import CROSS, KEY_CONCEPT, PHASES, TOPIC, Walks, graph_walk, lengths
from synth.graph.words import Words, below, counted, mixed, upper

Sampler = Callable[[Stepper, Numbers, Words, CombinationsConfig], Walks]


def uniform(stepper: Stepper, starts: Numbers, keys: Words, config: CombinationsConfig) -> Walks:
    """Concepts of the same kinds as a walk's, each as likely as any other of its kind; none comes twice."""
    # With revisits a walk may be longer than there are concepts: what comes again would never be found.
    shape = graph_walk(stepper, starts, keys, config.model_copy(update={"revisits": False}))
    drawn = np.full(shape.concepts.shape, -1, np.int64)
    drawn[:, 0] = starts
    for column in range(1, len(shape.phases)):
        pool = stepper.graph.by_kind["topic" if shape.phases[column] == TOPIC else "key_concept"]
        left, stream = np.flatnonzero(shape.concepts[:, column] >= 0), mixed(keys, 1000 + column)
        attempt = 0
        while len(left):
            bounds = np.full(len(left), len(pool), np.uint64)
            place, fair = below(counted(stream[left], attempt), bounds)
            concepts = pool[np.minimum(place, len(pool) - 1)]
            fits = fair & (drawn[left] != concepts[:, None]).all(axis=1)
            drawn[left[fits], column] = concepts[fits]
            left, attempt = left[~fits], attempt + 1
    return Walks(shape.phases, drawn, np.full(drawn.shape, -1, np.int64), np.zeros_like(shape.ended))


def within_passage(stepper: Stepper, starts: Numbers, keys: Words, config: CombinationsConfig) -> Walks:
    """Concepts of one passage that has the start, all alike; fewer where it has fewer."""
    postings = stepper.graph.postings
    words = counted(keys, 2)
    # The share of a passage is off by less than one in 2**32 per passage, which no sample can show.
    which = (upper(words).astype(np.float64) / 2.0**32 * postings.sizes[starts]).astype(np.int64)
    passages: Numbers = postings.items[postings.start[starts] + which].astype(np.int64)
    most = (config.topic_steps[1], config.key_concept_steps[1])
    phases = np.repeat(np.arange(len(PHASES)), (1, most[0], 1, most[1]))
    concepts = np.full((len(starts), len(phases)), -1, np.int64)
    concepts[:, 0] = starts
    ended = np.zeros((len(starts), len(PHASES)), np.bool_)
    topics = lengths(keys, config.topic_steps, 0)
    others = 1 + lengths(keys, config.key_concept_steps, 1)
    found = _some(stepper, "topic", passages, keys, topics, starts, most[0])
    concepts[:, 1 : 1 + most[0]] = found
    ended[:, TOPIC] = (found >= 0).sum(axis=1) < topics
    found = _some(stepper, "key_concept", passages, keys, others, starts, 1 + most[1])
    concepts[:, 1 + most[0] :] = found
    ended[:, CROSS] = found[:, 0] < 0
    ended[:, KEY_CONCEPT] = ~ended[:, CROSS] & ((found >= 0).sum(axis=1) < others)
    behind = np.where((concepts >= 0) & (np.arange(len(phases)) > 0), passages[:, None], -1)
    return Walks(phases, concepts, behind, ended)


def _some(
    stepper: Stepper, kind: Kind, passages: Numbers, keys: Words, counts: Numbers, starts: Numbers, most: int
) -> Numbers:
    """Up to `counts` concepts of a kind of each passage, drawn evenly, but for those that never come."""
    lists = stepper.graph.lists(kind)
    concepts, rows = lists.of_many(passages), np.repeat(np.arange(len(passages)), lists.sizes[passages])
    stay = (concepts != starts[rows]) & (stepper.chance[concepts] > 0)
    concepts, rows = concepts[stay].astype(np.int64), rows[stay]
    luck = mixed(keys[rows] ^ stepper.graph.concept_keys[concepts], 7)
    order = np.lexsort((luck, rows))
    rows, concepts = rows[order], concepts[order]
    begins = np.searchsorted(rows, np.arange(len(passages)))
    place = np.arange(len(rows)) - begins[rows]
    found = np.full((len(passages), most), -1, np.int64)
    stay = place < counts[rows]
    found[rows[stay], place[stay]] = concepts[stay]
    return found


SAMPLERS: dict[str, Sampler] = {
    "graph_walk": graph_walk,
    "uniform": uniform,
    "within_passage": within_passage,
}
