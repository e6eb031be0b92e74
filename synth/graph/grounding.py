"""Passages behind combinations of weak concepts: in, sets of weak concepts; out, references, or none.

The reference rule of SynthLLM (level 3), asked with those concepts of a set that the graph of
documents has. A set of which the graph has nothing gets no reference; the stage keeps or rejects it.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from synth.graph.incidence import Incidence
from synth.graph.references import Finder


class Grounded(NamedTuple):
    """The references of one set, best first, with their similarity; and which of its concepts they rest on.

    `concepts` are numbers of the graph, ascending.
    """

    concepts: tuple[int, ...]
    references: tuple[tuple[int, float], ...]


def ground(weak: Iterable[str], found: Mapping[str, str], graph: Incidence, finder: Finder) -> Grounded:
    """References for a set of weak concept ids; `found` is that of `matching.usable`.

    What the graph no longer has counts as not found.
    """
    ids = sorted({found[concept] for concept in weak if concept in found})
    concepts = tuple(number for number in map(graph.find, ids) if number is not None)
    return Grounded(concepts, tuple(finder.find([concepts])[0]))
