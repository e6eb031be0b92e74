"""Text of documents and models stays in its block of code in the UI."""

import re

from hypothesis import given
from hypothesis import strategies as st

from flows.artifacts import as_code


@given(st.text(alphabet=st.sampled_from("`~\n ax\u202e")))
def test_a_block_of_code_cannot_be_left(text: str) -> None:
    first, *middle, last = as_code(text).split("\n")
    assert first == last
    assert set(first) == {"`"}
    assert not any(re.match(rf" {{0,3}}`{{{len(first)},}}[ \t]*$", inner) for inner in middle)


def test_signs_that_turn_the_direction_of_writing_are_taken_out() -> None:
    assert as_code("safe\u202egnp.exe") == "```\nsafegnp.exe\n```"
