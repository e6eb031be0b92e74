"""Answers that are code: solutions that come with tests, run in a sandbox, and kept where tests agree.

In: questions. Out: rows of `answers` and of `candidates`, and rejected rows. A response holds a solution and
its own tests. One alone has to pass its own; of several `verify.code.agree` says whose tests are believed and
who agrees. The label of an answer is the tests that were believed, and the answer passes that very text. What
a response's code does to its box costs that response only.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from synth.config import RunConfig
from synth.config_answers import AnswersConfig
from synth.prompts.replies import Unparseable
from synth.stages.base import Rejected
from synth.stages.calls import Answered, Ask, Services, ask_all
from synth.stages.candidates import ANSWERED, STAGE, Candidate, common_fault, variables
from synth.verify.code.agree import Agreement, Attempt, Run, agree
from synth.verify.code.blocks import Suite, is_python, python_blocks, suite_of
from synth.verify.code.check import Checked, check
from synth.verify.code.sandbox import Sandbox, ready_sandbox

Row = dict[str, Any]
Result = tuple[Row | None, list[Rejected], list[Row]]
# Questions of a part whose code is run at the same time.
WORKERS = 4
FAILED = "failed_tests"


class Solution(NamedTuple):
    """A response whose `final` is its code, and the tests that it brought; None where it has neither."""

    candidate: Candidate
    tests: Suite | None = None


def coded(
    questions: Sequence[Row], config: RunConfig, services: Services
) -> tuple[list[Row], list[Rejected], list[Row]]:
    """Answers whose tests agree, rejected questions and responses, and all candidates of a vote.

    Raises:
        ConfigError: code is not to be run, or no box can be made here.
    """
    sandbox = ready_sandbox(config.code)
    size = config.answers.samples if config.answers.mode == "vote" else 1
    prompt = services.prompts.get(config.prompts.answer_code)
    asks = [
        Ask(row["question_id"], prompt, variables(row), sample) for row in questions for sample in range(size)
    ]
    replies = ask_all(asks, STAGE, "solver", config.prompts.answers_sampling, config, services)
    read = [_read(answered, config.answers) for answered in replies]
    samples = [read[start : start + size] for start in range(0, len(read), size)]
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="code") as threads:
        found = list(threads.map(partial(_settled, config.answers, sandbox), questions, samples))
    answers = [answer for answer, _, _ in found if answer]
    return answers, [one for _, some, _ in found for one in some], [row for *_, rows in found for row in rows]


def _read(answered: Answered, rule: AnswersConfig) -> Solution:
    """What one reply is worth before anything of it is run."""
    said = answered.reply.text.strip()
    if fault := answered.fault():
        return Solution(Candidate(answered, "sample", said, None, *fault))
    if len(said) > rule.max_chars:
        detail = f"{len(said)} characters, more than {rule.max_chars}"
        return Solution(Candidate(answered, "sample", said, None, "too_long", detail))
    try:
        code, tests = solution_and_tests(said)
    except Unparseable as unread:
        return Solution(Candidate(answered, "sample", said, None, "unparseable", str(unread)))
    return Solution(Candidate(answered, "sample", said, code, ANSWERED), tests)


def solution_and_tests(response: str) -> tuple[str, Suite]:
    """The two blocks of a response: a solution, then its tests.

    Raises:
        Unparseable: there are fewer or more blocks, or they are something else.
    """
    blocks = python_blocks(response)
    if len(blocks) != 2:
        raise Unparseable(f"its blocks of Python are not two, a solution and its tests, but {len(blocks)}")
    code, tests = blocks
    if not code.strip() or not is_python(code):
        raise Unparseable("its solution is no Python")
    # The label is this text, so it has to be read as tests when it stands alone.
    if suite_of(tests) != Suite(asserts=tests):
        raise Unparseable("its tests are no Python with assertions")
    return code, Suite(asserts=tests)


def _settled(rule: AnswersConfig, sandbox: Sandbox, question: Row, samples: Sequence[Solution]) -> Result:
    """One question: its answer or why it has none, what else fell, and its candidates."""
    run = _remembering(sandbox)
    agreement = agree([Attempt(one.candidate.final, one.tests) for one in samples], run, rule.minimum_share)
    candidates = [
        _tested(one.candidate, own) for one, own in zip(samples, agreement.own, strict=True)
    ]  # fmt: skip
    label = _label(samples, agreement)
    winner = next((place for place in agreement.agreeing if _passes(samples[place], label, run)), None)
    if rule.mode == "single":
        (only,) = candidates
        if winner is None:
            return None, [only.rejected()._replace(row_id=question["question_id"])], []
        return only.answer("single", 1, final_answer=label), [], []
    rejected = [one.rejected() for one in candidates if one.fallen]
    cluster = [0 if place in agreement.agreeing else None for place in range(len(candidates))]
    rows = [one.row(place) for one, place in zip(candidates, cluster, strict=True)]
    if agreement.winner is None or winner is None:
        return None, [_reject(question, candidates, agreement), *rejected], rows
    figures = {"agreement": agreement.agreement, "cluster_sizes": [len(agreement.agreeing)]}
    kept = candidates[winner].answer("vote", len(candidates), final_answer=label, **figures)
    return kept, rejected, rows


def _remembering(sandbox: Sandbox) -> Run:
    """Runs tests; the same code against the same tests once only."""
    known: dict[tuple[str, Suite], Checked] = {}

    def run(code: str, tests: Suite) -> Checked:
        if (code, tests) not in known:
            known[code, tests] = check(code, tests, sandbox)
        return known[code, tests]

    return run


def _tested(candidate: Candidate, own: Checked) -> Candidate:
    """A response whose code does not pass its own tests is none."""
    if candidate.fallen or own.passed:
        return candidate
    detail = f"{own.outcome}: {own.detail}" if own.detail else own.outcome
    return replace(candidate, outcome=FAILED, detail=detail)


def _label(samples: Sequence[Solution], agreement: Agreement) -> str:
    """The tests that were believed, in the order of their samples, as one text."""
    texts = [tests.asserts for place in agreement.believed if (tests := samples[place].tests)]
    return texts[0] if len(texts) == 1 else "\n".join(dict.fromkeys(texts))


def _passes(solution: Solution, label: str, run: Run) -> bool:
    """Whether the label as it stands accepts the solution: tests that pass one by one may trip each other."""
    code = solution.candidate.final
    return bool(code and run(code, Suite(asserts=label)).passed)


def _reject(question: Mapping[str, Any], candidates: Sequence[Candidate], agreement: Agreement) -> Rejected:
    """Why a vote has no winner; where all samples fell, for what."""
    passed = sum(not one.fallen for one in candidates)
    reason = "no_agreement" if passed else common_fault(candidates, FAILED)
    count = f"{len(candidates)} samples, {passed} pass their own tests"
    told = f"{count}, {len(agreement.believed)} of these are believed, {len(agreement.agreeing)} agree"
    if agreement.winner is not None:
        told += ", and none passes all believed tests together"
    row = {
        "question": question["question"],
        "agreement": agreement.agreement,
        "cluster_sizes": [len(agreement.agreeing)] if agreement.agreeing else [],
        "samples": len(candidates),
        "final_answers": [one.outcome for one in candidates],
    }
    return Rejected(question["question_id"], question["combination_id"], reason, told, None, row)
