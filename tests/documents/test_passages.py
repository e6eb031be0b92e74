import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.documents.blocks import find_headings, find_whole
from synth.documents.passages import Span, cut
from synth.text import normalise

CODE = "```python\n# no heading\n\nx = 1\n```"
FORMULA = "$$\na = b \\\\\n\\frac{1}{2} . C = d\n$$"
PIECES = st.sampled_from(
    [
        "# One\n\n",
        "## Two words\n\n",
        "Under\n-----\n",
        "A sentence. Another one! And a third? ",
        "word " * 9,
        "x" * 30,
        "\n\n",
        "\n",
        " ",
        "- item\n- item\n",
        f"{CODE}\n\n",
        f"{FORMULA}\n\n",
        "text \\[ a . B\n= c \\] text\n",
        "\\begin{equation}\na = b\n\n\\end{equation}\n",
        "句子一。句子二。",
        "$$",
        "```\n",
        "~~~\n",
        "\\begin{align}",
    ]
)
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=300)
LIMITS = st.integers(min_value=1, max_value=120)


@settings(deadline=None)
@given(TEXTS, LIMITS)
def test_every_character_that_is_not_white_space_is_in_one_span_of_at_most_the_limit(
    text: str, limit: int
) -> None:
    spans = cut(text, limit)
    inside = [i for span in spans for i in range(span.start, span.end)]
    assert inside == sorted(set(inside))
    assert {i for i, c in enumerate(text) if not c.isspace()} <= set(inside)
    assert all(0 < span.end - span.start <= limit for span in spans)
    assert all(text[s.start : s.end] == text[s.start : s.end].strip() for s in spans)


@settings(deadline=None)
@given(TEXTS, LIMITS)
def test_code_and_formulas_that_fit_stay_whole(text: str, limit: int) -> None:
    spans = cut(text, limit)
    for start, end in find_whole(text):
        shown = text[start:end].strip()
        start = text.index(shown, start)
        if shown and len(shown) <= limit:
            assert any(s.start <= start and start + len(shown) <= s.end for s in spans)


@settings(deadline=None)
@given(TEXTS, LIMITS)
def test_no_two_neighbours_would_fit_into_one_span(text: str, limit: int) -> None:
    spans = cut(text, limit)
    assert all(b.end - a.start > limit for a, b in pairwise(spans))


@settings(deadline=None)
@given(TEXTS)
def test_a_text_that_fits_is_one_span(text: str) -> None:
    expected = [text.strip()] if text.strip() else []
    assert [text[s.start : s.end] for s in cut(text, max(1, len(text)))] == expected


def show(text: str, spans: list[Span]) -> list[str]:
    return [text[s.start : s.end] for s in spans]


def test_headings_are_tried_before_paragraphs_and_stronger_ones_first() -> None:
    text = "# A\n\none one one\n\ntwo\n\n## A1\n\nthree\n\n# B\n\nfour"
    assert show(text, cut(text, 42)) == ["# A\n\none one one\n\ntwo\n\n## A1\n\nthree", "# B\n\nfour"]
    assert show(text, cut(text, 24)) == ["# A\n\none one one\n\ntwo", "## A1\n\nthree\n\n# B\n\nfour"]


def test_a_heading_goes_with_the_text_below_it() -> None:
    text = "Some text here.\n\n## Heading\n\nMore text here."
    assert show(text, cut(text, 30)) == ["Some text here.", "## Heading\n\nMore text here."]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    text = "First sentence here. Second sentence here. Third e.g. here."
    assert show(text, cut(text, 25)) == ["First sentence here.", "Second sentence here.", "Third e.g. here."]


def test_code_that_is_too_long_is_cut_at_its_lines() -> None:
    text = "```\n" + "x = 1\n" * 10 + "```"
    assert all(set(piece.split("\n")) <= {"```", "x = 1"} for piece in show(text, cut(text, 20)))


def test_trail_names_the_headings_a_span_stands_under() -> None:
    text = (
        "# A\n\n"
        + "one " * 10
        + "\n\n## B\n\n"
        + "two " * 10
        + "\n\n### C\n\n"
        + "end " * 30
        + "\n\n# D\n\nx"
    )
    trails = [span.headings for span in cut(text, 60)]
    assert trails == [("A",), ("A", "B"), ("A", "B", "C"), ("A", "B", "C"), ("D",)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# A #\n\n### B", [(1, "A"), (3, "B")]),
        ("Title\n=====\n\nPart\n----\n", [(1, "Title"), (2, "Part")]),
        (f"{CODE}\n# Real", [(1, "Real")]),
        ("#hashtag\n\n#\n", []),
        ("| a | b |\n| --- | --- |\n\n- item\n---\n", []),
        (
            "## Heap {#heap}\n## List { data-toc-label='x' }\n## $x_{i}$",
            [(2, "Heap"), (2, "List"), (2, "$x_{i}$")],
        ),
    ],
    ids=["hashes", "underlined", "code", "no headings", "table and rule", "attributes"],
)
def test_headings(text: str, expected: list[tuple[int, str]]) -> None:
    assert [(h.level, h.title) for h in find_headings(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"a\n{CODE}\nb", [CODE]),
        (f"a {FORMULA} b", [FORMULA]),
        ("`````\n```\n`````", ["`````\n```\n`````"]),
        ("```\nnever closed\n", []),
        ("Part\n~~~~\n\ntext\n\nPart\n~~~~\n", []),
        ("it costs $$ or more\n\n$$x$$", ["$$x$$"]),
        ("```\n$$\n```\n\n$$x$$", ["```\n$$\n```", "$$x$$"]),
        ("\\begin{align*}\na\n\nb\n\\end{align*}", ["\\begin{align*}\na\n\nb\n\\end{align*}"]),
        ("\\begin{align} \\end{equation}", []),
    ],
    ids=[
        "code", "formula", "fence in fence", "open fence", "underlines", "stray dollars", "dollars in code",
        "environment", "wrong end",
    ],
)  # fmt: skip
def test_what_stays_whole(text: str, expected: list[str]) -> None:
    assert [text[start:end].strip() for start, end in find_whole(text)] == expected


def test_a_long_text_is_cut_near_the_limit() -> None:
    rng = random.Random(1)
    words = (rng.choice(["energy", "is", "kept.", "The", "sum\n\n", "stays"]) for _ in range(20_000))
    text = normalise(" ".join(words))
    lengths = [s.end - s.start for s in cut(text, 1000)]
    assert sum(lengths) / len(lengths) > 900


SENTENCES = " ".join(f"Sentence number {n} says that $x_{n} + y_{n} = z_{n}$ holds." for n in range(60))


def test_with_an_overlap_passages_repeat_whole_sentences_of_the_one_before() -> None:
    spans = cut(SENTENCES, 400, 120)
    assert all(span.end - span.start <= 400 for span in spans)
    for before, span in pairwise(spans):
        assert 0 < before.end - span.start <= 120
        assert SENTENCES[span.start :].startswith("Sentence number")
    assert [s.end for s in spans][-1] == len(SENTENCES)


def test_nothing_is_repeated_under_a_heading() -> None:
    text = "\n\n".join(f"# Part {n}\n\n{SENTENCES[:300]}" for n in range(4))
    assert [(s.start, s.end) for s in cut(text, 420, 100)] == [(s.start, s.end) for s in cut(text, 320)]


def test_no_formula_within_a_line_is_cut() -> None:
    text = "If " + " and ".join(f"$a_{n} + b_{n} + c_{n} = d_{n}$" for n in range(100)) + " then all is well"
    pieces = [text[s.start : s.end] for s in cut(text, 200)]
    assert len(pieces) > 10
    assert all(piece.count("$") % 2 == 0 for piece in pieces)


def test_prices_are_no_formulas() -> None:
    text = " ".join(f"It costs $5 here and $6 there, said shop {n}." for n in range(20))
    assert "".join(text[s.start : s.end] for s in cut(text, 210)).count("$") == text.count("$")
