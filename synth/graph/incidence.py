"""The `incidence` table as arrays: in, one row per passage; out, lists both ways (SynthLLM, level 3).

A walk needs no edges: the lists passage -> concepts and concept -> passages hold the whole graph
(SynthLLM, level 3). Concepts and passages are numbers inside, in the order of their ids.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from synth.errors import SchemaError
from synth.graph.words import Words, keys_of
from synth.numbers import uniques

Kind = Literal["topic", "key_concept"]
Numbers = NDArray[np.signedinteger[Any]]
COLUMNS: dict[Kind, str] = {"topic": "topics", "key_concept": "key_concepts"}


@dataclass(frozen=True, slots=True)
class Lists:
    """Many lists of numbers, end to end: list `i` is `items[start[i]:start[i + 1]]`, ascending."""

    start: Numbers
    items: Numbers
    sizes: Numbers

    @classmethod
    def of_pairs(cls, owners: Numbers, items: Numbers, count: int) -> Self:
        """Lists of `count` owners, from (owner, item) pairs in any order; each pair stands once."""
        order = np.lexsort((items, owners))
        sizes = np.bincount(owners, minlength=count).astype(np.int64)
        start = np.concatenate(([0], np.cumsum(sizes)))
        return cls(start, items[order].astype(np.int32), sizes)

    @classmethod
    def turned(cls, lists: Mapping[Kind, "Lists"], count: int) -> Self:
        """The owners of each item, of lists that share their owners and no items; in linear time."""
        parts = [
            sparse.csr_array(
                (np.ones(len(part.items), np.int8), part.items, part.start), (len(part.sizes), count)
            )
            for part in lists.values()
        ]
        both = sum(parts[1:], parts[0]).tocsc()
        start = both.indptr.astype(np.int64)
        return cls(start, both.indices.astype(np.int32), np.diff(start))

    def of(self, owner: int) -> Numbers:
        """The list of one owner."""
        return self.items[self.start[owner] : self.start[owner + 1]]

    def of_many(self, owners: Numbers) -> Numbers:
        """The lists of some owners, end to end."""
        sizes = self.sizes[owners]
        ends = sizes.cumsum()
        within = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - sizes, sizes)
        items: Numbers = self.items[np.repeat(self.start[owners], sizes) + within]
        return items


@dataclass(frozen=True, slots=True)
class Incidence:
    """Which concepts stand in which passages.

    `widest` is, for each concept, the most concepts of a kind that a passage with it holds: a bound that
    makes drawing from its passages quick. Keys are hashes of ids, for streams and seeded orders.
    """

    concepts: Sequence[str]
    passages: Sequence[str]
    concept_keys: Words
    passage_keys: Words
    is_topic: NDArray[np.bool_]
    clusters: Numbers
    by_kind: dict[Kind, Numbers]
    topics: Lists
    key_concepts: Lists
    postings: Lists
    widest: dict[Kind, Numbers]

    @classmethod
    def from_table(cls, table: pa.Table) -> Self:
        """The arrays of an `incidence` table, whatever the order of its rows.

        Raises:
            SchemaError: a concept is both a topic and a key concept, or a passage stands twice.
        """
        table = table.select(["passage_id", "cluster_id", *COLUMNS.values()]).sort_by("passage_id")
        table = table.combine_chunks()
        passages = tuple(table["passage_id"].to_pylist())
        _refuse_repeats(passages)
        concepts, is_topic = _concepts(table)
        lists: dict[Kind, Lists] = {
            kind: Lists.of_pairs(*_pairs(table, column, concepts), len(passages))
            for kind, column in COLUMNS.items()
        }
        clusters = np.unique(np.array(table["cluster_id"].to_pylist(), str), return_inverse=True)[1]
        return cls.of_lists(tuple(concepts.to_pylist()), passages, is_topic, clusters, lists)

    @classmethod
    def of_lists(
        cls,
        concepts: Sequence[str],
        passages: Sequence[str],
        is_topic: NDArray[np.bool_],
        clusters: Numbers,
        lists: dict[Kind, Lists],
    ) -> Self:
        """The arrays of passages whose concepts have numbers: ids in order, each concept in a passage."""
        postings = Lists.turned(lists, len(concepts))
        return cls(
            concepts=concepts,
            passages=passages,
            concept_keys=keys_of(concepts),
            passage_keys=keys_of(passages),
            is_topic=is_topic,
            by_kind={"topic": np.flatnonzero(is_topic), "key_concept": np.flatnonzero(~is_topic)},
            clusters=clusters,
            topics=lists["topic"],
            key_concepts=lists["key_concept"],
            postings=postings,
            widest={kind: widest(postings, held) for kind, held in lists.items()},
        )

    @property
    def sizes(self) -> Numbers:
        """Concepts of any kind in each passage."""
        return self.topics.sizes + self.key_concepts.sizes

    def lists(self, kind: Kind) -> Lists:
        """The concepts of one kind in each passage."""
        return self.topics if kind == "topic" else self.key_concepts

    def number(self, concept_id: str) -> int:
        """The number of a concept.

        Raises:
            KeyError: no passage has it.
        """
        return _find(self.concepts, concept_id)

    def find(self, concept_id: str) -> int | None:
        """The number of a concept, or None where no passage has it."""
        try:
            return _find(self.concepts, concept_id)
        except KeyError:
            return None

    def passage_number(self, passage_id: str) -> int | None:
        """The number of a passage, or None where it has no concept."""
        try:
            return _find(self.passages, passage_id)
        except KeyError:
            return None

    def ids(self, concepts: Iterable[int]) -> list[str]:
        """Ids of some concepts, sorted: numbers follow the order of ids."""
        return [self.concepts[number] for number in sorted(concepts)]

    def shared(self, one: int, other: int) -> Numbers:
        """The passages that hold both of two concepts."""
        few, many = sorted((one, other), key=lambda concept: int(self.postings.sizes[concept]))
        passages = self.postings.of(few)
        return passages[self.holds(many, passages)]

    def holds(self, concept: int, passages: Numbers) -> NDArray[np.bool_]:
        """Which of some passages have a concept: costs the length of `passages`, not of the corpus."""
        postings = self.postings.of(concept)
        # Past the end the last one is compared: it is smaller, so never equal.
        nearest = postings.take(postings.searchsorted(passages), mode="clip")
        return np.equal(nearest, passages, dtype=bool)


def widest(postings: Lists, held: Lists) -> Numbers:
    """The longest list among the passages of each concept; each has a passage."""
    if not len(postings.items):
        return np.zeros(len(postings.sizes), np.int32)
    return np.maximum.reduceat(held.sizes[postings.items], postings.start[:-1]).astype(np.int32)


def _find(names: Sequence[str], name: str) -> int:
    place = bisect_left(names, name)
    if place == len(names) or names[place] != name:
        raise KeyError(name)
    return place


def _refuse_repeats(passages: tuple[str, ...]) -> None:
    for before, after in pairwise(passages):
        if before == after:
            raise SchemaError(f"incidence: passage_id {after} stands twice; write one row per passage.")


def _concepts(table: pa.Table) -> tuple[pa.Array, NDArray[np.bool_]]:
    topics, key_concepts = (pc.unique(_flat(table, column)) for column in COLUMNS.values())
    concepts = pa.concat_arrays([topics, key_concepts])
    if clash := set(topics.to_pylist()) & set(key_concepts.to_pylist()):
        raise SchemaError(
            f"incidence: concept {min(clash)} is both a topic and a key concept; kinds differ in id."
        )
    concepts = concepts.take(pc.array_sort_indices(concepts))
    return concepts, _numpy(pc.is_in(concepts, value_set=topics)).astype(np.bool_)


def _pairs(table: pa.Table, column: str, concepts: pa.Array) -> tuple[Numbers, Numbers]:
    """Every (passage, concept) once, even where a list repeats a name; no list is an empty one."""
    sizes = pc.fill_null(pc.list_value_length(table[column]), 0)
    items = _numpy(pc.index_in(_flat(table, column), value_set=concepts)).astype(np.int64)
    owners = np.repeat(np.arange(len(table)), _numpy(sizes).astype(np.int64))
    width = max(len(concepts), 1)
    pairs = uniques(owners * width + items)
    return pairs // width, pairs % width


def _flat(table: pa.Table, column: str) -> pa.Array:
    flat = pc.list_flatten(table[column])
    return flat.combine_chunks() if isinstance(flat, pa.ChunkedArray) else flat


def _numpy(array: pa.Array | pa.ChunkedArray) -> NDArray[np.generic]:
    return np.asarray(
        array.to_numpy(zero_copy_only=False) if isinstance(array, pa.Array) else array.to_numpy()
    )
