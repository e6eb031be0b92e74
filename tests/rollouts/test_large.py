"""Responses of more than two gigabytes in all, which no text column of Arrow holds in one piece; here with less."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.rollouts import groups
from synth.rollouts.pairs import pairs
from synth.rollouts.prompts import prompts
from synth.rollouts.supervised import supervised
from tests.rollouts.tables import tables


@settings(deadline=None)
@given(tables(), st.integers(1, 5))
def test_the_road_of_large_tables_leads_to_the_same_rows(rollouts: pa.Table, batch: int) -> None:
    small = [
        supervised(rollouts),
        pairs(rollouts, per_problem=0),
        prompts(rollouts).kept,
        groups.ordered(rollouts),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "MOST_BYTES", 0)
        patch.setattr(groups, "BATCH", batch)
        large = [
            supervised(rollouts),
            pairs(rollouts, per_problem=0),
            prompts(rollouts).kept,
            groups.ordered(rollouts),
        ]
    assert [table.to_pylist() for table in large] == [table.to_pylist() for table in small]
    assert [table.schema for table in large] == [table.schema for table in small]
