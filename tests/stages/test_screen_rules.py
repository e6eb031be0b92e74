"""Each rule on texts that break it and on texts that only look so; and on real, good questions."""

import os
from pathlib import Path

import pytest

from synth.config import ScreenConfig
from synth.dedup.benchmarks import read_benchmarks
from synth.stages.screen_rules import broken_rule, count_words

STRICT = ScreenConfig(reject_proofs=True, min_words=3)

BROKEN = [
    ("too_short", "What?"),
    ("too_short", ""),
    ("too_short", "\x00\x01 \x02 \x03 \x04 \x05"),
    ("too_short", "? ? ? ? ? ? ?"),
    ("too_long", "word " * 401),
    ("too_long", "What is " + "x" * 1_000_000),
    ("too_long", "请" * 900),
    ("too_long", "a" * 10_000_000),
    ("echoed_prompt", "<question>What is the sum of 3 and 5?</question>"),
    ("echoed_prompt", "What is 3 + 5? <|im_end|>"),
    ("echoed_prompt", "Write one question about {{ passage }} for a student."),
    ("not_a_question", "The derivative of a sum is the sum of the derivatives."),
    ("not_a_question", "Here is a problem about trains and stations."),
    ("multiple_choice", "Which of the following numbers is prime: 4, 7, 9?"),
    ("multiple_choice", "What is 2+2?\nA) 3\nB) 4\nC) 5"),
    ("multiple_choice", "What is 2+2? (A) 3 (B) 4 (C) 5"),
    ("multiple_choice", r"What is 2+2? $\textbf{(A)}\ 3 \qquad \textbf{(B)}\ 4 \qquad \textbf{(C)}\ 5$"),
    ("multiple_choice", "True or false: every prime number is odd."),
    ("multiple_choice", "Decide whether the statement is true or false. Every square is a rectangle."),
    ("multiple_choice", "下面哪一个是质数？\nA. 4\nB. 7"),
    ("multiple_parts", "Let x = 3. (a) Find x + 1. (b) Find x + 2."),
    ("multiple_parts", "For the sequence above zero: (i) find the sum, (ii) find the mean."),
    ("multiple_parts", "What is the area of the square? What is its perimeter?"),
    ("multiple_parts", "Answer the following questions about the circle of radius 2."),
    ("proof", "Prove that the square root of 2 is irrational."),
    ("proof", "Let n be odd. Show that n^2 - 1 is divisible by 8."),
    ("needs_source", "According to the passage, what is a prime number?"),
    ("needs_source", "What does the author mean? Explain the idea mentioned in the text."),
    ("needs_source", "Using Theorem 3.2, find the limit of the sequence 1/n."),
    ("needs_source", "What is the area of the triangle in Figure 3?"),
    ("needs_source", "What is the largest value in the table below?"),
    ("needs_source", "In the diagram, AB = 5. What is the length of BC?"),
    ("needs_source", "How does the answer change from the previous question?"),
    ("needs_source", "如图，求三角形的面积是多少？"),
]
GOOD = [
    "What is 3 + 5?",
    "Simplify $-10-4(n-5)$.",
    "Write a function that returns true or false for a palindrome.",
    "Given a list of numbers, return the largest one.",
    "Implement a queue with two stacks.",
    "Evaluate $P(A) + P(B) + P(C)$ for three events of probability 0.2.",
    "A multiple-choice test has 10 questions. How many answer sheets are possible?",
    "Find the graph of y = x that passes through the point (1, 1).",
    "Count the vowels in the text that the user types.",
    "A store sold an article for 20 dollars. What was the price of the article?",
    "A lawyer must prove 3 cases a week. How many cases does she prove in 4 weeks?",
    'She asked, "Why?" and he asked, "How?" How many questions were asked?',
    "What is the largest value in the table below?\n| x | y |\n|---|---|\n| 1 | 2 |",
    "What is printed by `f(a) (b)` and `<question>` in this code?\n```\nif a ? b : c\n```",
    "def add(a, b):\n    # the sum\n    pass",
    "In how many ways can 5 people sit in a row.",
    "求等差数列的前十项之和",
    "Berechne die Summe der ersten zehn ungeraden Zahlen.",
    "Чему равна сумма первых десяти чисел?",
]
LANGUAGES = {"求等差数列的前十项之和": "zh", "Berechne die Summe der ersten zehn ungeraden Zahlen.": "de"}


@pytest.mark.parametrize(("reason", "text"), BROKEN, ids=[f"{r}: {t[:40]!r}" for r, t in BROKEN])
def test_a_question_that_breaks_a_rule(reason: str, text: str) -> None:
    broken = broken_rule(text, "en", STRICT)
    assert broken is not None
    assert broken.reason == reason
    assert 0 < len(broken.detail) < 100


@pytest.mark.parametrize("text", GOOD)
def test_a_good_question_passes(text: str) -> None:
    assert broken_rule(text, LANGUAGES.get(text, "English"), STRICT) is None


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("reject_proofs", "Prove that the square root of 2 is irrational."),
        ("reject_multiple_choice", "Which of the following numbers is prime: 4, 7, 9?"),
        ("reject_multiple_parts", "What is the area of the square? What is its perimeter?"),
    ],
)
def test_rules_can_be_switched_off(setting: str, text: str) -> None:
    assert broken_rule(text, "en", ScreenConfig(**{setting: True})) is not None
    assert broken_rule(text, "en", ScreenConfig(**{setting: False})) is None


def test_characters_of_scripts_without_spaces_are_half_words() -> None:
    assert count_words("三角形的面积 abc") == 3 + 1
    assert count_words("a" * 400) == 11


@pytest.mark.parametrize("name", ["math500", "gsm8k_test", "humaneval", "svamp"])
def test_real_questions_pass(name: str) -> None:
    folder = os.environ.get("SYNTH_TEST_DATA")
    if not folder:
        pytest.skip("SYNTH_TEST_DATA is not set")
    items = read_benchmarks([Path(folder) / "benchmarks" / f"{name}.jsonl.gz"])
    passed = [item for item in items if broken_rule(item.text, "en", ScreenConfig()) is None]
    assert len(passed) >= 0.97 * len(items)


@pytest.mark.parametrize(
    ("question", "repeats"),
    [
        ("What is the value of [[1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0?", True),
        ("Find the sum 1.24.24.24.24.24.24.24.24.24.24.24.24.", True),
        ("Find 5.24.24.24.24.32.32.32.32.32.32.32.32.32.32.32.", True),
        ("What is $6^x + 6^x + 6^x + 6^x + 6^x + 6^x$?", False),
        ("How many digits has 1000000000000000000000000?", False),
        ("What word comes next: aba aba aba aba?", False),
    ],
    ids=[
        "matrix without end",
        "decimals without end",
        "a short run before a long one",
        "a sum of powers",
        "zeros",
        "a short pattern",
    ],
)
def test_repetition(question: str, repeats: bool) -> None:
    broken = broken_rule(question, "en", ScreenConfig())
    assert (broken is not None and broken.reason == "repetitive") == repeats
