"""Passages in, ratings out: one call each, read strictly (SynthLLM, filtering).

What a passage says is data: it stands between tags that it cannot close, and the reply must be four whole
numbers and nothing else, so a passage can sway its rater but not the reading of what the rater said.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple, TypeVar, cast

from synth.config import RunConfig
from synth.errors import Waiting
from synth.prompts.replies import Rating, Unparseable
from synth.stages.calls import Answered, Ask, Services, ask_all
from synth.stages.orders import harmless_title

Row = Mapping[str, Any]
# Gives all candidates as rows, from the first each time: `passage_id`, `source`, `title`, `language`, `text`.
Passages = Callable[[], Iterator[Row]]
STAGE = "documents"
# Texts that are held at one time, and calls that are made at one time.
AT_ONCE = 1000
Item = TypeVar("Item")


class Rated(NamedTuple):
    """One reply: the rating, or the reason and detail of why there is none."""

    rating: int | None
    reason: str
    detail: str
    columns: Mapping[str, str]
    reply: str


def rate(
    passages: Passages, wanted: Container[str], count: int, config: RunConfig, services: Services
) -> Iterator[tuple[str, Rated]]:
    """The ratings of the `count` passages that are wanted, as they are found on the shelf."""
    prompt = services.prompts.get(config.prompts.rating)
    asks = (
        Ask(
            row["passage_id"],
            prompt,
            {"title": harmless_title(row["title"], row["source"]), "passage": row["text"]},
        )
        for row in passages()
        if row["passage_id"] in wanted
    )
    done = 0
    entry = config.endpoints()[config.roles.of("rater")]
    waiting: Waiting | None = None
    for some in chunks(asks, AT_ONCE if entry.batch == "off" else max(AT_ONCE, entry.batch_requests)):
        heard = replace(services, report=_shifted(services.report, done, count))
        try:
            for answered in ask_all(some, STAGE, "rater", config.prompts.ratings_sampling, config, heard):
                yield answered.ask.row_id, read_rating(answered)
        except Waiting as fault:  # the others are submitted all the same
            waiting = fault
        done += len(some)
    if waiting is not None:
        raise waiting


def read_rating(answered: Answered) -> Rated:
    """The rating of one reply, or why there is none."""
    reply = answered.reply
    if fault := answered.fault():
        return Rated(None, *fault, answered.columns, reply.text)
    try:
        found = cast(Rating, answered.parse_one())
    except Unparseable as unread:
        return Rated(None, "unparseable", str(unread), answered.columns, reply.text)
    return Rated(found.overall, "", "", answered.columns, reply.text)


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of at most `size`, no more of them held than that."""
    coming = iter(items)
    while some := list(islice(coming, size)):
        yield some


def _shifted(report: Callable[[int, int], None], before: int, total: int) -> Callable[[int, int], None]:
    return lambda done, _: report(before + done, total)
