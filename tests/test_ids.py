import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.ids import canonical_json, content_id, digest, stream

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON))
def test_order_of_keys_does_not_change_an_id(value: dict[str, object]) -> None:
    backwards = dict(reversed(list(value.items())))
    assert content_id("x", value) == content_id("x", backwards)


def test_parts_are_told_apart() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("1") != digest(1)


@pytest.mark.parametrize("value", [{1, 2}, object(), math.nan], ids=["set", "object", "nan"])
def test_what_has_no_single_written_form_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical_json(value)


def test_lone_surrogates_have_an_id() -> None:
    assert content_id("x", "\ud800") != content_id("x", "\udfff")


def test_a_stream_depends_on_its_name_only() -> None:
    first = stream(7, "graph", "a").random()
    stream(7, "graph", "b").random()
    assert stream(7, "graph", "a").random() == first
    assert stream(8, "graph", "a").random() != first
