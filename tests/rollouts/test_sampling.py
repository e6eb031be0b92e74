"""Attempts at seed problems, visit by visit: what is written, resumed, refused, and what is made of it."""

import errno
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from synth import lock
from synth.errors import BudgetReached, ConfigError, EndpointError, StoreError, Waiting
from synth.llm.journal import Journal
from synth.rollouts.expected import expected
from synth.rollouts.read import read_rollouts
from synth.rollouts.sampling import FILE, Sampled, sample
from synth.rollouts.seeds import read_seeds
from synth.rollouts.tables import SAMPLED
from synth.rollouts.visits import Visits, visits_of
from synth.sws.find import find
from synth.verify.equivalence.engine import verifier
from tests.endpoints import PLANTED_KEY, FakeEndpoint
from tests.rollouts.seeds import EACH, ROWS, put

pytest.importorskip("math_verify")

# The second checkpoint has learnt geometry, and nothing of the other subject.
WEAK = "fake:?ability=0&ability=geometry@step1=0&ability=geometry@step2=1"
Row = dict[str, Any]


def entry(name: str, base_url: str = WEAK, **more: Any) -> str:
    fields = {"base_url": base_url, "model": name, **more}
    return f"models.{name}={{{', '.join(f'{k} = {json.dumps(v)}' for k, v in fields.items())}}}"


STEPS = (entry("step1"), entry("step2"))


def run(out: Path, visits: Visits, rows: list[Row] = ROWS, **more: Any) -> Sampled:
    return sample(read_seeds([put(out.parent, rows)]), visits, out, **more)


def rows_of(out: Path, name: str = FILE) -> list[Row]:
    rows: list[Row] = pq.read_table(out / name).to_pylist()
    return rows


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir() if path.suffix in (".parquet", ".json")}


def test_two_visits_make_the_weaknesses_that_were_planted(tmp_path: Path) -> None:
    done = run(tmp_path / "o", visits_of(overrides=STEPS))
    assert [(t.visit, t.entry, t.model) for t in done.tallies] == [
        (0, "step1", f"fake@1{WEAK.removeprefix('fake:')}#step1"),
        (1, "step2", f"fake@1{WEAK.removeprefix('fake:')}#step2"),
    ]
    assert [t.pass_rate for t in done.tallies] == [0.0, 0.5]
    rows = rows_of(tmp_path / "o")
    assert len(rows) == 2 * 8 * len(ROWS)
    found = find([tmp_path / "o" / FILE], tmp_path / "w", budget=100)
    failed = found.weaknesses.filter(found.weaknesses["is_weakness"])
    assert set(failed["category"].to_pylist()) == {"Number Theory"}
    assert failed.num_rows == EACH
    assert set(found.weaknesses["visits"].to_pylist()) == {2}
    assert {row["category"]: row["budget"] for row in found.categories.to_pylist()} == {
        "Geometry": 0,
        "Number Theory": 100,
    }
    assert set(found.weaknesses["problem_id"].to_pylist()) == {row["problem_id"] for row in rows}


def test_a_row_an_attempt_in_order(tmp_path: Path) -> None:
    run(tmp_path / "o", visits_of(overrides=STEPS, attempts=3))
    table = pq.read_table(tmp_path / "o" / FILE)
    assert table.schema == SAMPLED.schema
    rows = table.to_pylist()
    order = [(row["visit"], row["problem_id"], row["sample"]) for row in rows]
    assert order == sorted(order) and len(set(order)) == 2 * 3 * len(ROWS)
    assert len({row["rollout_id"] for row in rows}) == len(rows)
    labels = {row["question"]: str(row["answer"]) for row in ROWS}
    for row in rows:
        assert row["label"] == labels[row["problem"]]
        assert row["correct"] == (row["answer"] == row["label"])
        assert row["category"] == ("Geometry" if "geometry" in row["problem"] else "Number Theory")
        assert row["call_id"].startswith("call_") and row["tokens"] > 0 and not row["truncated"]
    again = read_rollouts(tmp_path / "o" / FILE)
    assert again.rejected == [] and again.rollouts.num_rows == len(rows)
    told = json.loads((tmp_path / "o" / "rollouts.json").read_bytes())
    assert (told["attempts"], told["prompt_id"], told["verifier"]) == (3, "attempt.v1", verifier())
    assert [visit["entry"] for visit in told["visits"]] == ["step1", "step2"]


def test_visits_stand_in_the_order_given(tmp_path: Path) -> None:
    done = run(tmp_path / "o", visits_of(["step2", "step1"], overrides=STEPS, attempts=1))
    assert [(t.visit, t.entry) for t in done.tallies] == [(0, "step2"), (1, "step1")]
    assert {row["model"].rpartition("#")[2] for row in rows_of(tmp_path / "o")[: len(ROWS)]} == {"step2"}


def test_the_same_bytes_again_and_from_other_orders(tmp_path: Path) -> None:
    visits = visits_of(overrides=(entry("a", "fake:"), entry("b", "fake:")))
    run(tmp_path / "one/o", visits)
    before = contents(tmp_path / "one/o")
    assert set(before) == {FILE, "rejected.parquet", "rollouts.json"}
    run(tmp_path / "one/o", visits)
    assert contents(tmp_path / "one/o") == before
    slow = visits_of(overrides=(entry("a", "fake:", max_in_flight=1), entry("b", "fake:")))
    run(tmp_path / "two/o", slow, list(reversed(ROWS)))
    assert contents(tmp_path / "two/o") == before


def test_parts_do_not_change_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    visits = visits_of(overrides=STEPS, attempts=2)
    run(tmp_path / "o", visits)
    monkeypatch.setattr("synth.rollouts.ask.PART", 5)
    run(tmp_path / "p", visits)
    assert rows_of(tmp_path / "o") == rows_of(tmp_path / "p")


def test_faults_of_replies_are_told_apart(tmp_path: Path) -> None:
    faults = "fake:?ability=1&truncated=0.2&empty=0.1&refusal=0.1&unmarked=0.1"
    done = run(tmp_path / "o", visits_of(overrides=[entry("a", faults)]))
    (tally,) = done.tallies
    assert tally.attempts == 8 * len(ROWS) and tally.failed == 0
    assert tally.truncated > 5 and tally.wrong > 5 and tally.right > 20
    counted = Counter(row["truncated"] for row in rows_of(tmp_path / "o"))
    assert counted[True] == tally.truncated


def test_calls_that_fail_are_no_attempts_and_are_made_again(
    tmp_path: Path, start_fake: Callable[..., FakeEndpoint]
) -> None:
    """Each try draws its faults anew, so that a later command succeeds where an earlier one did not."""
    faulty = start_fake("--fault", "status_500=0.3")
    settings = entry("far", faulty.url, max_tries=1)
    done = run(tmp_path / "o", visits_of(overrides=[settings], attempts=4))
    (tally,) = done.tallies
    whole = 4 * len(ROWS)
    assert 0 < tally.failed < whole and tally.attempts == whole - tally.failed == len(rows_of(tmp_path / "o"))
    assert done.rejected == {"call_failed": tally.failed}
    lost = json.loads(rows_of(tmp_path / "o", "rejected.parquet")[0]["row"])
    assert lost["visit"] == 0 and 0 <= lost["sample"] < 4
    for _ in range(20):
        done = run(tmp_path / "o", visits_of(overrides=[settings], attempts=4))
        if not done.rejected:
            break
    assert done.tallies[0].attempts == whole
    stats = faulty.stats()
    assert stats["distinct"] == whole and stats["repeated"] == 0  # paid once each


def test_an_endpoint_that_is_down_keeps_what_was_answered(
    tmp_path: Path, start_fake: Callable[..., FakeEndpoint]
) -> None:
    far = start_fake()
    nobody = entry("none", "http://127.0.0.1:9/v1", max_tries=1, max_outage_s=0.2)
    both = visits_of(overrides=[entry("far", far.url), nobody], attempts=2)
    with pytest.raises(EndpointError, match=r"models\.none: .* cannot be reached"):
        run(tmp_path / "o", both)
    assert not (tmp_path / "o" / FILE).exists()
    calls = far.stats()["distinct"]
    assert calls == 2 * len(ROWS)
    # Without its endpoint's probe and without a call: all of it lies in the journal.
    done = run(tmp_path / "o", visits_of(["far"], overrides=[entry("far", far.url), nobody], attempts=2))
    assert done.tallies[0].attempts == calls
    assert far.stats()["distinct"] == calls and far.stats()["repeated"] == 0


def test_checkpoints_may_be_served_one_after_the_other(
    tmp_path: Path, start_fake: Callable[..., FakeEndpoint]
) -> None:
    far = start_fake("--ability", "1", "--ability", "geometry@early=0")
    early = entry("early", far.url, identity="first")
    run(tmp_path / "o", visits_of(overrides=[early], attempts=2))
    gone = entry("early", "http://127.0.0.1:9/v1", identity="first", max_tries=1)
    late = entry("late", far.url, identity="second")
    done = run(tmp_path / "o", visits_of(overrides=[gone, late], attempts=2))
    assert [(t.entry, t.pass_rate) for t in done.tallies] == [("early", 0.5), ("late", 1.0)]


def test_a_model_that_an_endpoint_does_not_have(
    tmp_path: Path, start_fake: Callable[..., FakeEndpoint]
) -> None:
    far = start_fake("--model", "early")
    with pytest.raises(EndpointError, match=r"models\.late: .*does not exist"):
        run(tmp_path / "o", visits_of(overrides=[entry("late", far.url)], attempts=1))


def test_a_ceiling_stops_and_goes_on(tmp_path: Path) -> None:
    with pytest.raises(BudgetReached):
        run(tmp_path / "o", visits_of(overrides=[*STEPS, "budget.calls=50"]))
    with Journal(tmp_path / "o/calls", read_only=True) as journal:
        assert len(journal) == 50
    with pytest.raises(BudgetReached):
        run(tmp_path / "o", visits_of(overrides=[*STEPS, "budget.calls=50"]))
    done = run(tmp_path / "o", visits_of(overrides=[*STEPS, "budget.calls=192"]))
    assert sum(t.attempts for t in done.tallies) == 192


def test_money_is_that_of_all_tries(tmp_path: Path) -> None:
    priced = 'models.a={base_url="fake:", model="a", price={input=1.0, output=2.0}}'
    with pytest.raises(BudgetReached):
        run(tmp_path / "o", visits_of(overrides=[priced, "budget.calls=20"], attempts=4))
    first = run(tmp_path / "o", visits_of(overrides=[priced], attempts=4))
    whole = run(tmp_path / "p", visits_of(overrides=[priced], attempts=4))
    assert first.tallies[0].cost == whole.tallies[0].cost
    assert whole.tallies[0].cost.known > 0
    assert first.summary()["cost"] == whole.summary()["cost"]


def test_visits_travel_in_batches(tmp_path: Path, start_fake: Callable[..., FakeEndpoint]) -> None:
    """Each visit is submitted, though the first is still waiting; a later command collects both."""
    far = start_fake("--batch-s", "0.3")
    more = {"batch": "on", "batch_least": 1, "batch_poll_s": 0.05, "identity": "far"}
    steps = [entry(name, far.url, **more) for name in ("step1", "step2")]
    with pytest.raises(Waiting, match="in 2 batches under way"):
        run(tmp_path / "o", visits_of(overrides=steps, attempts=2))
    patient = [step.replace("batch_poll_s", "batch_wait_s = 20.0, batch_poll_s") for step in steps]
    done = run(tmp_path / "o", visits_of(overrides=patient, attempts=2))
    assert [t.attempts for t in done.tallies] == [2 * len(ROWS)] * 2
    live = [entry(name, far.url, identity="far") for name in ("step1", "step2")]
    run(tmp_path / "p", visits_of(overrides=live, attempts=2))
    assert rows_of(tmp_path / "o") == rows_of(tmp_path / "p")


def test_answers_of_an_earlier_folder_are_reused(
    tmp_path: Path, start_fake: Callable[..., FakeEndpoint]
) -> None:
    far = start_fake()
    visits = visits_of(overrides=[entry("far", far.url)], attempts=2)
    run(tmp_path / "o", visits)
    done = run(tmp_path / "p", visits, reuse=[tmp_path / "o"])
    assert rows_of(tmp_path / "o") == rows_of(tmp_path / "p")
    assert far.stats()["repeated"] == 0 and not done.tallies[0].cost.known
    with pytest.raises(ConfigError, match="there is no journal in it"):
        run(tmp_path / "q", visits, reuse=[tmp_path])


def test_one_process_at_a_time(tmp_path: Path) -> None:
    held = lock.take(tmp_path / "o")
    try:
        with pytest.raises(StoreError, match="Another process is at work in"):
            run(tmp_path / "o", visits_of(["fake"]))
    finally:
        os.close(held)
    run(tmp_path / "o", visits_of(["fake"], attempts=1))


def test_a_full_disk_is_told_and_leaves_the_old_file(tmp_path: Path, monkeypatch: Any) -> None:
    run(tmp_path / "o", visits_of(["fake"], attempts=1))
    before = (tmp_path / "o" / FILE).read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(pq.ParquetWriter, "write_table", full)
        with pytest.raises(StoreError, match=r"Cannot write .*rollouts\.parquet: No space left"):
            run(tmp_path / "o", visits_of(["fake"], attempts=2))
    assert (tmp_path / "o" / FILE).read_bytes() == before
    assert not list((tmp_path / "o").glob(".*.tmp"))
    assert run(tmp_path / "o", visits_of(["fake"], attempts=2)).tallies[0].attempts == 2 * len(ROWS)


def test_the_key_is_written_nowhere(
    tmp_path: Path, start_fake: Callable[..., FakeEndpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    far = start_fake("--api-key-env", "FAKE_KEY")
    keyed = entry("far", far.url, api_key_env="FAR_KEY")
    with pytest.raises(ConfigError, match="the variable FAR_KEY is not set"):
        visits_of(overrides=[keyed])
    monkeypatch.setenv("FAR_KEY", PLANTED_KEY)
    run(tmp_path / "o", visits_of(overrides=[keyed], attempts=1))
    for path in (tmp_path / "o").rglob("*"):
        assert not path.is_file() or PLANTED_KEY.encode() not in path.read_bytes(), path


def test_a_forecast_makes_no_call(tmp_path: Path) -> None:
    seeds = read_seeds([put(tmp_path)])
    first, second = expected(seeds, visits_of(overrides=STEPS, attempts=5))
    assert (first.visit, second.visit, first.calls) == (0, 1, 5 * len(ROWS))
    assert first.prompt_tokens > 100 and first.reply_tokens == 700 * first.calls
    (short,) = expected(seeds, visits_of(["fake"], sampling={"max_tokens": 10}))
    assert short.reply_tokens == 10 * 8 * len(ROWS)
