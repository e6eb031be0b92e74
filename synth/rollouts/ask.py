"""Attempts at seed problems: asked all at once, then read back from the journal a part at a time.

In: problems, a visit, and a client. Out: for each part the rows of attempts, compared with their labels, and
those attempts that were not made. Asking does not wait for comparing, and memory holds one part.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from synth.errors import Waiting
from synth.ids import content_id
from synth.llm.client import Reply
from synth.prompts.library import Prompt
from synth.rollouts.seeds import Seed
from synth.rollouts.visits import Visits
from synth.stages.base import Rejected
from synth.stages.calls import Answered, Ask, Services, ask_all, requests_of
from synth.stages.difficulty import FIRST_SAMPLE, NOT_TRIED, Case, row_of
from synth.stages.holding import compared
from synth.verify.equivalence.engine import Equivalence

Row = dict[str, Any]
STAGE = "rollouts"
# Problems whose attempts are held at one time. Not a setting: it shows in the bytes of the file.
PART = 500


class Visit(NamedTuple):
    """One visit: its number, its entry, and by their place the attempts that were not made."""

    number: int
    entry: str
    failed: dict[int, Reply]


def ask_visits(
    seeds: Sequence[Seed], visits: Visits, services: Services, count: Callable[[], None]
) -> list[Visit]:
    """Make all attempts of all visits. One that waits for batches keeps no other from submitting its own.

    Raises:
        Waiting: batches are under way, and the time of this command is over.
        Stopped, EndpointError, StoreError: as the client raises them.
    """
    done: dict[int, Visit] = {}
    while todo := [number for number in range(len(visits.entries)) if number not in done]:
        waiting: Waiting | None = None
        for number in todo:
            try:
                done[number] = _ask(seeds, number, visits, services, count)
            except Waiting as fault:
                waiting = fault
        if waiting is not None and not services.client.wait_for_batches():
            raise services.client.waiting() or waiting
    return [done[number] for number in sorted(done)]


def _ask(
    seeds: Sequence[Seed], number: int, visits: Visits, services: Services, count: Callable[[], None]
) -> Visit:
    """Make all attempts of one visit; what was answered lies in the journal."""
    entry = visits.entries[number]
    asks = asks_of(seeds, visits, _prompt(visits, services))
    failed: dict[int, Reply] = {}
    for place, reply in services.client.stream(
        entry, requests_of(asks, STAGE, visits.sampling, visits.config)
    ):
        count()
        if reply.reason in NOT_TRIED:
            failed[place] = reply
    return Visit(number, entry, failed)


def parts(
    seeds: Sequence[Seed], visit: Visit, visits: Visits, services: Services, equivalence: Equivalence
) -> Iterator[tuple[list[Row], list[Rejected]]]:
    """Rows of attempts and attempts that were not made, in the order of problem and sample."""
    prompt = _prompt(visits, services)
    asks = enumerate(asks_of(seeds, visits, prompt))
    by_id = {seed.problem_id: seed for seed in seeds}
    while part := list(islice(asks, PART * visits.attempts)):
        todo = [one for place, one in part if place not in visit.failed]
        lost = [Answered(one, visit.failed[place], "text") for place, one in part if place in visit.failed]
        heard = [*ask_all(todo, STAGE, "student", visits.sampling, visits.config, services, visit.entry)]
        lost += [one for one in heard if one.reply.reason in NOT_TRIED]
        made = [_row(by_id[one.ask.row_id], visit, one) for one in heard if one.reply.reason not in NOT_TRIED]
        yield compared(made, equivalence), [_lost(one, visit) for one in lost]


def _prompt(visits: Visits, services: Services) -> Prompt:
    return services.prompts.get(visits.config.prompts.attempt)


def asks_of(seeds: Sequence[Seed], visits: Visits, prompt: Prompt) -> Iterator[Ask]:
    """Every attempt at the first problem, then at the next: the same for each visit."""
    language = visits.config.language
    spoken = "the language of the problem" if language == "source" else language
    for seed in seeds:
        variables = {"question": seed.problem, "language": spoken}
        for sample in range(FIRST_SAMPLE, FIRST_SAMPLE + visits.attempts):
            yield Ask(seed.problem_id, prompt, variables, sample)


def _row(seed: Seed, visit: Visit, answered: Answered) -> Row:
    row = row_of(Case(seed.problem_id, seed.problem, "", seed.label, None), answered, "math")
    name = content_id("r", seed.problem_id, row["model"], visit.number, row["sample"])
    return {**row, "rollout_id": name, "visit": visit.number, "category": seed.category}


def _lost(answered: Answered, visit: Visit) -> Rejected:
    """An attempt that was not made: it is neither right nor wrong."""
    asked, reply = answered.ask, answered.reply
    sample = asked.sample - FIRST_SAMPLE
    name = content_id("r", asked.row_id, reply.model, visit.number, sample)
    lost = answered.reject(name, asked.row_id, reply.reason or "call_failed", reply.detail)
    return lost._replace(row={**lost.row, "visit": visit.number, "sample": sample})
