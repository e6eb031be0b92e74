"""Kinds of answer: options by letter and by text, closed mathematics, open text, code; and the reader of options."""

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from synth.verify.equivalence.engine import Equivalence
from synth.verify.kinds import KINDS, Answers, letter_of
from synth.verify.options import read_options
from synth.verify.votes import vote

pytest.importorskip("math_verify")

INLINE = "What is 3 + 4? (A) 5 (B) 7 (C) $\\frac{1}{2}$ (D) none of these"
LINES = "Which city is the capital of France?\n\nA. London\nB. Paris\nC. Rome\n\nAnswer with a letter."


@pytest.fixture(scope="module")
def engine() -> Iterator[Equivalence]:
    with Equivalence() as made:
        yield made


@pytest.mark.parametrize(
    ("question", "options"),
    [
        (INLINE, {"A": "5", "B": "7", "C": "$\\frac{1}{2}$", "D": "none of these"}),
        (LINES, {"A": "London", "B": "Paris", "C": "Rome"}),
        ("Pick:\n- (a) one\n- (b) two", {"A": "one", "B": "two"}),
        ("Pick:\n**A)** one\n**B)** two", {"A": "one", "B": "two"}),
        ("Pick: A) 5(√3 + 1) B) 6 C)7(√3 - 1)", {"A": "5(√3 + 1)", "B": "6", "C": "7(√3 - 1)"}),
        ("Which? $$\\text{(A)}\\ a \\qquad \\text{(B)}\\ b \\qquad \\text{(C)}\\ c$$Enter the letter.", {"A": "a", "B": "b", "C": "c"}),
        ("Which? $\\textbf{(A) } 12 \\qquad \\textbf{(B) } 13$", {"A": "12", "B": "13"}),
        ("For example (A) x (B) y.\nNow: (A) 1 (B) 2 (C) 3", {"A": "1", "B": "2", "C": "3"}),
        ("A: 3, B: 4; C: 5", {"A": "3", "B": "4", "C": "5"}),
        ("What is the area of triangle ABC with A = (1, 2) and B = (3, 4)?", {}),
        ("Let f(a) = a + 1 and f(b) = 2. Find f(c).", {}),
        ("(A) only one", {}),
        ("(A) (B) (C)", {}),
        ("", {}),
    ],
)  # fmt: skip
def test_options_are_read_from_the_question(question: str, options: dict[str, str]) -> None:
    assert read_options(question) == options


@pytest.mark.parametrize(
    ("gold", "answer", "equal"),
    [
        ("B", "(B)", True), ("B", "b", True), ("(B)", "B. 7", True), ("B", "\\text{(B)}", True), ("B", "$B$", True),
        ("B", "Option B", True), ("B", "7", True), ("B. 7", "7", True), ("7", "(B)", True), ("C", "0.5", True),
        ("C", "\\frac{2}{4}", True), ("D", "None of these.", True), ("B", "A", False), ("B", "5", False),
        ("B", "(A) 5", False), ("B", "12", False), ("D", "12", None), ("B", "B. 5", None), ("B. 5", "B", None),
    ],
)  # fmt: skip
def test_options_are_the_same_by_letter_or_text(
    gold: str, answer: str, equal: bool | None, engine: Equivalence
) -> None:
    assert Answers("choice", engine, INLINE).same(gold, answer).equal is equal


def test_without_the_options_a_letter_and_a_value_are_not_compared(engine: Equivalence) -> None:
    answers = Answers("choice", engine, "What is 3 + 4?")
    assert answers.same("B", "7").equal is None
    assert answers.same("B", "(b)").equal is True
    assert answers.same("B. Paris", "Paris").equal is True


def test_a_vote_on_options_joins_letters_and_texts(engine: Equivalence) -> None:
    answers = Answers("choice", engine, LINES)
    said = ["B", "(b)", "Paris", "B. Paris", "C", None, "Rome", "A"]
    found = vote(said, lambda one, other: answers.same(one, other).equal, form=answers.form)
    assert (found.winner, found.sizes, found.agreement) == (0, (4, 2, 1), 0.5)


@pytest.mark.parametrize(
    ("kind", "answer", "fault"),
    [
        ("math", "\\frac{1}{2}", None), ("math", "[1, 2)", None), ("math", "x > 3", None), ("math", "no solution", None),
        ("math", "", "it is empty"), ("math", "it depends on the friction between the ropes", "it is free text"),
        ("math", "1" * 3_000, "it has more than 2,000 characters"),
        ("choice", "B", None), ("choice", "7", None), ("choice", "F", "there is no option F"),
        ("choice", "B. 5", "it has the letter and the text of different options"), ("choice", "12", "it names no option"),
        ("text", "Because of friction.", None), ("text", " ", "it is empty"),
        ("code", "```python\nx = 1\n```", None), ("code", "no code", "there is no code in it"),
    ],
)  # fmt: skip
def test_an_answer_is_well_formed_or_not(
    kind: str, answer: str, fault: str | None, engine: Equivalence
) -> None:
    assert kind in KINDS
    assert Answers(kind, engine, INLINE).fault(answer) == fault  # type: ignore[arg-type]


def test_text_and_code_are_never_the_same_by_comparison() -> None:
    for kind in ("text", "code"):
        assert Answers(kind).same("yes", "yes").equal is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answer", ["(" * 5_000, "\\text{" * 1_000, "A" * 10_000, "\x00", "（Ｂ）", "B" + " " * 5_000]
)
def test_hostile_answers_have_an_outcome(answer: str, engine: Equivalence) -> None:
    answers = Answers("choice", engine, INLINE)
    assert answers.same("B", answer).equal in (True, False, None)
    answers.fault(answer)
    answers.form(answer)
    assert isinstance(read_options(answer * 20), dict)


DATA = os.environ.get("SYNTH_TEST_DATA")


@pytest.mark.skipif(not DATA, reason="SYNTH_TEST_DATA is not set")
def test_options_of_real_questions_are_read_and_told_apart() -> None:
    """254 questions of AQuA, with their options written behind the question in three forms."""
    path = Path(str(DATA)) / "benchmarks" / "aqua_test.jsonl.gz"
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    missed = []
    for row in rows:
        plain = [option.partition(")")[2].strip() for option in row["options"]]
        for form in ("\n{}. {}", " ({}) {}", "\n{}) {}"):
            shown = "".join(form.format(letter, text) for letter, text in zip("ABCDE", plain, strict=False))
            if list(read_options(row["question"] + "\n" + shown)) != list("ABCDE"[: len(plain)]):
                missed.append((row["id"], form))
        assert letter_of(row["answer"]) is not None
    assert len(missed) <= 0.02 * 3 * len(rows), missed
