"""What counts as the same text, and what does not."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from synth.dedup.normalise import comparable, spoken, tokens, unbracketed, words

SAME = [
    ("What is 3 + 5?", "what is $3+5$"),
    (r"$\frac{1}{2}$", "1/2"),
    (r"\dfrac{x+1}{2}", "(x+1)/2"),
    (r"\cfrac{\sqrt{x+1}}{2}", r"\frac{\sqrt{x+1}}{2}"),
    (r"\frac12 + \frac{1}{3}\frac{1}{5}", "1/2 + 1/3 1/5"),
    (r"$3\times 5 \leq 10^{10}$", "3*5 ≤ 10^10"),
    ("x² + 1½", "x^2 + 1 1/2"),
    ("3 − 5", "3 - 5"),
    ("a <= b", "a ≤ b"),
    (r"\(\left( a,\, b \right)\)", "(a, b)"),
    (r"90^\circ", "90°"),
    (r"\text{area} = \pi r^{2}\text{ cm}", "area = π r² cm"),
    (r"\begin{align*} x &= 2 \end{align*}", "x & = 2"),
    ("1,234,567 and 1{,}000", "1234567 and 1000"),
    ("find **all** values", "Find all values."),
    (r"**Find \(x\) if \(\frac{1}{2}x = 3\)**", r"Find \(x\) if \(\frac{1}{2}x = 3\)"),
    (r"**\(a \cdot b\)** and *x_{12}*", r"\(a \cdot b\) and x_{12}"),
    ("**all *real* values**", "all real values"),
    ("ﬁnd the ＡＲＥＡ", "find the area"),
    ("well-known", "well known"),
    ("don’t", "don't"),
    ("zero\u200bwidth", "zerowidth"),
    (".5", "0.5"),
    (r"dic\-tion\-ary", "dictionary"),
    ("a{}pple{}s", "apples"),
    ("&#97;pples &lt; p&#x65;ars&nbsp;&amp; plums", "apples < pears & plums"),
    ("many\u2800words", "many words"),
]
INVISIBLE = "\x00\x07\x1f\x7f\x9b\u00ad\u034f\u115f\u1160\u17b4\u180b\u200b\u2060\u3164\ufe00\ufe0f\ufeff\uffa0\U000e0100"
DIFFERENT = [
    ("3+5", "3-5"),
    ("x < 2", "x > 2"),
    ("x < 2", "x ≤ 2"),
    ("0.5", "05"),
    ("0.5", "0 5"),
    ("x²", "x2"),
    ("1½", "11/2"),
    ("(2+3)*4", "2+(3*4)"),
    ("5!", "5"),
    ("f'(x)", "f(x)"),
    ("e^{x+1}", "e^x+1"),
    ("[0,1)", "(0,1]"),
    ("20%", "20"),
    ("2x = -y", "2x = y"),
    (r"a \\-b", "a b"),
    (r"\alpha{}x", "αx"),
]


@pytest.mark.parametrize("char", INVISIBLE, ids=[f"U+{ord(char):04X}" for char in INVISIBLE])
def test_what_cannot_be_seen_changes_nothing(char: str) -> None:
    plain = "how many apples are there"
    assert tokens(" ".join(word[:1] + char + word[1:] for word in plain.split())) == tokens(plain)
    assert tokens(f"é{char}t{char}é") == tokens("été")


@pytest.mark.parametrize(("one", "other"), SAME, ids=[one for one, _ in SAME])
def test_dress_is_dropped(one: str, other: str) -> None:
    assert tokens(one) == tokens(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT, ids=[f"{a} and {b}" for a, b in DIFFERENT])
def test_what_changes_a_problem_is_kept(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


MARKUP = st.text(alphabet="ab1 29.,!'*-{}$\\^_()<=>½²é’–\n|字ゕ̈") | st.lists(
    st.sampled_from(
        [r"\frac", "{", "}", "1", "ab", " ", "x", r"\text", r"\left", "(", ".", "!", "-", "'", "²"]
    )
).map("".join)


@given(st.text() | MARKUP)
@example("ab - ! cd")
@example("1..5 .5")
@example("ab'c'd")
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = comparable(text)
    assert comparable(once) == once


@given(st.text())
def test_no_token_is_empty_or_holds_a_space(text: str) -> None:
    assert all(token and not any(map(str.isspace, token)) for token in tokens(text))


@given(st.lists(st.sampled_from(["Sum", "of", "12", "apples", "x"]), min_size=1), st.data())
def test_case_spaces_and_punctuation_hide_nothing(plain: list[str], data: st.DataObject) -> None:
    noise = st.sampled_from([" ", "  ", ", ", ". ", " (", ") ", "? ", "\n", "\t", '" ', " $", "; "])
    dressed = "".join(
        data.draw(st.sampled_from([str.upper, str.lower, str.title]))(word) + data.draw(noise)
        for word in plain
    )
    assert unbracketed(tokens(dressed)) == [word.lower() for word in plain]


def test_scripts_without_spaces_give_a_token_a_character() -> None:
    assert tokens("等差数列 an 的和") == ["等", "差", "数", "列", "an", "的", "和"]


def test_words_are_letters_and_numbers() -> None:
    assert words("Solve $x^2 - 0.5 = 0$!") == ["solve", "x", "2", "0.5", "0"]
    assert spoken(["+", "a", "="]) == ["a"]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "{" * 1_000_000,
        r"\frac{" * 100_000,
        "*a " * 300_000,
        "1," * 500_000,
        "\x00\x07\x1b" * 9,
    ],
    ids=["one token", "braces", "open fractions", "stars", "commas", "control characters"],
)
def test_hostile_text_is_only_text(text: str) -> None:
    assert len(tokens(text)) <= len(text)


def test_time_grows_with_the_marks_and_no_faster() -> None:
    begun = time.process_time()
    tokens("a" + "\u0301\u0316" * 100_000)
    assert time.process_time() - begun < 2
