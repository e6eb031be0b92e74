"""A prompt must fit the place that it is put in, and every fault is told before the first call."""

from pathlib import Path

import pytest

from synth.check import check
from synth.config import RunConfig
from synth.errors import ConfigError
from synth.forecast import forecast
from synth.prompts.library import Prompt, PromptLibrary
from synth.prompts.slots import SLOTS, faults_of

FITTING = {
    "concepts": ("concepts.v1", "concepts_compact.v1"),
    "level1": ("level1.v1", "level1_compact.v1"),
    "level2": ("level2.v1", "level2_compact.v1"),
    "level2_choose": ("level2_choose.v1",),
    "level3": ("level3.v1", "level3_compact.v1"),
    "answer": ("answer.v1", "answer_compact.v1"),
    "answer_text": ("answer_text.v1",),
    "answer_code": ("answer_code.v1",),
    "vote": ("answer_vote.v1", "answer_compact.v1"),
    "aggregate": ("aggregate.v1",),
    "rating": ("rating.v1", "rating_compact.v1"),
    "document": ("document.v1",),
    "judge": ("judge.v1",),
    "well_posed": ("well_posed.v1",),
    "same_problem": ("same_problem.v1",),
    "same_concept": ("same_concept.v1",),
    "attempt": ("attempt.v1",),
    "attempt_code": ("attempt_code.v1",),
}


def placed(config: RunConfig, **prompts: str) -> RunConfig:
    return config.model_copy(update={"prompts": config.prompts.model_copy(update=prompts)})


@pytest.mark.parametrize(("slot", "name"), [(s, n) for s, names in FITTING.items() for n in names])
def test_what_ships_fits_its_place(slot: str, name: str) -> None:
    assert list(faults_of(slot, PromptLibrary().get(name))) == []


def test_prompts_in_wrong_places_are_told_all_at_once(config: RunConfig, tmp_path: Path) -> None:
    wrong = placed(config, answer="level1.v1", concepts="answer.v1", level3="concepts.v1")
    for look in (lambda: check(wrong, tmp_path), lambda: forecast(wrong)):
        with pytest.raises(ConfigError) as caught:
            look()
        told = caught.value.faults
        assert {fault.partition(":")[0] for fault in told} == {
            "prompts.answer",
            "prompts.concepts",
            "prompts.level3",
        }
        assert any("replies with passage_questions, but free text, solution is read" in f for f in told)
        assert any("uses most, passage, title" in f for f in told)


def test_stages_fill_every_variable_that_their_slot_promises(config: RunConfig, tmp_path: Path) -> None:
    """Undeclared variables raise when they are rendered, so the stages themselves vouch for the table."""
    for slot, place in SLOTS.items():
        reply = f"reply: {place.replies[0]}\n" if place.replies[0] else ""
        head = f"---\nid: {slot}\nversion: 9\n{reply}variables: [{', '.join(sorted(place.variables))}]\n---\n"
        body = "".join(f"{{{{ {name} }}}}\n" for name in sorted(place.variables))
        (tmp_path / f"{slot}.v9.md").write_text(f"{head}# System\nAll of it.\n# User\n{body}")
    own = placed(config, dir=str(tmp_path), **{slot: f"{slot}.v9" for slot in SLOTS})
    own = own.model_copy(update={"filter": own.filter.model_copy(update={"mode": "distil"})})
    own = own.model_copy(update={"roles": own.roles.model_copy(update={"judge": ("fake",)})})
    stages = {"documents", "concepts", "questions", "judge", "answers"}
    assert {e.stage for e in forecast(own).examples} == stages
    assert {e.prompt for e in forecast(own).examples if e.stage == "judge"} == {
        "judge",
        "judge, well-posedness",
    }
    for settings in ({"mode": "vote"}, {"mode": "aggregate"}, {"mode": "aggregate", "kind": "text"}):
        other = own.model_copy(update={"answers": own.answers.model_copy(update=settings)})
        found = [e.prompt for e in forecast(other).examples if e.stage == "answers"]
        assert found == ["answers", "answers, aggregate"][: 1 + (settings["mode"] == "aggregate")]


@pytest.mark.parametrize(
    ("slot", "reply", "example", "fault"),
    [
        ("answer", "", "{question: a}", "its reply is not text"),
        ("answer", "reply: solution\n", "{question: a, reply: {solution: b}}", "final_answer"),
        ("level2", "reply: questions\n", "{question: a, reply: {questions: 1}}", "example 1 of any"),
    ],
    ids=["no text", "half a reply", "no list"],
)
def test_an_example_must_be_one_of_its_reply(slot: str, reply: str, example: str, fault: str) -> None:
    variable = "question" if slot == "answer" else "passage"
    text = f"---\nid: x\nversion: 1\n{reply}variables: [{variable}]\nexamples:\n  any:\n  - {example}\n---\n"
    prompt = Prompt("x.v1", f"{text}# System\na\n# User\n{{{{ {variable} }}}}\n")
    assert [fault in told for told in faults_of(slot, prompt)] == [True]
