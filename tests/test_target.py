"""Exact numbers of rows: how far each wave goes, which rows are kept, and what comes of being interrupted."""

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import synth
from synth.changes import outdated
from synth.config import ModelConfig, RunConfig
from synth.facade import Result, run_stage
from synth.pipeline import made_from, stage_of
from synth.prompts.library import PromptLibrary
from synth.report import manifests, read_stats
from synth.road import stages_of
from synth.run_report import read
from synth.runs import Run, default_name
from synth.settings import load
from synth.stages.dataset import rows_to_keep
from synth.standing import standing
from synth.target import Walked, next_limit, sentence
from synth.waves import FILE, first, road, waved
from tests import corpus

ROWS = 40
Carry = Callable[..., Result]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    documents = corpus.write(tmp_path_factory.mktemp("corpus"))
    return load("synthllm-recommended", [str(documents)], "fake", overrides=["combinations.epochs=1"])


@pytest.fixture(scope="module")
def begun(config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has its combinations: to be copied, as reading takes longer than all that follows."""
    with Run.open(config, tmp_path_factory.mktemp("begun"), "r") as run:
        for stage in first(config):
            run_stage(run, stage, lambda *_: None)
    return run.folder


@pytest.fixture
def carry_out(begun: Path, tmp_path: Path) -> Carry:
    """Finish the run in a folder of its own, or carry it out again."""

    def run(config: RunConfig, where: str = "runs", **more: Any) -> Result:
        if not (tmp_path / where / "r").exists():
            shutil.copytree(begun, tmp_path / where / "r")
        return synth.run(config, runs=tmp_path / where, name="r", **more)

    return run


def wanted(config: RunConfig, rows: int = ROWS, **more: int) -> RunConfig:
    return config.model_copy(
        update={"target": config.target.model_copy(update={"rows": rows, "candidates": 0, **more})}
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def last_try(result: Result) -> tuple[int, set[str]]:
    """Calls made by the last try of a run, and what became of its stages."""
    last = read(result.folder)["tries"][-1]
    return last["calls"]["made"], {stage["status"] for stage in last["stages"].values()}


def limits(result: Result) -> list[int]:
    return [wave["limit"] for wave in read(result.folder)["tries"][-1]["waves"]]


def walk(rows: int, given: list[int], most: list[int]) -> list[Walked]:
    """The waves where the combinations give these rows, and can give so many at most."""
    accepted, bound = list(accumulate(given)), list(accumulate(most))
    walked: list[Walked] = []
    while (limit := next_limit(walked, rows, bound, len(given))) is not None:
        walked.append(Walked(limit, accepted[limit - 1]))
    return walked


@pytest.mark.parametrize(("chance", "surplus"), [(0.9, 0.03), (0.5, 0.03), (0.1, 0.05), (0.01, 0.1)])
def test_few_waves_reach_a_target_with_little_surplus(chance: float, surplus: float) -> None:
    rng = random.Random(f"waves {chance}")
    for _ in range(5):
        most = [rng.choice((3, 5)) for _ in range(50_000)]
        given = [sum(rng.random() < chance for _ in range(count)) for count in most]
        walked = walk(1000, given, most)
        assert 1000 <= walked[-1].accepted <= 1000 * (1 + surplus)
        assert len(walked) <= 7
        assert [one.limit for one in walked] == sorted({one.limit for one in walked})


def test_the_first_wave_can_never_give_too_many_rows() -> None:
    most = [5, 3, 5, 3, 5, 3]
    assert walk(16, most, most)[0] == Walked(4, 16)
    assert walk(17, most, most)[0] == Walked(4, 16)
    assert walk(2, most, most)[0].limit == 1  # one is the least that can be asked


def test_waves_end_where_nothing_comes() -> None:
    assert walk(10, [0] * 1000, [5] * 1000)[-1] == Walked(1000, 0)
    assert len(walk(10, [0] * 1000, [5] * 1000)) < 8
    assert walk(0, [1] * 9, [5] * 9) == [Walked(9, 9)]
    assert next_limit([], 10, [], 0) == 0
    assert next_limit([Walked(0, 0)], 10, [], 0) is None


def test_which_rows_are_kept_depends_on_their_ids_and_leaves_levels_their_shares() -> None:
    rows = [
        {"id": f"q{i:03d}", "combination_id": f"c{i % 25:03d}", "origin": "level1" if i % 3 else "level3"}
        for i in range(100)
    ]
    kept = rows_to_keep(rows, 50)
    levels = Counter(row["origin"] for row in rows if row["id"] in kept)
    assert levels == {"level1": 33, "level3": 17}
    assert rows_to_keep(rows[::-1], 50) == kept
    first = min((row for row in rows if row["origin"] == "level3"), key=lambda row: row["combination_id"])
    assert first["id"] in kept
    assert rows_to_keep(rows, 0) == rows_to_keep(rows, 100) == {row["id"] for row in rows}


@pytest.mark.parametrize("rows", [1, 7, ROWS, 60])
def test_exactly_so_many_rows_are_published(config: RunConfig, rows: int, carry_out: Carry) -> None:
    result = carry_out(wanted(config, rows))
    found = result.target
    assert found is not None
    assert pq.read_table(result.dataset / "questions").num_rows == rows == found.kept
    assert found.stop == "reached"
    assert found.accepted >= rows
    assert found.candidates == manifests(result.folder)["questions"].inputs <= found.combinations
    row = result.funnel[-1]
    assert (row.inputs, row.outputs) == (found.accepted, rows)
    assert row.reasons == ({"beyond_target": found.accepted - rows} if found.accepted > rows else {})
    assert read_stats(result.folder)["target"] == found._asdict()
    assert read(result.folder)["target"] == found._asdict()
    assert f"Target: {rows} of {rows} rows, from " in (result.dataset / "README.md").read_text()


def test_a_target_beyond_all_gives_what_a_run_without_one_gives(config: RunConfig, carry_out: Carry) -> None:
    plain = carry_out(config, "plain")
    result = carry_out(wanted(config, 10_000), "target")
    assert result.target is not None
    assert (result.target.stop, result.target.kept) == ("exhausted", plain.funnel[-1].outputs)
    assert "not reached, as no combination is left" in sentence(result.target)
    one, other = manifests(plain.folder), manifests(result.folder)
    assert [stage for stage in one if one[stage].fingerprint != other[stage].fingerprint] == ["dataset"]
    read_rows = [pq.read_table(r.dataset / "questions").to_pylist() for r in (plain, result)]
    assert read_rows[0] == read_rows[1]


def test_a_ceiling_ends_the_run(config: RunConfig, carry_out: Carry) -> None:
    result = carry_out(wanted(config, 10_000, candidates=9))
    assert result.target is not None
    assert (result.target.stop, result.target.candidates) == ("candidates", 9)
    assert "not reached, as target.candidates ends it at 9" in sentence(result.target)
    all_of_them = carry_out(wanted(config, 0, candidates=9))
    assert all_of_them.target is not None
    assert all_of_them.funnel[-1].outputs == result.funnel[-1].outputs
    assert sentence(all_of_them.target).startswith("Target: all rows, ")
    assert last_try(all_of_them)[0] == 0


def test_rows_do_not_depend_on_how_they_are_cut(config: RunConfig, carry_out: Carry) -> None:
    whole = carry_out(wanted(config), "whole")
    cut = wanted(config).model_copy(update={"part_rows": 3, "tasks": 2})
    assert contents(carry_out(cut, "cut").dataset) == contents(whole.dataset)
    assert len(limits(whole)) > 2


def test_a_finished_run_does_nothing_again(config: RunConfig, carry_out: Carry) -> None:
    first = carry_out(wanted(config))
    before = contents(first.dataset)
    again = carry_out(wanted(config))
    assert last_try(again) == (0, {"reused"})
    assert contents(again.dataset) == before
    assert limits(again) == limits(first)


@pytest.mark.parametrize("damage", ["gone", "torn", "figure", "other"])
def test_what_is_kept_of_waves_is_a_cache(config: RunConfig, damage: str, carry_out: Carry) -> None:
    first = carry_out(wanted(config))
    before, path = contents(first.dataset), first.folder / FILE
    kept = json.loads(path.read_bytes())
    limit = min(kept["accepted"], key=int)
    changed = {**kept, "accepted": {**kept["accepted"], limit: ROWS}}
    path.unlink()
    if damage == "torn":
        path.write_text(json.dumps(kept)[:30])
    elif damage == "figure":
        path.write_text(json.dumps(changed))
    elif damage == "other":
        path.write_text(json.dumps({**kept, "depends": "0" * 32}))
    again = carry_out(wanted(config))
    assert last_try(again)[0] == 0
    assert contents(again.dataset) == before
    assert json.loads(path.read_bytes()) == kept


def test_a_raised_target_goes_on_and_ends_like_one_that_began_with_it(
    config: RunConfig, carry_out: Carry
) -> None:
    fresh = carry_out(wanted(config, 60), "fresh")
    first = carry_out(wanted(config, 30), "raised")
    raised = carry_out(wanted(config, 60), "raised")
    assert contents(raised.dataset) == contents(fresh.dataset)
    paid = read(raised.folder)["calls"]["made"]
    assert 0 < last_try(raised)[0] < last_try(fresh)[0]
    # Nothing but the answers to questions that a larger sample finds to be duplicates.
    assert paid <= 1.1 * last_try(fresh)[0]
    lowered = carry_out(wanted(config, 30), "raised")
    assert last_try(lowered)[0] == 0
    assert lowered.funnel[-1].outputs == first.funnel[-1].outputs == 30


class Killed(BaseException):
    """As sudden as can be within one process."""


def test_a_run_that_is_broken_off_anywhere_comes_out_the_same(config: RunConfig, carry_out: Carry) -> None:
    """At the beginning of each stage of each wave, and in the midst of calls, again and again."""
    small = wanted(config).model_copy(update={"part_rows": 10})
    whole = carry_out(small, "whole")
    for broken in range(60):
        left = [5 + broken % 5, 14]  # beginnings of stages, and calls: more than a part has

        def tell(stage: str, done: int, total: int, left: list[int] = left) -> None:
            left[total > 0] -= 1
            if min(left) < 0:
                raise Killed

        try:
            done = carry_out(small, "broken", progress=tell)
            break
        except Killed:
            continue
    assert broken > 9
    assert contents(done.dataset) == contents(whole.dataset)
    assert limits(done) == limits(whole)


def test_a_wave_whose_calls_failed_is_not_relied_on(config: RunConfig, carry_out: Carry) -> None:
    def run(url: str, where: str) -> Result:
        entry = ModelConfig(base_url=url, model="fake", identity="far", max_tries=1)
        roles = config.roles.model_copy(update={"generator": "far", "solver": "far"})
        return carry_out(wanted(config).model_copy(update={"models": {"far": entry}, "roles": roles}), where)

    whole = run("fake:", "whole")
    faulty = run("fake:?status_500=0.1", "faulty")
    assert any("call_failed" in m.reasons for m in manifests(faulty.folder).values())
    assert contents(faulty.dataset) != contents(whole.dataset)
    mended = run("fake:", "faulty")
    assert contents(mended.dataset) == contents(whole.dataset)
    assert limits(mended) == limits(whole)


def test_without_a_target_nothing_is_as_much_as_mentioned(config: RunConfig, carry_out: Carry) -> None:
    prompts = PromptLibrary(None)
    for stage in stages_of(config):
        made = made_from(stage_of(stage, config), config, prompts, lambda entry: entry, {})
        assert not [key for key in made["settings"] if key.startswith("target")]
    result = carry_out(config)
    assert all("limit" not in m.made_from for m in manifests(result.folder).values())
    assert not (result.folder / FILE).exists()
    assert result.target is None
    assert "target" not in {*read_stats(result.folder), *read(result.folder)}
    assert default_name(config) != default_name(wanted(config)) != default_name(wanted(config, 41))


def test_status_counts_the_parts_of_the_wave(config: RunConfig, tmp_path: Path, carry_out: Carry) -> None:
    small = wanted(config).model_copy(update={"part_rows": 4})
    whole = carry_out(small, "whole")
    first, *_ = limits(whole)

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "questions" and done:
            raise Killed

    with pytest.raises(Killed):
        carry_out(small, "killed", progress=stop)
    at = next(one for one in standing(tmp_path / "killed" / "r").stages if one.stage == "questions")
    assert (at.state, at.parts) == ("to do", -(-first // 4))


def test_a_dataset_is_old_once_another_target_is_set(config: RunConfig, carry_out: Carry) -> None:
    for old, new in (
        (config, wanted(config)),
        (wanted(config), wanted(config, 41)),
        (wanted(config), config),
    ):
        folder = carry_out(old).folder
        assert outdated(folder) is None
        with Run.open(new, folder.parent, "r"):
            pass
        assert "target.rows" in (outdated(folder) or "")


def test_the_road_is_all_stages_once_without_a_target(config: RunConfig, tmp_path: Path) -> None:
    with Run.open(config, tmp_path, "r") as run:
        stages = []
        for stage, wave in road(run):
            stages.append(stage)
            assert (wave.number, wave.said) == (1, "")
            plan = run.plan(stage)
            run.commit(plan, [run.work(plan, part) for part in plan.parts])
    assert tuple(stages) == stages_of(config)
    assert waved(config) == ("questions", "screen", "answers")
