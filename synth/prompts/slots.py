"""What each place of a recipe (`prompts.answer`, …) gives to a prompt and can read of its reply.

A prompt that is sound in itself may still be in the wrong place: it asks for what its stage does not have, or
replies with what its stage cannot read. Here that is found before the first call.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import ValidationError

from synth.prompts.library import Prompt
from synth.prompts.replies import REPLIES

# What every stage says to every prompt.
COMMON = frozenset({"domain", "levels"})
FREE_TEXT = "free text"


class Slot(NamedTuple):
    """A place for a prompt: the variables that it fills, and the replies that its stage reads."""

    variables: frozenset[str]
    replies: tuple[str | None, ...]


_LISTS = ("questions", "passage_questions", "concept_questions", "outlined_questions")
_COMBINATION = Slot(
    COMMON | {"language", "references", "title", "passage", "topics", "key_concepts", "most"}, _LISTS
)
_ANSWER = Slot(COMMON | {"question", "language"}, (None, "solution"))

SLOTS: dict[str, Slot] = {
    "concepts": Slot(
        COMMON | {"title", "passage", "max_topics", "max_key_concepts"}, ("extraction", "topics")
    ),
    "level1": _COMBINATION,
    "level2": _COMBINATION,
    "level2_choose": _COMBINATION,
    "level3": _COMBINATION,
    "category": Slot(COMMON | {"problem", "categories"}, ("category",)),
    "problem_concepts": Slot(COMMON | {"problem", "category", "most"}, ("problem_concepts", "concept_list")),
    "targeted": Slot(COMMON | {"language", "references", "concepts", "category", "difficulty"}, _LISTS),
    "rating": Slot(COMMON | {"title", "passage"}, ("rating",)),
    "document": Slot(COMMON | {"language", "kind", "subject"}, (None,)),
    "judge": Slot(
        COMMON | {"question", "concepts", "level", "outline", "references", "language"}, ("judgement",)
    ),
    "well_posed": Slot(COMMON | {"question", "language"}, ("well_posedness",)),
    "same_problem": Slot(COMMON | {"question", "other"}, ("sameness",)),
    "same_concept": Slot(COMMON | {"question", "other"}, ("sameness",)),
    "answer": _ANSWER,
    "answer_text": Slot(_ANSWER.variables, (None,)),
    "answer_code": Slot(_ANSWER.variables, (None,)),
    "vote": _ANSWER,
    "aggregate": Slot(_ANSWER.variables | {"drafts", "closed"}, (None, "solution")),
    "attempt": Slot(COMMON | {"question", "language"}, (None,)),
    "attempt_code": Slot(COMMON | {"question", "language"}, (None,)),
}


def faults_of(slot: str, prompt: Prompt) -> Iterator[str]:
    """Why a prompt cannot stand in a slot, one sentence each."""
    place, front = SLOTS[slot], prompt.front
    where = f"prompts.{slot}: prompt {prompt.name}"
    if front.reply not in place.replies:
        known = ", ".join(reply or FREE_TEXT for reply in place.replies)
        given = front.reply or FREE_TEXT
        yield f"{where} replies with {given}, but {known} is read here; name another prompt."
    if unknown := set(front.variables) - place.variables:
        known = ", ".join(sorted(place.variables))
        yield (
            f"{where} uses {', '.join(sorted(unknown))}, but only {known} are filled in here; "
            "name another prompt."
        )
    for domain, examples in front.examples.items():
        for number, example in enumerate(examples, 1):
            if said := _fault_of(example, front.reply):
                yield f"{where}, example {number} of {domain}: {said}; correct its reply."


def _fault_of(example: dict[str, Any], reply: str | None) -> str | None:
    """Why an example is no example of the reply; it would be shown to the model as one."""
    shown = example.get("reply")
    if reply is None:
        return None if isinstance(shown, str) else "its reply is not text"
    try:
        REPLIES[reply].model_validate(shown)
    except ValidationError as fault:
        error = fault.errors()[0]
        at = f" at `{'.'.join(map(str, error['loc']))}`" if error["loc"] else ""
        return f"it is no reply of the kind {reply}{at} ({error['msg']})"
    return None
