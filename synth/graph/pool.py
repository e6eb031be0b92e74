"""The concepts of one category's failed problems, ready to draw from (SwS, sampling).

In, which problem (a unit) lists which concepts, and a vector for each concept; out, arrays. A concept has
one number, and everything about it, its vector too, stands at that number.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from synth.errors import SchemaError
from synth.graph.incidence import Incidence, Numbers

Vectors = NDArray[np.float32]
Floats = NDArray[np.float64]
# Below this length the mean of unit vectors is rounding and points nowhere.
NO_LENGTH = 1e-6


def units_of(concepts: Mapping[str, Collection[str]]) -> Incidence:
    """The incidence of units given as unit id -> concept ids; each list counts a concept once."""
    ids = sorted(unit for unit, listed in concepts.items() if listed)
    lists = pa.array([sorted(set(concepts[unit])) for unit in ids], pa.list_(pa.string()))
    none = pa.array([[]] * len(ids), pa.list_(pa.string()))
    names = pa.array(ids, pa.string())
    return Incidence.from_table(
        pa.table({"passage_id": names, "cluster_id": names, "topics": none, "key_concepts": lists})
    )


def aligned(concepts: Sequence[str], ids: Sequence[str], vectors: NDArray[Any]) -> Vectors:
    """Row `i` is the vector of `concepts[i]`, at length one; rows of `vectors` belong to `ids`, in any order.

    Raises:
        SchemaError: a concept has no vector, or the rows are not as many as the ids.
    """
    if len(ids) != len(vectors):
        raise SchemaError(
            f"embeddings: {len(vectors)} rows for {len(ids)} concepts; embed each concept once."
        )
    place = {name: row for row, name in enumerate(ids)}
    if missing := [name for name in concepts if name not in place]:
        raise SchemaError(f"embeddings: {len(missing)} concepts have none, for example {missing[0]}.")
    rows = np.asarray(vectors, np.float32)[[place[name] for name in concepts]]
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    if not np.isfinite(lengths).all():
        raise SchemaError("embeddings: a number is not finite; embed the concepts again.")
    rows /= np.where(lengths > 0, lengths, 1)[:, None].astype(np.float32)
    return rows


@dataclass(frozen=True, slots=True)
class Pool:
    """What a category's combinations are drawn from.

    `start`, `others`, `counts`: the concepts listed together with concept `i`, ascending, and by how many
    units, stand from `start[i]` to `start[i + 1]`. `ends` are frequencies, summed up.
    """

    units: Incidence
    vectors: Vectors
    start: Numbers
    others: NDArray[np.int32]
    counts: NDArray[np.int32]
    ends: Numbers

    @classmethod
    def of(cls, units: Incidence, vectors: Vectors | None = None) -> Self:
        """The pool of some units; `vectors` come from `aligned`, and without them nothing is similar.

        Raises:
            SchemaError: there are not as many vectors as concepts.
        """
        size = len(units.concepts)
        vectors = np.zeros((size, 0), np.float32) if vectors is None else vectors
        if len(vectors) != size:
            raise SchemaError(f"embeddings: {len(vectors)} for {size} concepts; align them first.")
        together = _together(units)
        return cls(
            units,
            vectors,
            together.indptr.astype(np.int64),
            together.indices.astype(np.int32, copy=False),
            together.data.astype(np.int32, copy=False),
            units.postings.sizes.cumsum(),
        )

    def __len__(self) -> int:
        return len(self.units.concepts)

    @property
    def frequency(self) -> Numbers:
        """How many units list each concept."""
        return self.units.postings.sizes

    def together(self, concept: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The concepts listed together with one, ascending, and how many units list both."""
        row = slice(self.start[concept], self.start[concept + 1])
        return self.others[row], self.counts[row]

    def similarity(self, concepts: Any, total: Floats) -> Floats:
        """Cosine of each of some concepts to a sum of vectors, 0 where either has no direction.

        The answer for a concept stands where the concept stands in `concepts`.
        """
        length = float(np.sqrt(total @ total))
        if length < NO_LENGTH:
            return np.zeros(len(self.vectors[concepts]))
        cosines = np.einsum("ij,j->i", self.vectors[concepts], total / length)
        return np.asarray(np.clip(cosines, -1.0, 1.0), np.float64)


def _together(units: Incidence) -> Any:
    """How many units list each pair: only pairs that some unit lists, so it stays sparse."""
    lists = units.postings
    shape = (len(units.concepts), len(units.passages))
    matrix = sparse.csr_array((np.ones(len(lists.items), np.int32), lists.items, lists.start), shape=shape)
    both = sparse.csr_array(matrix @ matrix.T)
    both.setdiag(0)
    both.eliminate_zeros()
    both.sort_indices()
    return both
