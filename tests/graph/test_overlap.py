from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synth.graph.overlap as module
from synth.config_targets import TargetsConfig
from synth.graph.cooccurrence import SAMPLERS
from synth.graph.overlap import Overlap, overlap
from synth.ids import stream
from tests.graph.weak_corpus import zipf_pool

Sets = list[list[int]]
many_sets = st.lists(
    st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True), min_size=1, max_size=12
)


def by_pairs(sets: Sets, pool: int) -> Overlap:
    found = [frozenset(one) for one in sets]
    pairs = [(i, j) for i in range(len(found)) for j in range(len(found)) if i != j]
    used = Counter(concept for one in found for concept in one)
    return Overlap(
        len(found),
        len(set(found)) / len(found),
        len({i for i, j in pairs if found[i] == found[j]}) / len(found),
        len({i for i, j in pairs if found[i] == found[j] or len(found[i] & found[j]) >= 3}) / len(found),
        sum(n for _, n in used.most_common(max(1, round(pool / 100)))) / used.total(),
    )


@settings(deadline=None)
@given(many_sets, st.sampled_from([10, 300]))
def test_figures_are_those_of_all_pairs(sets: Sets, pool: int) -> None:
    assert overlap(sets, pool) == pytest.approx(by_pairs(sets, pool))


def test_parts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = [[i, i + 1, i + 2, (7 * i) % 50 + 60] for i in range(0, 40, 2)] + [[0, 1, 2, 99]]
    whole = overlap(sets, 100)
    monkeypatch.setattr(module, "BLOCK", 5)
    assert overlap(sets, 100) == whole == pytest.approx(by_pairs(sets, 100))
    assert 0 < whole.overlapping < 1


def test_nothing_sampled_is_nothing() -> None:
    assert overlap([], 100) == Overlap(0, 0.0, 0.0, 0.0, 0.0)


def test_large_numbers_of_concepts_are_told_apart() -> None:
    far = 10**12
    assert overlap([[1, 2, far, 4], [1, 2, far + 1, 5]], far).overlapping == 0
    assert overlap([[1, 2, far, 4], [1, 2, far, 5]], far).overlapping == 1


@pytest.mark.parametrize("seed", [1, 2])
def test_the_published_score_repeats_itself_and_the_other_does_not(seed: int) -> None:
    """Toy figures, direction only (SwS has 42 % distinct and 82 % of the mass, against 100 % and 8 %)."""
    pool = zipf_pool(2_000, 1_000, seed)
    found = {}
    for mode in ("paper", "normalised"):
        config = TargetsConfig(mode=mode)
        walks = [
            SAMPLERS["cooccurrence_similarity"](stream(seed, "toy", str(item)), pool, config)
            for item in range(300)
        ]
        found[mode] = overlap([walk.concepts for walk in walks], len(pool))
    paper, normalised = found["paper"], found["normalised"]
    assert paper.distinct < 0.9 < 0.99 < normalised.distinct
    assert paper.identical > 2 * normalised.identical
    assert paper.overlapping > 2 * normalised.overlapping
    assert paper.top_mass > 2 * normalised.top_mass
