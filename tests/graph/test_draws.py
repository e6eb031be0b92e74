from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.config_targets import TargetsConfig
from synth.graph.cooccurrence import SAMPLERS, cooccurrence_similarity
from synth.graph.draws import OneByOne, Sampled, of_size, sample
from synth.graph.pool import Pool
from synth.graph.walk import Walk
from tests.graph.weak_corpus import FAILED, made_up, pool_of, problems, zipf_pool

CONFIG = TargetsConfig(size=4, retries=3)


def sampled(pool: Pool, budget: int, config: TargetsConfig = CONFIG, category: str = "algebra") -> Sampled:
    sampler = SAMPLERS[config.sampler]  # the call that a stage makes
    one_by_one = OneByOne(lambda rng: sampler(rng, pool, config), of_size(config.size), category, 7)
    return sample(one_by_one, budget, config.retries)


@settings(deadline=None)
@given(problems(), st.integers(0, 30))
def test_every_item_is_kept_once_or_failed_with_its_reason(lists: list[list[str]], budget: int) -> None:
    found = sampled(pool_of(lists), budget)
    assert sorted([k.item for k in found.kept] + [f.item for f in found.failed]) == list(range(budget))
    sets = {tuple(sorted(kept.walk.concepts)): kept.item for kept in found.kept}
    assert len(sets) == len(found.kept) == found.tries["kept"]
    assert all(len(key) == 4 for key in sets)
    for failed in found.failed:
        key = tuple(sorted(failed.walk.concepts))
        assert failed.reason == ("repeated" if key in sets else "dead_end")
        assert failed.same_as == sets.get(key)
    assert found.tries.total() >= budget + len(found.failed) * CONFIG.retries


def test_a_smaller_budget_gives_the_first_of_a_larger_one() -> None:
    pool = pool_of(FAILED, made_up("abcdefgh", 1))
    many = sampled(pool, 30)
    few = sampled(pool, 10)
    assert few.kept == [kept for kept in many.kept if kept.item < 10]
    assert few.failed == [failed for failed in many.failed if failed.item < 10]


def test_categories_have_streams_of_their_own() -> None:
    pool = pool_of(FAILED, made_up("abcdefgh", 1))
    one, other = (sampled(pool, 5, category=name).kept for name in ("algebra", "geometry"))
    assert [kept.walk for kept in one] != [kept.walk for kept in other]


def test_a_pool_of_one_set_gives_one_and_counts_the_rest() -> None:
    found = sampled(pool_of(["ab", "cd"]), 3)
    assert [kept.item for kept in found.kept] == [0]
    assert [(failed.item, failed.reason, failed.same_as) for failed in found.failed] == [
        (1, "repeated", 0),
        (2, "repeated", 0),
    ]
    assert found.tries == {"kept": 1, "repeated": 8}


def test_what_is_too_small_is_drawn_again_and_counted() -> None:

    sizes = iter([2, 3, 4])

    def draw(rng: Random) -> Walk:
        return Walk((), tuple(range(next(sizes))), ())

    found = sample(OneByOne(draw, of_size(4), "x", 0), 1, retries=2)
    assert found.tries == {"dead_end": 2, "kept": 1}


@pytest.mark.parametrize("mode", ["paper", "normalised"])
def test_bytes_of_a_seed_stay(mode: str) -> None:
    pool = zipf_pool(300, 200)
    config = TargetsConfig(mode=mode)
    assert sampled(pool, 20, config) == sampled(zipf_pool(300, 200), 20, config)
    assert [cooccurrence_similarity(Random(s), pool, config) for s in range(5)] != [
        cooccurrence_similarity(Random(s + 5), pool, config) for s in range(5)
    ]
