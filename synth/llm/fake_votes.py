"""What the fake model says as one of several solvers: objections to questions, wrong answers, aggregates.

In: a question and the stream of one request. Out: text. A few questions are faulty for all; most solvers see
it, and those who do not answer as if nothing were.
"""

import random
import re

from synth.ids import stream

OUTCOMES = ("inconsistent", "under_determined", "several_answers")
FAULTY = 0.06
SEEN = 0.8
# A wrong answer is off by at most so much: some of them agree with each other.
OFF_BY = 3
_BOXED = re.compile(r"\\boxed\{(-?\d+)\}")


def objection(draw: random.Random, question: str) -> str:
    """Why there is no single answer, for the few questions that are faulty; else nothing."""
    shared = stream(0, "fake-objection", question)
    faulty, outcome = shared.random() < FAULTY, shared.choice(OUTCOMES)
    if not faulty or draw.random() >= SEEN:
        return ""
    return f"What is given does not settle what is asked.\n<outcome>{outcome}</outcome>"


def wrong(text: str, draw: random.Random) -> str:
    """The same text with another number in its box."""
    return _BOXED.sub(lambda found: f"\\boxed{{{int(found[1]) + draw.randint(1, OFF_BY)}}}", text)


def unmarked(text: str) -> str:
    """The same text without the sentence that has the answer."""
    start = text.rfind("So the result is")
    return text[:start].rstrip() if start >= 0 else _BOXED.sub("that", text)


def aggregate(drafts: tuple[str, ...]) -> str:
    """One answer out of several: the work of the first, and the number that most of them have in the box."""
    boxed = [found[-1] for draft in drafts if (found := _BOXED.findall(draft))]
    if not boxed:
        return f"Put together from {len(drafts)} attempts: {drafts[0]}"
    often = max(boxed, key=boxed.count)
    return f"Worked out anew from what is given, step by step. So the result is \\boxed{{{often}}}."
