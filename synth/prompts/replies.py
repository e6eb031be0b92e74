"""What models are asked to reply with, and how a reply is read: strictly, item by item.

A reply is a head (a few fields) and a list of items. One malformed item is a fault of its own and
costs no neighbour. The same structure comes out of JSON and of the tagged form (SynthLLM, concepts).
The docstrings of replies are sent with their schemas: they speak to models, and are part of the prompt.
"""

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
)

from synth.prompts import tags
from synth.verify.judging import VERDICTS, Outcome, Verdict


class Reply(BaseModel):
    """Base of all replies: an unknown field is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Topic(Reply):
    """A topic and the key concepts listed under it."""

    name: str
    key_concepts: list[str]


class Extraction(Reply):
    """Concepts of a passage."""

    level: str | None = None
    subject: str | None = None
    topics: list[Topic]


class TopicsOnly(Reply):
    """Concepts of a passage, nothing else: for very small models."""

    topics: list[Topic]


class Question(Reply):
    """A question."""

    question: str


class PassageQuestion(Question):
    """A question from one passage, with where it came from and its level."""

    kind: Literal["original", "new"]
    level: str


class ConceptQuestion(Question):
    """A question with the concepts that the model chose for it."""

    concepts: list[str]


class OutlinedQuestion(Reply):
    """A question that was planned first: which concepts it combines, and how."""

    outline: str
    question: str


class Questions(Reply):
    """Questions."""

    questions: list[Question]


class PassageQuestions(Reply):
    """Questions from one passage; none where it is unsuitable."""

    suitable: bool = True
    questions: list[PassageQuestion]


class ConceptQuestions(Reply):
    """Questions with their chosen concepts."""

    questions: list[ConceptQuestion]


class OutlinedQuestions(Reply):
    """Questions, each behind its outline."""

    questions: list[OutlinedQuestion]


class Solution(Reply):
    """A worked answer in two fields, for models that forget to mark their final answer."""

    solution: str
    final_answer: str


# An enumeration: endpoints that write to a schema do not all know bounds of numbers.
Grade = Annotated[
    int, Field(strict=True, ge=1, le=10), WithJsonSchema({"type": "integer", "enum": list(range(1, 11))})
]


class Rating(Reply):
    """A passage rated on three grounds and over all."""

    relevance: Grade
    clarity: Grade
    language_quality: Grade
    overall: Grade


class Category(Reply):
    """The category of a problem, behind what it is about."""

    summary: str
    category: str


class ConceptList(Reply):
    """The concepts that a problem tests, nothing else: for very small models."""

    concepts: list[str]


class ProblemConcepts(Reply):
    """The concepts that a problem tests, behind the reasons for them."""

    reasons: str
    concepts: list[str]


def _word(given: Any) -> Any:
    """One of a few words, whatever its case and whether it is written with a hyphen, a blank or neither."""
    return re.sub(r"[\s-]+", "_", given.strip().lower()) if isinstance(given, str) else given


def _one_of(words: tuple[str, ...]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(words)})


Mark = Annotated[Verdict, BeforeValidator(_word)]
# Always asked for; null where a reply is silent, so that silence is told apart from what cannot be read.
SaidVerdict = Annotated[Verdict | None, BeforeValidator(_word), _one_of(VERDICTS)]
SaidOutcome = Annotated[Outcome | None, BeforeValidator(_word), _one_of(get_args(Outcome))]

Same = Literal["same", "other"]
SaidSame = Annotated[Same | None, BeforeValidator(_word), _one_of(get_args(Same))]


class Judgement(Reply):
    """A question judged in words, on five criteria, and in a verdict."""

    assessment: str
    question_format: Mark
    factual_accuracy: Mark
    difficulty_alignment: Mark
    concept_coverage: Mark
    solvability: Mark
    verdict: SaidVerdict = None


def _not_blank(text: str) -> str:
    # No bound in the schema: not all endpoints know it.
    if not text.strip():
        raise ValueError("nothing is restated")
    return text.strip()


class WellPosedness(Reply):
    """What a question gives and seeks, in other words, and whether it has exactly one answer."""

    givens: list[str]
    sought: Annotated[str, AfterValidator(_not_blank)]
    assessment: str
    outcome: SaidOutcome = None


class Sameness(Reply):
    """Whether two questions are one in two wordings, behind what is the same and what differs."""

    assessment: str
    outcome: SaidSame = None


REPLIES: dict[str, type[Reply]] = {
    "extraction": Extraction,
    "topics": TopicsOnly,
    "questions": Questions,
    "passage_questions": PassageQuestions,
    "concept_questions": ConceptQuestions,
    "outlined_questions": OutlinedQuestions,
    "category": Category,
    "problem_concepts": ProblemConcepts,
    "concept_list": ConceptList,
    "solution": Solution,
    "rating": Rating,
    "judgement": Judgement,
    "well_posedness": WellPosedness,
    "sameness": Sameness,
}


class Fault(NamedTuple):
    """An item of a reply that could not be read."""

    place: int
    detail: str
    raw: Any


class Parsed(NamedTuple):
    """A reply that was read: its head, its sound items with their places, and its faulty ones."""

    head: Reply
    items: list[tuple[int, Any]]
    faults: list[Fault]


class Unparseable(ValueError):
    """The reply is not in the form that was asked for."""


def json_schema(reply: str, refinements: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The JSON schema of a reply; `refinements` add keywords to fields by their name.

    Every field is required and none is added: the strict subset that endpoints share.
    """
    schema = deepcopy(_plain_schema(reply))
    for model in [schema, *schema.get("$defs", {}).values()]:
        model["required"] = list(model["properties"])
        for name, spec in model["properties"].items():
            spec.pop("default", None)
            spec.pop("title", None)
            refinement = refinements.get(name, {})
            if "type" in refinement:
                spec.pop("anyOf", None)
            spec.update(refinement)
    return schema


@cache
def _plain_schema(reply: str) -> dict[str, Any]:
    """The schema without refinements, not to be changed: making it takes milliseconds, and each part asks."""
    return REPLIES[reply].model_json_schema()


def parse(reply: str, form: str, text: str) -> Parsed:
    """Read a reply.

    Raises:
        Unparseable: nothing in it can be used.
    """
    model = REPLIES[reply]
    value = _value(model, form, text)
    listed = _list_field(model)
    items = value.pop(listed, None)
    if not isinstance(items, list):
        raise Unparseable(f"the reply has no list `{listed}`")
    try:
        head = model.model_validate({**value, listed: []})
    except ValidationError as fault:
        raise Unparseable(_first(fault)) from fault
    return _items(head, items, get_args(model.model_fields[listed].annotation)[0])


def parse_one(reply: str, form: str, text: str) -> Reply:
    """Read a reply that holds no list.

    Raises:
        Unparseable: it is not in the form that was asked for.
    """
    model = REPLIES[reply]
    try:
        return model.model_validate(_value(model, form, text))
    except ValidationError as fault:
        raise Unparseable(_first(fault)) from fault


def _value(model: type[Reply], form: str, text: str) -> dict[str, Any]:
    return tags.read(text, model) if form == "tags" else _json_object(text)


def _items(head: Reply, items: list[Any], model: type[Reply]) -> Parsed:
    parsed = Parsed(head, [], [])
    for place, item in enumerate(items):
        try:
            parsed.items.append((place, model.model_validate(item)))
        except ValidationError as fault:
            parsed.faults.append(Fault(place, _first(fault), item))
    return parsed


def _list_field(model: type[Reply]) -> str:
    """The field that lists items: the one whose elements are replies themselves."""
    return next(name for name, field in model.model_fields.items() if _lists_replies(field.annotation))


def _lists_replies(annotation: Any) -> bool:
    arguments = get_args(annotation)
    return bool(arguments) and isinstance(arguments[0], type) and issubclass(arguments[0], Reply)


_FENCE = re.compile(r"^```(?:json)?\s*\n(.*)\n```$", re.DOTALL)


def _json_object(text: str) -> dict[str, Any]:
    stripped = text.strip()
    fenced = _FENCE.match(stripped)
    try:
        value = json.loads(fenced[1] if fenced else stripped)
    except (ValueError, RecursionError) as fault:
        raise Unparseable(f"the reply is not JSON: {fault}") from fault
    if not isinstance(value, dict):
        raise Unparseable("the reply is JSON, but not an object")
    return value


def _first(fault: ValidationError) -> str:
    error = fault.errors()[0]
    return f"`{'.'.join(map(str, error['loc']))}`: {error['msg']}"
