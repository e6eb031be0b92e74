import json
from collections import Counter
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.config import CombinationsConfig
from synth.errors import SchemaError
from synth.schemas import TABLES
from synth.stages.base import Output, rejected_table
from synth.stages.combinations import sample_combinations
from tests.stages.concept_tables import combination_inputs, key_concept, passages_table, topic

# Two documents about algebra, one that links it to numbers, one apart.
FOUND = {
    "a/1": {"algebra": ["group", "ring", "field"], "maps": ["kernel", "image"]},
    "a/2": {"algebra": ["group", "ring", "ideal"], "numbers": ["prime", "unit"]},
    "b/1": {"numbers": ["prime", "unit", "gcd"], "algebra": ["ideal", "field"]},
    "c/1": {"numbers": ["prime", "sieve", "gcd"], "counting": ["inverse", "factorial"]},
    "d/1": {"knots": ["braid"]},
}
OFF = {"level1": "off", "level2": "off", "level3": "off"}
found_in_passages = st.dictionaries(
    st.sampled_from(["a/1", "a/2", "b/1", "c/1", "d/1"]),
    st.dictionaries(
        st.sampled_from("stu"), st.lists(st.sampled_from("klmnopq"), unique=True, max_size=5), max_size=3
    ),
    max_size=5,
)
configs = st.builds(
    CombinationsConfig,
    level1=st.sampled_from(["whole_passage", "off"]),
    level2=st.sampled_from(["model_chooses", "code_chooses", "off"]),
    level3=st.sampled_from(["graph_walk", "uniform", "off"]),
    level2_sets=st.integers(1, 6),
    epochs=st.integers(1, 3),
    max_level3=st.integers(0, 4),
    retries=st.integers(0, 2),
)


def only(**settings_: Any) -> CombinationsConfig:
    return CombinationsConfig(**(OFF | settings_))


def sample(config: CombinationsConfig, found: Any = FOUND, seed: int = 0) -> Output:
    output = sample_combinations(*combination_inputs(found), config, seed)
    output.check_balance("combinations")
    return output


def rows(output: Output) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = output.tables["combinations"].to_pylist()
    return found


def reasons(output: Output) -> dict[str, str]:
    return {r.row_id: r.reason for r in output.rejected}


def test_level_1_is_each_passage_as_it_is() -> None:
    found = {row["start_id"]: row for row in rows(sample(only(level1="whole_passage")))}
    assert found.keys() == FOUND.keys()
    row = found["d/1"]
    assert (row["level"], row["sampler"], row["references"], row["scores"]) == (
        "level1", "whole_passage", ["d/1"], [1.0],
    )  # fmt: skip
    assert (row["topics"], row["key_concepts"], row["names"]) == (
        [topic("knots")], [key_concept("braid")], ["knots", "braid"],
    )  # fmt: skip
    assert row["walk"] == []


def test_level_1_takes_a_passage_without_concepts() -> None:
    _, concepts, incidence, mentions = combination_inputs(FOUND)
    passages = passages_table([*FOUND, "e/1"])
    output = sample_combinations(passages, concepts, incidence, mentions, only(level1="whole_passage"), 0)
    output.check_balance("combinations")
    [row] = [row for row in rows(output) if row["start_id"] == "e/1"]
    assert row["names"] == []


def test_the_model_chooses_from_all_concepts_of_a_passage() -> None:
    output = sample(only(level2="model_chooses"))
    found = {row["start_id"]: row for row in rows(output)}
    assert len(found["a/1"]["key_concepts"]) == 5
    assert len(found["a/1"]["topics"]) == 2
    assert reasons(output) == {"d/1": "no_concepts"}


def test_a_passage_that_level_1_keeps_is_not_rejected_for_level_2() -> None:
    output = sample(only(level1="whole_passage", level2="code_chooses"))
    [rejected] = output.rejected
    assert (rejected.reason, rejected.source) == ("no_concepts", "d/1")
    assert rejected.row_id not in output.inputs


def test_code_chooses_distinct_sets_across_topics() -> None:
    output = sample(only(level2="code_chooses", level2_sets=4))
    for passage, listed in FOUND.items():
        sets = [row for row in rows(output) if row["start_id"] == passage]
        assert len(sets) == (0 if passage == "d/1" else 4)
        assert len({tuple(row["key_concepts"]) for row in sets}) == len(sets)
        for row in sets:
            chosen = {
                t for t, names in listed.items() if {key_concept(n) for n in names} & set(row["key_concepts"])
            }
            assert len(row["key_concepts"]) in (2, 3)
            assert sorted(map(topic, chosen)) == row["topics"]
            assert len(chosen) >= 2
            assert row["references"] == [passage]
            total = sum(map(len, listed.values())) + len(listed)
            assert row["scores"] == [(len(row["key_concepts"]) + len(row["topics"])) / total]


def test_a_passage_of_one_topic_gives_all_the_sets_it_has() -> None:
    output = sample(only(level2="code_chooses", level2_sets=50), {"a/1": {"algebra": ["x", "y", "z"]}})
    sizes = Counter(len(row["key_concepts"]) for row in rows(output))
    assert sizes == {2: 3, 3: 1}


def test_names_follow_the_ids() -> None:
    passages, concepts, *rest = combination_inputs(FOUND)
    names = dict(zip(concepts["concept_id"].to_pylist(), concepts["name"].to_pylist(), strict=True))
    for row in rows(sample_combinations(passages, concepts, *rest, CombinationsConfig(), 0)):
        assert row["names"] == [names[c] for c in row["topics"] + row["key_concepts"]]
        assert row["topics"] == sorted(row["topics"])
        assert row["key_concepts"] == sorted(row["key_concepts"])


@pytest.mark.parametrize("sampler", ["graph_walk", "uniform"])
def test_every_topic_starts_once_in_each_epoch(sampler: str) -> None:
    config = only(level3=sampler, epochs=4, retries=20)
    output = sample(config)
    starts = Counter(row["start_id"] for row in rows(output))
    failed = Counter(r.source for r in output.rejected if r.row_id not in output.inputs)
    topics = {topic(name) for listed in FOUND.values() for name in listed}
    assert output.inputs == topics
    assert output.parents == starts.keys()
    for name in starts:
        assert starts[name] + failed[name] == 4
    assert reasons(output)[topic("knots")] == "dead_end"


def test_walks_are_recorded_step_by_step() -> None:
    for row in rows(sample(only(level3="graph_walk"))):
        phases = Counter(step["phase"] for step in row["walk"])
        assert row["walk"][0] == {"phase": "start", "concept_id": row["start_id"], "passage_id": None}
        assert phases["start"] == phases["cross"] == 1
        if not phases["dead_end"]:
            assert phases["topic"] in (1, 2)
            assert phases["key_concept"] in (3, 4)
        reached = {step["concept_id"] for step in row["walk"]}
        assert reached == {*row["topics"], *row["key_concepts"]}
        assert all(
            (step["passage_id"] is None) == (step["phase"] in ("start", "dead_end")) for step in row["walk"]
        )


def test_no_set_is_kept_twice() -> None:
    output = sample(only(level3="graph_walk", epochs=40, retries=1))
    keys = [(*row["topics"], *row["key_concepts"]) for row in rows(output)]
    assert len(set(keys)) == len(keys)
    repeated = [r for r in output.rejected if r.reason == "repeated"]
    assert repeated
    assert {r.clash_id for r in repeated} <= {row["combination_id"] for row in rows(output)}


def test_each_retry_is_a_new_draw() -> None:
    kept = [len(rows(sample(only(level3="graph_walk", epochs=20, retries=n)))) for n in (0, 10)]
    assert kept[0] < kept[1]


def test_an_input_whose_every_set_is_taken_is_one_rejected_row() -> None:
    """Two topics of one passage of four concepts can only give the same set."""
    output = sample(only(level3="graph_walk", epochs=3), {"a/1": {"s": ["k"], "t": ["l"]}})
    [row] = rows(output)
    assert len(output.inputs) == 2
    assert output.parents == {row["start_id"]}
    [other] = output.inputs - output.parents
    [fallen] = [r for r in output.rejected if r.row_id == other]
    assert (fallen.reason, fallen.clash_id) == ("repeated", row["combination_id"])
    assert fallen.detail.endswith("3 draws failed")
    assert {r.source for r in output.rejected if r.row_id != other} == {row["start_id"]}


def test_a_short_walk_is_a_dead_end_with_what_it_drew() -> None:
    output = sample(only(level3="graph_walk", epochs=2), {"a/1": {"knots": ["braid"]}, "b/1": {"lonely": []}})
    assert rows(output) == []
    fallen = {r["row_id"]: r for r in rejected_table("combinations", output.rejected).to_pylist()}
    assert fallen.keys() == output.inputs == {topic("knots"), topic("lonely")}
    assert {r["reason"] for r in fallen.values()} == {"dead_end"}
    assert json.loads(fallen[topic("knots")]["row"])["names"] == ["knots", "braid"]


def test_references_differ_in_cluster_unless_told_otherwise() -> None:
    copies = {f"a/{i}": FOUND["a/1"] for i in range(1, 4)} | {"b/1": FOUND["b/1"]}
    config = {"level3": "graph_walk", "epochs": 3}
    for row in rows(sample(only(**config), copies)):
        assert len({name[0] for name in row["references"]}) == len(row["references"]) == 2
    same = rows(sample(only(**config, different_clusters=False), copies))
    assert any(len({name[0] for name in row["references"]}) == 1 for row in same)
    for row in same:
        assert row["scores"] == sorted(row["scores"], reverse=True)


def test_a_limit_takes_the_first_sets_of_the_unlimited_run() -> None:
    unlimited, limited = sample(only(level3="graph_walk")), sample(only(level3="graph_walk", max_level3=3))
    assert len(rows(limited)) == 3
    assert {row["combination_id"] for row in rows(limited)} < {
        row["combination_id"] for row in rows(unlimited)
    }
    assert len({row["start_id"] for row in rows(limited)}) == 3
    assert "not_sampled" in reasons(limited).values()
    orders = {tuple(row["start_id"] for row in rows(sample(only(level3="graph_walk", max_level3=1), seed=s)))
              for s in range(12)}  # fmt: skip
    assert len(orders) > 1


@settings(deadline=None, max_examples=60)
@given(found_in_passages, configs, st.integers(0, 99))
def test_rows_add_up_and_do_not_depend_on_order(found: Any, config: CombinationsConfig, seed: int) -> None:
    tables = combination_inputs(found)
    output = sample_combinations(*tables, config, seed)
    output.check_balance("combinations")
    rejected = rejected_table("combinations", output.rejected)
    again = sample_combinations(*(shuffled(table, seed) for table in tables), config, seed)
    assert again.tables == output.tables
    assert rejected_table("combinations", again.rejected) == rejected
    limit = config.max_level3
    assert not limit or sum(row["level"] == "level3" for row in rows(output)) <= limit


def shuffled(table: pa.Table, seed: int) -> pa.Table:
    places = list(range(len(table)))
    Random(seed).shuffle(places)
    return table.take(pa.array(places, pa.int64()))


def test_another_seed_draws_other_sets() -> None:
    ids = [
        {row["combination_id"] for row in rows(sample(CombinationsConfig(), seed=seed))} for seed in (0, 0, 1)
    ]
    assert ids[0] == ids[1] != ids[2]


def test_the_samplers_never_share_an_id() -> None:
    ids = [
        {row["combination_id"] for row in rows(sample(only(**level)))}
        for level in (
            {"level1": "whole_passage"}, {"level2": "model_chooses"}, {"level2": "code_chooses"},
            {"level3": "graph_walk"}, {"level3": "uniform"},
        )
    ]  # fmt: skip
    assert len(set().union(*ids)) == sum(map(len, ids))


def test_empty_tables_make_no_combinations() -> None:
    names = ("passages", "concepts", "incidence", "mentions")
    output = sample_combinations(*(TABLES[n].schema.empty_table() for n in names), CombinationsConfig(), 0)
    output.check_balance("combinations")
    assert (rows(output), output.inputs, output.rejected) == ([], frozenset(), [])


def test_tables_of_two_graphs_are_refused() -> None:
    passages, concepts, incidence, mentions = combination_inputs(FOUND)
    with pytest.raises(SchemaError, match="is not in both concepts and incidence"):
        sample_combinations(passages, concepts.slice(1), incidence, mentions, CombinationsConfig(), 0)
