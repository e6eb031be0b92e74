"""The stage difficulty against scripted students: which questions stay, which fall and why, what is kept of each.

Of 8 attempts 2 to 6 right ones are kept, one and seven are dropped.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from synth.config import RunConfig
from synth.errors import ConfigError
from synth.llm.client import Client
from synth.llm.fake import REFUSAL, FakeModel, FakeReply
from synth.llm.journal import Journal
from synth.prompts.library import PromptLibrary
from synth.rollouts.tables import ROLLOUTS
from synth.settings import build
from synth.stages.base import Output
from synth.stages.calls import Services
from synth.stages.difficulty import FIRST_SAMPLE, WORDS, try_questions
from synth.verify.equivalence.engine import verifier

pytest.importorskip("math_verify")

Body = dict[str, Any]
Said = str | FakeReply
Try = Callable[..., Output]
LABEL = "1/2"
RIGHT = r"So it is \boxed{0.5}."
WRONG = r"So it is \boxed{3}."
# What the student says for a letter; right ones in several forms.
SAYS: dict[str, Said] = {
    "r": RIGHT,
    "w": WRONG,
    "n": "I do not know.",
    "e": "",
    "x": REFUSAL,
    "t": FakeReply("First we multiply", "length"),
    "T": FakeReply(r"So it is \boxed{\frac12}. To check, we", "length"),
    "W": FakeReply(r"So it is \boxed{7}. To check, we", "length"),
    "?": r"So it is \boxed{A}.",  # an option, and nobody shows the options
    "!": FakeReply("no such model", status=500),
}


def settings(**more: Any) -> RunConfig:
    entry = {"base_url": "fake:", "model": "small", "max_tries": 1}
    roles = {"generator": "fake", "student": "small"}
    return build({"models": {"small": entry}, "roles": roles, "difficulty": more})


def question(place: int) -> dict[str, Any]:
    return {"question_id": f"q_{place}", "question": f"What is half of {place}?", "language": "en"}


def tables(count: int, label: str, agreement: float | None) -> tuple[pa.Table, pa.Table]:
    rows = [question(place) for place in range(count)]
    answers = {"question_id": [row["question_id"] for row in rows], "final_answer": [label] * count}
    if agreement is not None:
        answers["agreement"] = [agreement] * count
    return pa.table(answers), pa.Table.from_pylist(rows)


@pytest.fixture
def attempt(tmp_path: Path) -> Try:
    """Try one question for each word of letters, of which each says how an attempt ends."""

    def run(
        *scripts: str, config: RunConfig | None = None, label: str = LABEL, agreement: float | None = None
    ) -> Output:
        def say(body: Body) -> Said:
            place = int(str(body["messages"][-1]["content"]).split("half of ")[1].split("?")[0])
            return SAYS[scripts[place][body["seed"] - FIRST_SAMPLE]]

        config = config or settings(attempts=len(scripts[0]))
        with (
            Journal(tmp_path / "calls") as journal,
            Client(config.endpoints(), journal, fake=FakeModel(say)) as client,
        ):
            services = Services(client, PromptLibrary(), tmp_path)
            made = try_questions(*tables(len(scripts), label, agreement), config, services)
        made.check_balance("difficulty")
        return made

    return run


def kept(made: Output) -> dict[str, Any]:
    return {row["question_id"]: row for row in made.tables["difficulty"].to_pylist()}


def reasons(made: Output) -> dict[str, str]:
    return {row.row_id: row.reason for row in made.rejected}


def test_two_to_six_of_eight_are_kept(attempt: Try) -> None:
    made = attempt(*("r" * right + "w" * (8 - right) for right in range(9)))
    assert set(kept(made)) == {f"q_{right}" for right in range(2, 7)}
    assert reasons(made) == {"q_0": "unsolved", "q_1": "too_hard", "q_7": "too_easy", "q_8": "too_easy"}
    two = kept(made)["q_2"]
    assert (two["pass_rate"], two["attempts"], two["right"], two["wrong"]) == (0.25, 8, 2, 6)
    assert (round(two["pass_low"], 2), round(two["pass_high"], 2)) == (0.07, 0.59)
    assert two["difficulty"] == "in_band"


def test_a_rate_says_what_it_depends_on(attempt: Try) -> None:
    row = kept(attempt("rwrw"))["q_0"]
    assert (row["student"], row["prompt_id"], row["label"]) == ("fake@1#small", "attempt.v1", LABEL)
    assert (row["temperature"], row["top_p"], row["max_tokens"]) == (1.0, 1.0, 4096)
    assert row["verifier"] == verifier()
    assert row["agreement"] is None


def test_every_attempt_is_a_rollout(attempt: Try) -> None:
    made = attempt("rwtTWnex?", "wwwwwwwww")
    rows = made.tables["rollouts"].to_pylist()
    assert made.tables["rollouts"].schema == ROLLOUTS.schema
    mine = sorted((row for row in rows if row["problem_id"] == "q_0"), key=lambda row: row["sample"])
    assert [row["sample"] for row in mine] == list(range(9))
    said = [(row["correct"], row["truncated"]) for row in mine]
    whole, cut = False, True
    assert said == [
        *((True, whole), (False, whole)),
        *((None, cut), (True, cut), (False, cut)),
        *((False, whole), (False, whole), (False, whole), (None, whole)),
    ]
    assert [row["answer"] for row in mine[:6]] == ["0.5", "3", None, r"\frac12", "7", None]
    assert {row["label"] for row in rows} == {LABEL}
    assert all(row["call_id"].startswith("call_") and row["tokens"] is not None for row in rows)
    assert len({row["rollout_id"] for row in rows}) == 18
    # The second question fell; its attempts are there all the same.
    assert reasons(made)["q_1"] == "unsolved"


def test_truncated_and_undecided_are_not_wrong(attempt: Try) -> None:
    row = kept(attempt("rrwwtT?W"))["q_0"]
    counts = {name: row[name] for name in ("attempts", "right", "wrong", "truncated", "undecided")}
    assert counts == {"attempts": 8, "right": 2, "wrong": 2, "truncated": 3, "undecided": 1}
    assert row["pass_rate"] == 0.5


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("tttt", "undecided"),
        ("????", "undecided"),
        ("tTT?", "undecided"),  # cut short behind a right answer: no rate either
        ("nnnn", "unanswered"),
        ("eeee", "unanswered"),
        ("xxxx", "unanswered"),
        ("nexn", "unanswered"),
        ("nntt", "unanswered"),
        ("nnnw", "unsolved"),
        ("wwww", "unsolved"),
    ],
)
def test_a_student_that_gives_nothing(attempt: Try, script: str, reason: str) -> None:
    made = attempt(script)
    assert reasons(made) == {"q_0": reason}
    (row,) = made.rejected
    assert row.row["difficulty"] == reason
    assert row.row["pass_rate"] == (None if reason == "undecided" else 0.0)
    assert json.dumps(row.row)
    everything = attempt(script, config=settings(attempts=4, keep="all"))
    assert reasons(everything) == {}
    assert kept(everything)["q_0"]["difficulty"] == reason


@pytest.mark.parametrize(
    ("agreement", "word"),
    [(None, "unsolved"), (0.5, "suspect"), (0.74, "suspect"), (0.75, "hard"), (1.0, "hard")],
)
def test_hard_is_told_from_suspect_by_the_agreement_of_the_solver(
    attempt: Try, agreement: float | None, word: str
) -> None:
    made = attempt("wwww", "rrww", agreement=agreement)
    assert reasons(made) == {"q_0": word}
    assert kept(made)["q_1"]["agreement"] == agreement
    with_hard = attempt("wwww", "rrww", agreement=agreement, config=settings(attempts=4, keep_hard=True))
    assert ("q_0" in kept(with_hard)) == (word == "hard")


def test_all_keeps_everything_and_says_the_word(attempt: Try) -> None:
    made = attempt("rrrr", "wwww", "rrww", "tttt", config=settings(attempts=4, keep="all"))
    assert [row["difficulty"] for row in kept(made).values()] == [
        "too_easy",
        "unsolved",
        "in_band",
        "undecided",
    ]
    assert [row["pass_rate"] for row in kept(made).values()] == [1.0, 0.0, 0.5, None]
    assert made.rejected == []


def test_both_ends_of_the_band_are_inside(attempt: Try) -> None:
    config = settings(attempts=10, low=0.3, high=0.7)
    made = attempt(*("r" * right + "w" * (10 - right) for right in range(11)), config=config)
    assert sorted(row["right"] for row in kept(made).values()) == [3, 4, 5, 6, 7]


def test_a_call_that_failed_is_no_attempt(attempt: Try) -> None:
    """A rate of seven is not the rate of eight: the question is asked again by a later run."""
    made = attempt("rrw!", "rrww")
    assert reasons(made) == {"q_0": "call_failed"}
    assert set(kept(made)) == {"q_1"}
    assert made.tables["rollouts"].num_rows == 7
    everything = attempt("rrw!", "rrww", config=settings(attempts=4, keep="all"))
    assert reasons(everything) == {"q_0": "call_failed"}


def test_answers_that_explode_a_computer_algebra_cost_themselves(attempt: Try, monkeypatch: Any) -> None:
    monkeypatch.setitem(SAYS, "h", r"So it is \boxed{9^{9^{9^{9^{9^{9}}}}}}.")
    monkeypatch.setitem(SAYS, "l", r"\boxed{" + "9" * 900 + "}")
    monkeypatch.setitem(SAYS, "k", "The answer is " + "1+" * 50_000 + "1.")
    made = attempt("rrwhlk", "rrrwww")
    assert set(kept(made)) == {"q_0", "q_1"}
    row = kept(made)["q_0"]
    assert (row["right"], row["attempts"]) == (2, 6)


def test_numbers_of_samples_are_the_students_own(attempt: Try) -> None:
    """The solver asks with small numbers: no attempt may be the answer that it is held against."""
    assert settings().difficulty.attempts <= FIRST_SAMPLE
    assert attempt("rw").tables["rollouts"]["sample"].to_pylist() in ([0, 1], [1, 0])


def test_every_word_is_a_reason() -> None:
    from synth.schemas import REASONS

    assert set(WORDS) - {"in_band"} <= set(REASONS)


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"low": 0.8}, "difficulty.low (0.8) lies above difficulty.high (0.75)"),
        ({"attempts": 1}, "no pass rate of 1 attempts lies from 0.25 to 0.75"),
        ({"attempts": 0}, "difficulty.attempts"),
    ],
)
def test_settings_that_keep_nothing_are_refused(more: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(**more)
    assert fault in str(caught.value)
    assert len(caught.value.faults) == 1
