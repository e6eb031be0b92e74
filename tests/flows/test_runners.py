"""Parts are shared out evenly, in order, and none twice."""

from hypothesis import given
from hypothesis import strategies as st

from flows.runners import shares


@given(st.lists(st.integers()), st.integers(1, 200))
def test_shares_are_all_items_in_order_and_even(items: list[int], most: int) -> None:
    found = shares(items, most)
    assert [item for share in found for item in share] == items
    assert len(found) == min(most, len(items))
    sizes = {len(share) for share in found}
    assert not sizes or (min(sizes) >= 1 and max(sizes) - min(sizes) <= 1)
