"""Parts are shared out evenly, in order, and none twice; addresses of clusters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.runners import shares
from synth.clusters import faults_of
from synth.config import RunConfig


@given(st.lists(st.integers()), st.integers(1, 200))
def test_shares_are_all_items_in_order_and_even(items: list[int], most: int) -> None:
    found = shares(items, most)
    assert [item for share in found for item in share] == items
    assert len(found) == min(most, len(items))
    sizes = {len(share) for share in found}
    assert not sizes or (min(sizes) >= 1 and max(sizes) - min(sizes) <= 1)


@pytest.mark.parametrize(
    ("address", "is_wrong"),
    [("127.0.0.1:6379", False), ("127.0.0.2:6379", False), ("auto", False), ("10.0.0.1:6379", True)],
)
def test_workers_of_another_machine_cannot_reach_loopback(
    address: str, is_wrong: bool, config: RunConfig
) -> None:
    told = faults_of(config.model_copy(update={"runner": "ray", "runner_address": address}))
    assert (
        any(said.startswith(f"runner_host: workers of {address} cannot reach") for said in told) is is_wrong
    )
