"""What leaves for datasketch is what datasketch itself would have made."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from datasketch import LeanMinHash, MinHash

from synth.dedup import interchange
from synth.dedup.index import Index
from synth.dedup.interchange import filled_lsh, sketches, sketches_of
from tests.dedup.made import SCHEME, edited, measured, needs_kernel, without_kernel

TEXTS = [*edited(9, 60), "", "one"]
NAMES = [f"q{place}" for place in range(len(TEXTS))]


def made_by_datasketch(place: int) -> MinHash:
    sketch = MinHash(SCHEME.permutations, seed=1, scheme="affine32", hashfunc=lambda h: h & 0xFFFFFFFF)
    sketch.update_batch(measured(TEXTS).shingles(place).tolist())
    return sketch


@pytest.fixture
def index(tmp_path: Path) -> Index:
    found = Index(tmp_path / "seen", SCHEME)
    found.add("a", NAMES[:20], measured(TEXTS[:20]))
    found.add("b", NAMES[20:], measured(TEXTS[20:]))
    return found


def test_sketches_are_those_of_datasketch_bit_for_bit(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interchange, "_PART", 7)
    found = dict(sketches(index))
    assert list(found) == [name for name, text in zip(NAMES, TEXTS, strict=True) if text]
    for place, name in enumerate(NAMES):
        if name in found:
            assert found[name] == LeanMinHash(made_by_datasketch(place))
            assert found[name].jaccard(made_by_datasketch(place)) == 1


@needs_kernel
def test_without_the_kernel_they_are_the_same(index: Index) -> None:
    with without_kernel():
        slow = dict(sketches(index))
    assert slow == dict(sketches(index))


def test_texts_are_looked_up_in_the_filled_lsh(index: Index) -> None:
    lsh, keys = filled_lsh(index), measured(TEXTS).keys
    new = sketches_of(TEXTS, SCHEME)
    assert new[-2] is None and len(lsh.keys) == len(TEXTS) - 1
    theirs = {(a, int(key[1:])) for a, one in enumerate(new) if one for key in lsh.query(one)}
    ours = {(a, b) for a, b in combinations(range(len(TEXTS)), 2) if (keys[a] == keys[b]).any()}
    assert {(a, b) for a, b in theirs if a < b} == {(a, b) for a, b in ours if TEXTS[a] and TEXTS[b]}
    assert np.array_equal(new[0].hashvalues, made_by_datasketch(0).hashvalues)


def test_an_empty_index_gives_nothing(tmp_path: Path) -> None:
    index = Index(tmp_path / "seen", SCHEME)
    assert list(sketches(index)) == [] and filled_lsh(index).is_empty()
    assert sketches_of([None, ""], SCHEME) == [None, None]
