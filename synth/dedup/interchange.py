"""An index for programs that use datasketch: its signatures as their objects, bit for bit.

In: an index, or texts and the scheme of one. Out: a `LeanMinHash` a text, or a `MinHashLSH` filled with all
of them. So an estimate of similarity, a union, a forest or a store in Redis needs no second reading of texts.
datasketch is imported here alone, since that takes most of a second. Texts without a token have no sketch.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from synth.dedup.index import Index
from synth.dedup.measuring import Measured, Measurer, Scheme
from synth.dedup.near import SCHEME, SEED, signatures

# So many signatures are made at once.
_PART = 10_000


def sketches(index: Index) -> Iterator[tuple[str, Any]]:
    """The id and the `datasketch.LeanMinHash` of each stored text, in the order they were stored in."""
    for ids, measured in index.stored():
        for place, sketch in _sketched(measured, index.scheme):
            yield ids[place].as_py(), sketch


def sketches_of(texts: Sequence[str | None], scheme: Scheme) -> list[Any]:
    """The `datasketch.LeanMinHash` of each text, or None; comparable with those of such an index."""
    found = dict(_sketched(Measurer(scheme).measure(texts), scheme))
    return [found.get(place) for place in range(len(texts))]


def filled_lsh(index: Index) -> Any:
    """A `datasketch.MinHashLSH` with the bands of the index and its texts by id, the last of equal ids."""
    from datasketch import MinHashLSH

    scheme = index.scheme
    lsh = MinHashLSH(num_perm=scheme.permutations, params=(scheme.bands, scheme.rows))
    with lsh.insertion_session() as session:
        for name, sketch in dict(sketches(index)).items():
            session.insert(name, sketch)
    return lsh


def _sketched(measured: Measured, scheme: Scheme) -> Iterator[tuple[int, Any]]:
    from datasketch import LeanMinHash

    rows = len(measured.tokens)
    for start, end in pairwise([*range(0, rows, _PART), rows]):
        values = signatures([measured.shingles(place) for place in range(start, end)], scheme.permutations)
        for place in range(start, end):
            if measured.tokens[place]:
                yield place, LeanMinHash(seed=SEED, hashvalues=values[place - start], scheme=SCHEME)
