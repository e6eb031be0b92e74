"""Answered questions in, those worth training on out, with the pass rate of a student (SwS, difficulty).

The student tries each question several times; each response is held against the label (`holding`), and all
of them are kept in `rollouts`, also those to questions that fall here. What was cut at the token limit and
what could not be compared is counted apart and enters no rate; a whole response without a final answer is
wrong.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from synth.config import DifficultyConfig, RunConfig
from synth.config_answers import Kind
from synth.ids import content_id
from synth.rollouts.rates import DIFFICULTIES, difficulty, pass_rates
from synth.stages.base import Output, Rejected, make_table
from synth.stages.calls import Answered, Ask, Services, ask_all
from synth.stages.holding import answer_in, checked, instrument
from synth.store import PASSING

Row = dict[str, Any]
STAGE = "difficulty"
IN_BAND = "in_band"
UNANSWERED = "unanswered"
# Every word that a question can be given.
WORDS = {**DIFFICULTIES, UNANSWERED: "no attempt has a final answer"}
# A student may be the solver's model under the solver's settings. Its samples have numbers of their own, so
# that no attempt is the very answer that it is held against.
FIRST_SAMPLE = 1_000
# Here the student was not heard, which says nothing of the question.
NOT_TRIED = (PASSING, "prompt_too_long")
# What is said in these replies is no solution, though something in it may look like an answer.
NO_SOLUTION = ("empty_reply", "refused", "echoed_prompt")


class Case(NamedTuple):
    """A question with its label; `agreement` of the solver's answers is None where there was one only."""

    question_id: str
    question: str
    language: str
    label: str
    agreement: float | None


def try_questions(answers: pa.Table, questions: pa.Table, config: RunConfig, services: Services) -> Output:
    """The questions whose pass rate is kept, and every attempt at any of them.

    Raises:
        ConfigError: what compares answers is not installed, or code cannot be run.
    """
    cases = cases_of(answers, questions)
    heard = list(attempts(cases, config, services))
    failed = _failed(heard)
    tries = [pair for pair in heard if pair[1].reply.reason not in NOT_TRIED]
    made = [row_of(case, answered, config.answers.kind) for case, answered in tries]
    rollouts = make_table("rollouts", checked(made, config))
    tried = [case for case in cases if case.question_id not in failed]
    found = [{**row, **_instrument(config, services)} for row in rate(rollouts, tried, config.difficulty)]
    kept = [row for row in found if is_kept(row["difficulty"], config.difficulty)]
    return Output(
        tables={STAGE: make_table(STAGE, kept), "rollouts": rollouts},
        inputs=frozenset(case.question_id for case in cases),
        parents=frozenset(row["question_id"] for row in kept),
        rejected=[*failed.values(), *_fallen(found, tried, config.difficulty)],
    )


def cases_of(answers: pa.Table, questions: pa.Table) -> list[Case]:
    """What is to be tried, in the order of the answers."""
    named = questions.select(["question_id", "question", "language"])
    texts = {row["question_id"]: row for row in named.to_pylist()}
    columns = [name for name in ("question_id", "final_answer", "agreement") if name in answers.column_names]
    return [
        Case(**texts[row["question_id"]], label=row["final_answer"], agreement=row.get("agreement"))
        for row in answers.select(columns).to_pylist()
    ]


def attempts(cases: Sequence[Case], config: RunConfig, services: Services) -> Iterator[tuple[Case, Answered]]:
    """Every attempt with its case: all samples of the first, then of the next."""
    prompt = services.prompts.get(_prompt(config))
    numbers = range(FIRST_SAMPLE, FIRST_SAMPLE + config.difficulty.attempts)
    asks = [
        Ask(case.question_id, prompt, {"question": case.question, "language": case.language}, number)
        for case in cases
        for number in numbers
    ]
    each = (case for case in cases for _ in numbers)
    sampling = config.prompts.attempts_sampling
    return zip(each, ask_all(asks, STAGE, "student", sampling, config, services), strict=True)


def _prompt(config: RunConfig) -> str:
    prompts = config.prompts
    return prompts.attempt_code if config.answers.kind == "code" else prompts.attempt


def row_of(case: Case, answered: Answered, kind: Kind) -> Row:
    """One attempt as a row of `rollouts`; whether it is right is left open."""
    reply, sample = answered.reply, answered.ask.sample - FIRST_SAMPLE
    return {
        "rollout_id": content_id("r", case.question_id, reply.model, 0, sample),
        "problem_id": case.question_id,
        "problem": case.question,
        "visit": 0,
        "sample": sample,
        "response": reply.text,
        "answer": None if reply.reason in NO_SOLUTION else answer_in(kind, reply.text),
        "correct": None,
        "truncated": reply.reason == "truncated",
        "tokens": reply.completion_tokens,
        "model": reply.model,
        "label": case.label,
        "call_id": reply.call_id,
    }


def rate(rollouts: pa.Table, cases: Sequence[Case], config: DifficultyConfig) -> list[Row]:
    """One row for each case: its figures, and its word of `WORDS`."""
    by_id = {case.question_id: case for case in cases}
    ids = pa.array(by_id, pa.string())
    shares = pa.array([case.agreement for case in cases], pa.float64())
    rollouts = rollouts.filter(pc.is_in(rollouts["problem_id"], ids))
    found = difficulty(
        pass_rates(rollouts),
        low=config.low,
        high=config.high,
        agreement=pa.table({"problem_id": ids, "agreement": shares}),
        min_agreement=config.agreement,
    )
    answered = set(rollouts.filter(rollouts["answer"].is_valid())["problem_id"].to_pylist())
    return [_rated(row, by_id[row["problem_id"]], answered) for row in found.to_pylist()]


def _rated(row: Row, case: Case, answered: Container[str]) -> Row:
    word = UNANSWERED if row["wrong"] and case.question_id not in answered else row["difficulty"]
    said = {"question_id": case.question_id, "label": case.label, "student": row["model"], "difficulty": word}
    return {**{k: v for k, v in row.items() if k not in ("problem_id", "model", "kept")}, **said}


def is_kept(word: str, config: DifficultyConfig) -> bool:
    """Whether a question of this word stays."""
    return config.keep == "all" or word == IN_BAND or (word == "hard" and config.keep_hard)


def _failed(heard: Iterable[tuple[Case, Answered]]) -> dict[str, Rejected]:
    """Questions of which an attempt was not made: a rate of fewer would not be the one that was asked for."""
    failed: dict[str, Rejected] = {}
    for case, answered in heard:
        if (fault := answered.fault()) and fault[0] in NOT_TRIED:
            name = case.question_id
            failed.setdefault(name, answered.reject(name, name, *fault))
    return failed


def _fallen(found: Iterable[Row], cases: Iterable[Case], config: DifficultyConfig) -> Iterator[Rejected]:
    texts = {case.question_id: case.question for case in cases}
    for row in found:
        if not is_kept(row["difficulty"], config):
            name = row["question_id"]
            whole = {"question": texts[name], **row}
            yield Rejected(name, name, row["difficulty"], figures(row), None, whole)


def figures(row: Mapping[str, Any]) -> str:
    """What came of the attempts at a question, in words: `2 of 7 right, 1 truncated`."""
    apart = [f"{row[name]} {name}" for name in ("truncated", "undecided") if row[name]]
    return ", ".join([f"{row['right']} of {row['right'] + row['wrong']} right", *apart])


def _instrument(config: RunConfig, services: Services) -> Row:
    """What a pass rate depends on beside question and student."""
    prompt, sampling = services.prompts.get(_prompt(config)), config.prompts.attempts_sampling
    return {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "verifier": instrument(config.answers.kind),
        "prompt_id": prompt.name,
        "prompt_sha": prompt.sha,
    }
