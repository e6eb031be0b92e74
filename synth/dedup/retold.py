"""Rows of a table that say the same in other words: the last step of `synth dedup --semantic`.

In: the tables once more, and the fate of each row by its words. Out: the fate with meanings, and what is
known of the rows that stay. The texts of all rows that words left over lie in memory here.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth.dedup.input import Columns, read
from synth.dedup.meanings import Known, Meanings
from synth.dedup.measuring import Numbers
from synth.dedup.output import HOW, Fate

MEANING, JUDGED = HOW.index("meaning"), HOW.index("judged")


def same_meaning(
    paths: Sequence[Path], columns: Columns, fate: Fate, order: Numbers, meanings: Meanings
) -> tuple[Fate, Known]:
    """The fate of each row; those that stay so far are compared in the order of preference.

    Raises:
        EndpointError: a text could not be embedded.
    """
    kept = ~fate.removed
    places = order[kept[order]].tolist()
    texts = _texts(paths, columns, kept)
    found = meanings.repeated([texts[place] for place in places])
    names = fate.dup_of.to_pylist()
    jaccard, cosine = fate.jaccard.copy(), fate.cosine.copy()
    how, stored = fate.how.copy(), fate.stored.copy()
    for nth, same in found.items():
        place = places[nth]
        names[place] = same.known if same.place is None else fate.ids[places[same.place]].as_py()
        jaccard[place], cosine[place] = np.nan, same.cosine
        how[place], stored[place] = JUDGED if same.judged else MEANING, same.place is None
    named = pa.array(names, pa.large_string())
    ids = fate.ids.take(pa.array(places, pa.int64())).to_pylist()
    known = meanings.staying(ids, found.keys())
    return fate._replace(dup_of=named, jaccard=jaccard, cosine=cosine, how=how, stored=stored), known


def _texts(paths: Sequence[Path], columns: Columns, wanted: NDArray[np.bool_]) -> dict[int, str]:
    """The texts of some rows, by their place."""
    found: dict[int, str] = {}
    before = 0
    for piece in read(paths, columns):
        mine = np.flatnonzero(wanted[before : before + len(piece.ids)])
        texts = piece.texts.take(pa.array(mine)).to_pylist()
        found |= {before + place: text or "" for place, text in zip(mine.tolist(), texts, strict=True)}
        before += len(piece.ids)
    return found
