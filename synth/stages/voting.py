"""Answers by vote: several responses to each question, of which enough must agree (SwS, answers).

In: questions. Out: rows of `answers` and of `candidates`, and rejected rows. A response without an answer
agrees with nothing and counts. What solvers say of a faulty question is a vote like any other, and rejects
the question where it wins. Samples are asked in waves: the next one only of those questions whose outcome
further samples can still change, which depends on what was said and never on who said it first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from synth.config import RunConfig
from synth.config_answers import AnswersConfig
from synth.stages.base import Rejected
from synth.stages.calls import Ask, Services, ask_all
from synth.stages.candidates import FAULTY, STAGE, Candidate, common_fault, read_candidate, variables
from synth.stages.comparing import Comparer, Comparison, compared, comparer, kept_of
from synth.verify.votes import Vote, count, decided, fewest

Row = dict[str, Any]
Report = Callable[[int, int], None]
NOTHING = Comparison([], [])


@dataclass(slots=True)
class Poll:
    """One question: what was said so far, and who agrees."""

    question: Row
    candidates: list[Candidate] = field(default_factory=list)
    comparison: Comparison = NOTHING

    def wanted(self, rule: AnswersConfig) -> int:
        """How many samples are to be asked next; none where the outcome is certain."""
        asked, sizes = len(self.candidates), self.comparison.sizes
        left = rule.samples - asked
        limits = (left, rule.samples, rule.minimum_share, rule.minimum_margin)
        if not rule.early_stop or not left:
            return left
        if not asked and rule.first_samples:
            return rule.first_samples
        return 0 if decided(sizes, *limits) else fewest(sizes, *limits)


def voted(
    questions: Sequence[Row], config: RunConfig, services: Services
) -> tuple[list[Row], list[Rejected], list[Row]]:
    """Answers that were agreed on, rejected questions and responses, and all candidates."""
    polls = [Poll(row) for row in questions]
    with comparer(config) as comparers:
        _hold(polls, config, services, comparers)
    answers: list[Row] = []
    rejected: list[Rejected] = []
    for poll in polls:
        found = _result(poll, config.answers)
        (rejected if isinstance(found, Rejected) else answers).append(found)  # type: ignore[arg-type]
        rejected += [one.rejected() for one in poll.candidates if one.fallen]
    return answers, rejected, [row for poll in polls for row in _rows(poll)]


def _hold(polls: Sequence[Poll], config: RunConfig, services: Services, comparers: Comparer) -> None:
    """Ask wave by wave until every poll is decided."""
    prompt = services.prompts.get(config.prompts.vote)
    sampling, rule, before = config.prompts.answers_sampling, config.answers, 0
    while wave := [(poll, wanted) for poll in polls if (wanted := poll.wanted(rule))]:
        asks = [
            Ask(poll.question["question_id"], prompt, variables(poll.question), len(poll.candidates) + place)
            for poll, wanted in wave
            for place in range(wanted)
        ]
        later = sum(rule.samples - len(poll.candidates) - wanted for poll, wanted in wave)
        told = replace(services, report=_shifted(services.report, before, before + len(asks) + later))
        replies = ask_all(asks, STAGE, "solver", sampling, config, told)
        for poll, wanted in wave:
            poll.candidates += [read_candidate(next(replies), "sample", config) for _ in range(wanted)]
            poll.comparison = compared(poll.candidates, comparers(poll.question["question"]))
        before += len(asks)
    if before:
        services.report(before, before)


def _shifted(report: Report, before: int, total: int) -> Report:
    return lambda done, _: report(before + done, total)


def _result(poll: Poll, rule: AnswersConfig) -> Row | Rejected:
    """The answer that won, or why none did."""
    comparison, asked = poll.comparison, len(poll.candidates)
    vote = count(comparison.found, asked, rule.minimum_share, rule.minimum_margin)
    if vote.winner is None:
        return _reject(poll, vote, _reason(poll, vote), _told(poll, vote, rule))
    said = poll.candidates[vote.winner].outcome
    if said in FAULTY:
        return _reject(poll, vote, said, f"so say the solvers: {_told(poll, vote, rule)}")
    kept = kept_of(poll.candidates, comparison.found[0])
    return kept.answer("vote", asked, agreement=vote.agreement, cluster_sizes=list(vote.sizes))


def _reason(poll: Poll, vote: Vote) -> str:
    if vote.why == "no_answers":
        return common_fault(poll.candidates, "no_final_answer")
    return "no_agreement" if vote.why == "below_share" else "vote_tied"


def _told(poll: Poll, vote: Vote, rule: AnswersConfig) -> str:
    """The figures of a vote in words."""
    asked = len(poll.candidates)
    of = f"{asked} of {rule.samples} samples asked" if asked < rule.samples else f"{asked} samples"
    sizes = ", ".join(map(str, vote.sizes)) or "none"
    none = asked - sum(vote.sizes)
    return f"{of}, votes by answer: {sizes}; without an answer: {none}"


def _reject(poll: Poll, vote: Vote, reason: str, detail: str) -> Rejected:
    question = poll.question
    row = {
        "question": question["question"],
        "agreement": vote.agreement,
        "cluster_sizes": list(vote.sizes),
        "samples": len(poll.candidates),
        "final_answers": [one.final or one.outcome for one in poll.candidates],
    }
    return Rejected(question["question_id"], question["combination_id"], reason, detail, None, row)


def _rows(poll: Poll) -> list[Row]:
    places = zip(poll.candidates, poll.comparison.cluster, strict=True)
    return [one.row(cluster) for one, cluster in places]
