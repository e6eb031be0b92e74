"""Texts by pieces, and concepts marked in passages."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.view.marks import mark
from synth.view.text import Piece, brief, line, pieces, shown


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a $x^2$ b", [("text", "a "), ("inline", "x^2"), ("text", " b")]),
        (r"\(x\) and \[y\]", [("inline", "x"), ("text", " and"), ("display", "y")]),
        ("so\n\n$$a = b$$\n\nthen", [("text", "so"), ("display", "a = b"), ("text", "then")]),
        ("it costs $5 and $10", [("text", "it costs $5 and $10")]),
        ("between $ 5 and 6$ dollars", [("text", "between $ 5 and 6$ dollars")]),
        (r"a \$5 note", [("text", r"a \$5 note")]),
        (r"is \boxed{\frac{1}{2}}.", [("text", "is "), ("inline", r"\boxed{\frac{1}{2}}"), ("text", ".")]),
        (r"\begin{align}a&=b\end{align}", [("display", r"\begin{align}a&=b\end{align}")]),
        ("```python\nx = '$a$'\n```\nend", [("code", "x = '$a$'"), ("text", "end")]),
        ("$unclosed", [("text", "$unclosed")]),
        ("$$$$", [("text", "$$$$")]),
        ("", []),
        (r"\frac{6}{5}", [("inline", r"\frac{6}{5}")]),
        (r"(3, \frac{\pi}{2})", [("inline", r"(3, \frac{\pi}{2})")]),
        (r"\text{Evelyn}", [("inline", r"\text{Evelyn}")]),
        (r"C:\new\folder name", [("text", r"C:\new\folder name")]),
        (r"see \alpha there", [("text", r"see \alpha there")]),
    ],
)
def test_pieces(text: str, wanted: list[tuple[str, str]]) -> None:
    assert [tuple(piece) for piece in pieces(text)] == wanted


@given(st.text(alphabet="a$\\()[]{}`\n \u202e<", max_size=80))
def test_nothing_is_lost_but_delimiters_and_space(text: str) -> None:
    kept = "".join(piece.text for piece in pieces(text))
    bare = "".join(c for c in shown(text) if c in "a<\u27e8\u27e9")
    assert "".join(c for c in kept if c in "a<\u27e8\u27e9") == bare


@given(st.text(max_size=200))
def test_what_is_shown_turns_and_hides_nothing(text: str) -> None:
    for character in shown(text):
        assert character in "\n\t\u200c\u200d" or unicodedata.category(character) not in (
            "Cc",
            "Cf",
            "Cs",
            "Co",
        )


def test_a_line_is_one_line() -> None:
    assert line("a\n\tb   c") == "a b c"
    assert line("x" * 500, 20) == "x" * 19 + "…"


def test_sentences_that_name_a_concept_are_marked() -> None:
    text = "Speed is a rate. The  Rate of\nChange of speed is acceleration. Other things follow. Last one."
    found = mark(text, {"rate of change": "rate of change", "rate": "rate", "missing": "missing"})
    assert found.found == {"rate of change", "rate"}
    named = ["".join(part.text for part in one.parts) for one in found.sentences if one.named]
    assert [text.strip() for text in named] == [
        "Speed is a rate.",
        "The  Rate of\nChange of speed is acceleration.",
    ]
    marks = [part.text for one in found.sentences for part in one.parts if part.concept]
    assert marks == ["rate", "Rate of\nChange"]  # the longer name, and nothing twice
    assert [one.near for one in found.sentences] == [True, True, True, False]


@given(st.text(max_size=300), st.lists(st.text(max_size=12), max_size=6))
def test_marking_changes_no_letter(text: str, names: list[str]) -> None:
    found = mark(text, {name: name for name in names})
    assert "".join(part.text for one in found.sentences for part in one.parts) == shown(text)


def test_marks_leave_mathematics_whole() -> None:
    text = r"The half is $\left(\half\right)$, or $0.5$ of it. The left half! And \half of $x. Half$ too."
    found = mark(text, {"half": "half", "left": "left", "right": "right"})
    marks = [part.text for one in found.sentences for part in one.parts if part.concept]
    assert marks == ["half", "left", "half"]
    parts = [part.text for one in found.sentences for part in one.parts]
    assert any(r"$\left(\half\right)$" in part for part in parts)
    assert any("$x. Half$" in part for part in parts)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain\n words", [("text", "plain words")]),
        ("half $\\frac{1}{2}$ of it", [("text", "half "), ("inline", "\\frac{1}{2}"), ("text", " of it")]),
        ("so\n\n$$a$$\nthen", [("text", "so "), ("inline", "a"), ("text", " then")]),
        ("the sum of all these is $aaaaaaaaaaaaaaaa$", [("text", "the sum of all these is…")]),
        ("a sum $x$ of many words after it here", [("text", "a sum "), ("inline", "x"), ("text", " of many words after it…")]),
        ("a sum $" + "x + " * 60 + "$", [("text", "a sum…")]),
        (r"\$5 $x$" + " w" * 60, [("text", "\\$5 "), ("inline", "x"), ("text", " w" * 13 + "…")]),
    ],
)  # fmt: skip
def test_the_beginning_of_a_text_is_cut_outside_formulas(text: str, wanted: list[tuple[str, str]]) -> None:
    assert [tuple(piece) for piece in brief(text, 32)] == wanted


@given(st.text(alphabet="ab $\\()[]{}`\n\u202e<", max_size=300), st.integers(2, 60))
def test_a_beginning_is_short_and_has_no_line_end(text: str, limit: int) -> None:
    found = brief(text, limit)
    assert sum(len(piece.text) for piece in found) <= limit + 2 * len(found) + 1
    assert all("\n" not in piece.text for piece in found if piece.form == "text")


@pytest.mark.parametrize(
    "start", [r"\[ ", r"\( ", r"\begin{align} ", "````a\nx\n", "```\n", "$$a", r"\boxed{"]
)
def test_beginnings_without_an_end_are_looked_at_once(start: str) -> None:
    text = (start * 1_000_000)[:1_000_000]  # read anew for each beginning, this would take an hour
    kept = "".join(piece.text for piece in pieces(text, len(text)))
    assert len(kept) > 0.9 * len(text) or start.startswith("```")


@pytest.mark.parametrize("level", [r"\sqrt{", r"\frac{1}{", r"\overline{", "{", "x^{"])
def test_a_formula_too_deep_for_a_browser_stays_text(level: str) -> None:
    def nested(levels: int) -> list[Piece]:
        return pieces(f"so $${level * levels}x{'}' * levels}$$")

    assert [piece.form for piece in nested(50)] == ["text", "display"]
    assert [piece.form for piece in nested(51)] == ["text"]
    assert nested(51)[0].text == f"so $${level * 51}x{'}' * 51}$$"


def test_braces_that_are_shown_are_no_levels() -> None:
    assert [piece.form for piece in pieces(r"$\{" + r"\{ x \}" * 60 + "$")] == ["inline"]
    assert [piece.form for piece in pieces(r"$" + r"\left(" * 51 + "x" + r"\right)" * 51 + "$")] == ["text"]
