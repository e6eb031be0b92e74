"""Text of documents and models cannot become a link, a picture or HTML in the UI."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.artifacts import as_code, unlinked
from synth.publish.card import markdown_text

HOSTILE = (
    '<img src=x onerror="alert(1)"><script>alert(1)</script> [a](javascript:alert(1)) '
    "![b](http://evil.example/x) https://evil.example/y www.evil.example a@evil.example ``` ~~~ | x |\n# y"
)
# What GitHub's flavour of Markdown makes a link without any sign around it.
BARE = re.compile(r"https?://|\bwww\.|[\w.+-]@[\w-]", re.IGNORECASE)


@given(st.text(alphabet=st.sampled_from("`~\n ax\u202e")))
def test_a_block_of_code_cannot_be_left(text: str) -> None:
    first, *middle, last = as_code(text).split("\n")
    assert first == last
    assert set(first) == {"`"}
    assert not any(re.match(rf" {{0,3}}`{{{len(first)},}}[ \t]*$", inner) for inner in middle)


def test_signs_that_turn_the_direction_of_writing_are_taken_out() -> None:
    assert as_code("safe\u202egnp.exe") == "```\nsafegnp.exe\n```"


@pytest.mark.parametrize(
    "text", [HOSTILE, "HTTPS://evil.example", "xhttp://evil.example", "WWW.evil.example"]
)
def test_an_address_in_escaped_text_does_not_become_a_link(text: str) -> None:
    shown = unlinked(markdown_text(text))
    assert not BARE.search(shown.replace("\\", ""))
    assert not re.search(r"(?<!\\)[<\[`|]", shown)


def test_text_without_an_address_stays_as_it_is() -> None:
    assert unlinked("a *b* `c` http www at") == "a *b* `c` http www at"
