import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.documents.blocks import find_headings
from synth.documents.formats import markup
from synth.documents.formats.markup import read_markdown, stated_fields, title_of
from synth.documents.words import words

LINES = st.lists(
    st.sampled_from(
        ["# a", "## b #", "a", "===", "---", "~~~", "```", "$$", "\\[", "\\]", "", " ", "x " * 20]
    ),
    max_size=14,
)


@given(LINES.map("\n".join))
def test_a_title_is_the_same_however_much_is_looked_at_first(text: str) -> None:
    headings = find_headings(text)
    top = [h for h in headings if h.level == 1]
    opens = [h for h in headings[:1] if not text[: h.start].strip()]
    expected = opens or (top if len(top) == 1 else [])
    with pytest.MonkeyPatch.context() as patch:
        # So that many texts are longer than what is looked at first.
        patch.setattr(markup, "_HEAD_CHARS", 30)
        assert title_of(text) == (expected[0].title if expected else None)


def test_front_matter_holds_texts_whatever_they_look_like() -> None:
    raw = b"---\ntitle: yes\ndate: 2020-13-45\nlang: [no, da]\nlicense: 'CC0'\nurl: ~\n---\nText\n"
    content = read_markdown(raw)
    assert (content.title, content.date, content.licence) == ("yes", "2020-13-45", "CC0")
    assert (content.language, content.url, content.text) == (None, None, "Text\n")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Don't_count x^2, 3.5!", ["don", "t", "count", "x", "2", "3", "5"]),
        ("Größe STRASSE ß 10²", ["grösse", "strasse", "ss", "10²"]),
        ("函数 f(x) です", ["函", "数", "f", "x", "で", "す"]),
        ("\x00 K \u212a", ["k", "k"]),
    ],
    ids=["ASCII", "folded", "without spaces", "becomes ASCII"],
)
def test_words_have_neither_case_nor_signs(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_several_licences_are_one_statement() -> None:
    page = b"---\nlicense: [MIT, CC0]\ntitle: [a, b]\n---\nText.\n"
    found = read_markdown(page)
    assert (found.licence, found.title) == ("MIT, CC0", None)
    assert stated_fields({"licence": ["MIT", " CC0 "]})["licence"] == "MIT, CC0"
    assert stated_fields({"licence": ["MIT", 1], "license": []})["licence"] is None
