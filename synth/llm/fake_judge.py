"""What the fake model says as a judge and as a checker: by the question alone, whatever is shown beside it.

In: a question and the model's name. Out: a reply as a dictionary. A question is of one quality for all, and
each model has an opinion of its own beside it, so that two judges agree often and not always.
"""

import random
import re
from typing import Any, get_args

from synth.ids import stream
from synth.verify.judging import CRITERIA, DECISIVE, Outcome, Verdict, verdict_of

# Below these a question of such a quality (from 0 to 1) is bad, or acceptable.
BAD, ACCEPTABLE = 0.15, 0.4
OWN_OPINION = 0.3
WELL_POSED = 0.92
_SENTENCE = re.compile(r"(?<=[.?!])\s+")
_WORDS = {
    "perfect": "It asks for one thing, the data suffice, and one answer follows from them.",
    "acceptable": "It can be solved, but its wording could be plainer.",
    "bad": "What it states does not fit together, so nothing can be worked out from it.",
}


def judgement(question: str, model: str) -> dict[str, Any]:
    """Marks on five criteria that lead to a verdict, and the verdict."""
    shared, own = (stream(0, "fake-judge", name) for name in (question, f"{model} {question}"))
    quality = (1 - OWN_OPINION) * shared.random() + OWN_OPINION * own.random()
    wanted: Verdict = "bad" if quality < BAD else "acceptable" if quality < ACCEPTABLE else "perfect"
    marks = _marks(wanted, own)
    return {"assessment": _WORDS[wanted], **marks, "verdict": verdict_of(marks)}


def _marks(wanted: Verdict, draw: random.Random) -> dict[str, Verdict]:
    marks: dict[str, Verdict] = dict.fromkeys(CRITERIA, "perfect")
    if wanted == "perfect":  # one blemish at most, where it decides nothing
        marks[draw.choice([name for name in CRITERIA if name not in DECISIVE])] = draw.choice(
            ("perfect", "acceptable")
        )
        return marks
    marks[draw.choice(DECISIVE)] = wanted
    return marks


def check(question: str, model: str) -> dict[str, Any]:
    """Its sentences but the last as givens, the last as what is sought; well-posed for the most part."""
    *givens, sought = _SENTENCE.split(" ".join(question.split())) or [""]
    draw = stream(0, "fake-check", f"{model} {question}")
    good, *faults = get_args(Outcome)
    outcome = good if draw.random() < WELL_POSED else draw.choice(faults)
    said = "One answer fits." if outcome == good else "No single answer fits."
    return {"givens": givens, "sought": sought or "what is asked", "assessment": said, "outcome": outcome}


def as_tags(reply: dict[str, Any]) -> str:
    """The reply in the tagged form."""
    lines = (("\n".join(f"- {item}" for item in v) if isinstance(v, list) else v) for v in reply.values())
    return "\n".join(f"<{tag}>{text}</{tag}>" for tag, text in zip(reply, lines, strict=True))
