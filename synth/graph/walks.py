"""The walks of SynthLLM, level 3, many at a time: in, start topics and keys; out, steps.

The paper leaves open how long, whether concepts may come again, and what happens at a dead end. Here
lengths are uniform over their ranges, nothing comes again unless `revisits` allows it, and a phase that
cannot go on ends early. All walks take each step together; each has a stream of its own, so what is
walked beside it changes nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.config_combinations import CombinationsConfig
from synth.graph.incidence import Incidence, Kind, Numbers
from synth.graph.steps import Stepper
from synth.graph.walk import DEAD_END, Step, Walk
from synth.graph.words import Words, below, counted, mixed, salt

PHASES = ("start", "topic", "cross", "key_concept")
START, TOPIC, CROSS, KEY_CONCEPT = range(4)


def item_keys(graph: Incidence, starts: Numbers, sampler: str, seed: int, epoch: int, attempt: int) -> Words:
    """The key of the stream of each item: a start in an epoch, drawn for the so-manieth time."""
    keys = mixed(graph.concept_keys[starts], salt("combinations", sampler, seed))
    return mixed(mixed(keys, epoch + 1), attempt + 1)


@dataclass(frozen=True, slots=True)
class Walks:
    """Walks as arrays: a row for each, a column for each step that it may have.

    `phases` names the phase of each column; `concepts` is -1 where no step was taken, `passages` also where
    a step has no passage behind it. `ended` says which phases (by column of PHASES) ended early.
    """

    phases: Numbers
    concepts: Numbers
    passages: Numbers
    ended: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.concepts)

    def only(self, rows: Numbers) -> "Walks":
        """Some of them."""
        return Walks(self.phases, self.concepts[rows], self.passages[rows], self.ended[rows])

    def with_rows(self, rows: Numbers, others: "Walks") -> "Walks":
        """These, with some rows replaced in place."""
        mine = (self.concepts, self.passages, self.ended)
        for old, new in zip(mine, (others.concepts, others.passages, others.ended), strict=True):
            old[rows] = new
        return self

    def sets(self) -> Numbers:
        """The concepts of each walk, ascending, each once; padded with -1 in front."""
        ordered = np.sort(self.concepts, axis=1)
        again = np.zeros(ordered.shape, np.bool_)
        again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
        return np.sort(np.where(again, -1, ordered), axis=1)

    def __getitem__(self, row: int) -> Walk:
        """One walk as topics, key concepts and steps."""
        steps: list[Step] = []
        reached: tuple[list[int], list[int]] = ([], [])
        columns = zip(
            self.phases.tolist(), self.concepts[row].tolist(), self.passages[row].tolist(), strict=True
        )
        taken = [(phase, concept, passage) for phase, concept, passage in columns if concept >= 0]
        for phase in range(len(PHASES)):
            for _, concept, passage in (step for step in taken if step[0] == phase):
                steps.append(Step(PHASES[phase], concept, None if passage < 0 else passage))
                reached[phase >= CROSS].append(concept)
            if self.ended[row, phase]:
                steps.append(Step(DEAD_END, steps[-1].concept, None))
        topics, key_concepts = (tuple(dict.fromkeys(concepts)) for concepts in reached)
        return Walk(topics, key_concepts, tuple(steps))


def lengths(keys: Words, span: tuple[int, int], counter: int) -> Numbers:
    """A length from `span` for each walk."""
    words = counted(keys, counter)
    drawn, fair = below(words, np.full(len(keys), span[1] - span[0] + 1, np.uint64))
    while not fair.all():  # once in a billion draws
        words = np.where(fair, words, mixed(words))
        drawn, fair = below(words, np.full(len(keys), span[1] - span[0] + 1, np.uint64))
    return np.asarray(span[0] + drawn)


def graph_walk(stepper: Stepper, starts: Numbers, keys: Words, config: CombinationsConfig) -> Walks:
    """A walk over topics, one step across to a key concept, then a walk over key concepts."""
    most = config.topic_steps[1], config.key_concept_steps[1]
    phases = np.repeat([START, TOPIC, CROSS, KEY_CONCEPT], [1, most[0], 1, most[1]])
    shape = len(starts), len(phases)
    walks = Walks(
        phases, np.full(shape, -1, np.int64), np.full(shape, -1, np.int64), np.zeros((shape[0], 4), np.bool_)
    )
    walks.concepts[:, 0] = starts
    wanted = np.ones(shape, np.bool_)
    wanted[:, phases == TOPIC] = np.arange(most[0]) < lengths(keys, config.topic_steps, 0)[:, None]
    wanted[:, phases == KEY_CONCEPT] = (
        np.arange(most[1]) < lengths(keys, config.key_concept_steps, 1)[:, None]
    )
    nodes = starts.astype(np.int64)
    for column in range(1, shape[1]):
        _step(stepper, walks, column, keys, nodes, wanted[:, column], config.revisits)
    return walks


def _step(
    stepper: Stepper, walks: Walks, column: int, keys: Words, nodes: Numbers, wanted: NDArray[np.bool_],
    revisits: bool,
) -> None:  # fmt: skip
    """One step of every walk that is to take it and has not ended; `nodes` is where each walk stands."""
    phase = int(walks.phases[column])
    kind: Kind = "topic" if phase == TOPIC else "key_concept"
    going = wanted & ~walks.ended[:, phase]
    if phase == KEY_CONCEPT:
        going &= ~walks.ended[:, CROSS]
    rows = np.flatnonzero(going)
    barred = np.empty((len(rows), 0), np.int64) if revisits else walks.concepts[rows, :column]
    concepts, passages = stepper.step(mixed(keys[rows], column + 1), nodes[rows], kind, barred)
    walks.concepts[rows, column], walks.passages[rows, column] = concepts, passages
    walks.ended[rows[concepts < 0], phase] = True
    reached = concepts >= 0
    nodes[rows[reached]] = concepts[reached]
