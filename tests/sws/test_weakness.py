"""The weakness rule and the scores beside it, on shapes of the published record and on a real log."""

import gzip
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from synth.config_weakness import WeaknessConfig
from synth.ids import content_id
from synth.sws.read import Reading, read_histories
from synth.sws.scores import Curves, ranked
from synth.sws.tables import HISTORIES, WEAKNESSES
from synth.sws.weakness import weaknesses
from synth.text import normalise
from tests.sws.logs import naive_lim, naive_slope, naive_variance

REAL = "rollouts/oneshot_rlvr_acc_history.jsonl.gz"
SUFFIX = "Let's think step by step and output the final answer within \\boxed{}."
# Eighths and tenths: the latter have no exact binary form, so levels of them test the rounding.
SHARES = st.integers(0, 8).map(lambda n: n / 8) | st.integers(0, 10).map(lambda n: n / 10)
LOGS = st.lists(st.lists(SHARES, min_size=1, max_size=9), min_size=1, max_size=8)


def histories(*accuracies: list[float], attempts: Any = None) -> pa.Table:
    rows = [
        {
            "problem_id": f"p{n}", "problem": f"Problem {n}", "category": None, "label": None, "model": None,
            "source": "log", "visits": len(values), "accuracies": values, "attempts": attempts,
            "unanimity": None,
        }
        for n, values in enumerate(accuracies)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=HISTORIES.schema)


def failed(*accuracies: list[float], **settings: Any) -> list[bool]:
    found: list[bool] = weaknesses(histories(*accuracies), WeaknessConfig(**settings))[
        "is_weakness"
    ].to_pylist()
    return found


def test_the_rule_includes_its_ends() -> None:
    zero, half, rising, level, good = [0.0] * 12, [0.5, 0.25, 0.0], [0.0, 0.1, 0.3], [0.3] * 7, [0.6, 0.1]
    assert failed(zero, half, rising, level, good) == [True, True, False, True, False]


def test_a_single_visit_among_others_has_no_slope() -> None:
    assert failed([0.5], [0.51], [0.0, 0.0]) == [True, False, True]
    slopes = weaknesses(histories([0.5], [0.0, 1.0]))["slope"].to_pylist()
    assert slopes == [0.0, 1.0]


def test_thresholds_can_be_set() -> None:
    log = ([0.5, 0.25], [0.0, 0.1], [0.7, 0.7])
    assert failed(*log, max_accuracy=0.4) == [False, False, False]
    assert failed(*log, max_slope=0.1) == [True, True, False]
    assert failed(*log, max_accuracy=0.7) == [True, False, True]


def test_without_a_history_the_pass_rate_decides_and_says_so() -> None:
    table = weaknesses(histories([0.25], [0.375], [0.0]))
    assert table["is_weakness"].to_pylist() == [True, False, True]
    assert set(table["definition"].to_pylist()) == {"rate: last_accuracy <= 0.25"}
    assert failed([0.25], [0.375], rule="trend") == [True, True]
    assert failed([0.9, 0.25], [0.1, 0.375], rule="rate") == [True, False]
    table = weaknesses(histories([0.25], [0.375, 0.1]))
    assert set(table["definition"].to_pylist()) == {"trend: max_accuracy <= 0.5 and slope <= 0"}


@pytest.mark.parametrize("log", [[[0.0], [0.1, 0.2]], [[1.0, 1.0], [1.0]]])
def test_nothing_and_everything_failed(log: list[list[float]]) -> None:
    wanted = [max(values) <= 0.5 and naive_slope(values) <= 0 for values in log]
    assert failed(*log) == wanted


@settings(deadline=None)
@given(LOGS)
def test_scores_equal_a_plain_reference(log: list[list[float]]) -> None:
    rows = weaknesses(histories(*log)).to_pylist()
    for row, values, lim in zip(rows, log, naive_lim(log), strict=True):
        assert row["max_accuracy"] == max(values)
        assert row["last_accuracy"] == values[-1]
        assert row["mean_accuracy"] == pytest.approx(sum(values) / len(values), abs=1e-12)
        assert row["slope"] == pytest.approx(naive_slope(values), abs=1e-12)
        assert row["variance"] == pytest.approx(naive_variance(values), abs=1e-12)
        assert row["signal"] == pytest.approx(values[-1] * (1 - values[-1]), abs=1e-12)
        assert row["in_band"] == (0.125 <= values[-1] <= 0.875)
        if lim is not None and row["lim"] is not None:
            assert row["lim"] == pytest.approx(lim, abs=1e-9, rel=1e-9)
        if len(set(values)) == 1:
            assert row["slope"] == 0 and row["variance"] == 0


def test_lim_by_hand_and_over_the_shortest() -> None:
    curves = Curves(np.array([0.0, 0.5, 0.5, 1.0, 0.5]), np.array([0, 2, 5]))
    # Means 0.25, 0.75, 0.5: of the first two visits both are 0.25 away from each, and 0.75 and 0.25 from 1.
    assert curves.lim("shortest").tolist() == pytest.approx([1 - 0.125 / 0.625] * 2)
    assert curves.lim("own").tolist() == pytest.approx([1 - 0.125 / 0.625, 1 - 0.125 / 0.875])
    assert np.isnan(Curves(np.array([1.0, 1.0]), np.array([0, 1, 2])).lim()).all()


def test_ties_keep_their_order_or_go_by_id() -> None:
    scores = np.array([0.0, 0.3, 0.0, 0.3, 0.1])
    assert ranked(scores).tolist() == [1, 3, 4, 0, 2]
    assert ranked(scores, ["e", "d", "c", "b", "a"]).tolist() == [3, 1, 4, 2, 0]


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"max_accuracy": 1.1}, {"band": (0.9, 0.1)}, {"max_slope": float("nan")}, {"rule": "x"}):
        with pytest.raises(ValidationError):
            WeaknessConfig(**wrong)


def test_attempts_are_counted_where_they_are_known() -> None:
    table = weaknesses(pa.concat_tables([histories([0.5, 0.0], attempts=[8, 4]), histories([0.1])]))
    assert table["attempts"].to_pylist() == [12, None]


def test_ranks_of_the_published_log(test_data: Path) -> None:
    with gzip.open(test_data / REAL) as file:
        rows = [json.loads(line) for line in file]
    values = np.concatenate([row["acc"] for row in rows])
    offsets = np.append(0, np.cumsum([len(row["acc"]) for row in rows]))
    variances = Curves(values, offsets).variances()
    order = ranked(variances)
    assert order[[0, 1, 12]].tolist() == [124, 267, 682]
    # The last rank is one of 104 problems that never vary. The authors sort their own file, in which 789 is
    # the last of these; this file is in another order, so that it is tied with them for the last place.
    assert variances[789] == 0 and (variances == 0).sum() == 104 and (variances[order[:1105]] > 0).all()
    their_order = np.array([n for n in range(len(rows)) if n != 789] + [789])
    assert their_order[ranked(variances[their_order])][[0, 1, 12, 1208]].tolist() == [124, 267, 682, 789]


def test_the_published_log_from_file_to_table(test_data: Path) -> None:
    read = read_histories([test_data / REAL], Reading(strip_end=(SUFFIX,)))
    table = weaknesses(read.histories)
    assert table.schema.equals(WEAKNESSES.schema, check_metadata=True)
    table.validate(full=True)
    assert (read.rows, table.num_rows, len(read.rejected)) == (1209, 1206, 3)
    assert not any("boxed{}" in text[-20:] for text in table["problem"].to_pylist())
    for name in ("slope", "variance", "lim", "signal", "in_band", "max_accuracy"):
        assert table[name].null_count == 0
    ids = table["problem_id"].to_pylist()
    assert all(a < b for a, b in pairwise(ids))
    with gzip.open(test_data / REAL) as file:
        logged = [json.loads(line) for line in file]
    by_id = {content_id("p", normalise(row["question"]).removesuffix(SUFFIX).strip()): row for row in logged}
    for row in table.to_pylist():
        values = by_id[row["problem_id"]]["acc"]
        assert row["slope"] == pytest.approx(naive_slope(values), abs=1e-12)
        assert row["is_weakness"] == (max(values) <= 0.5 and naive_slope(values) <= 1e-12)
