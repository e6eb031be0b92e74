"""Stages that call models, against a scripted model: what fell, why, and that neighbours are unharmed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synth
from synth.config import RunConfig
from synth.errors import SynthError
from synth.llm import fake
from synth.report import manifests
from synth.store import StageStore

Reply = str | fake.FakeReply
CONCEPTS = {
    "level": "college",
    "subject": "x",
    "topics": [{"name": "Speed", "key_concepts": ["slope", "rate of change"]}],
}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str, int], Reply | None]], None]:
    """Replace replies: the function gets the schema's name and the number of the call of its kind."""

    def use(say: Callable[[str, int], Reply | None]) -> None:
        plain, counts = fake.FakeModel._plain, dict[str, int]()

        def reply(self: fake.FakeModel, body: dict[str, Any], name: str) -> fake.FakeReply:
            kind = ((body.get("response_format") or {}).get("json_schema") or {}).get("name", "answer")
            counts[kind] = counts.get(kind, 0) + 1
            said = say(kind, counts[kind])
            if said is None:
                return plain(self, body, name)
            return fake.FakeReply(said) if isinstance(said, str) else said

        monkeypatch.setattr(fake.FakeModel, "_plain", reply)

    return use


def test_caps_and_malformed_items_are_counted(config: RunConfig, script: Any) -> None:
    names = [f"slope {n}" for n in range(30)]
    reply = {
        **CONCEPTS,
        "topics": [{"name": "Speed", "key_concepts": names}, {"name": 7, "key_concepts": []}],
    }
    script(lambda kind, n: json.dumps(reply) if kind == "extraction" else None)
    result = synth.run(config)
    concepts = manifests(result.folder)["concepts"]
    passages = concepts.inputs
    assert concepts.outputs["mentions"] == passages * (1 + config.concepts.max_key_concepts)
    assert concepts.reasons == {"surplus": 10 * passages, "unparseable": passages}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("{", "unparseable"),
        ("", "empty_reply"),
        ("I'm sorry, but I can't help with that.", "refused"),
        (fake.FakeReply('{"level": "col', "length"), "truncated"),
        (json.dumps({**CONCEPTS, "topics": []}), "no_concepts"),
    ],
    ids=["broken", "nothing", "refusal", "cut off", "no concepts"],
)
def test_one_bad_extraction_costs_no_neighbour(
    config: RunConfig, script: Any, said: Reply, reason: str
) -> None:
    script(lambda kind, n: said if (kind, n) == ("extraction", 1) else None)
    result = synth.run(config)
    concepts = manifests(result.folder)["concepts"]
    assert (concepts.inputs, concepts.parents, concepts.reasons) == (6, 5, {reason: 1})
    row = StageStore(result.folder, "concepts").read("rejected").to_pylist()[0]
    kept = said if isinstance(said, str) else said.content
    assert json.loads(row["row"])["reply"] == kept


def test_an_unsuitable_passage_is_rejected_with_that_reason(config: RunConfig, script: Any) -> None:
    script(lambda kind, n: '{"suitable": false, "questions": []}' if kind == "passage_questions" else None)
    questions = manifests(synth.run(config).folder)["questions"]
    assert questions.reasons == {"unsuitable": 6}


def test_more_questions_than_asked_for_are_surplus(config: RunConfig, script: Any) -> None:
    many = {"questions": [{"question": f"What is the slope of line {n}?"} for n in range(7)]}
    script(lambda kind, n: json.dumps(many) if (kind, n) == ("questions", 1) else None)
    questions = manifests(synth.run(config).folder)["questions"]
    assert questions.reasons == {"surplus": 7 - config.questions.level2_per_call}


def test_an_answer_without_a_final_answer_is_rejected(config: RunConfig, script: Any) -> None:
    script(lambda kind, n: "I did some work." if (kind, n) == ("answer", 1) else None)
    answers = manifests(synth.run(config).folder)["answers"]
    assert answers.reasons == {"no_final_answer": 1}
    assert answers.parents == answers.inputs - 1


def test_an_answer_that_is_too_long_is_rejected(config: RunConfig, script: Any) -> None:
    long = f"{'So it goes on. ' * 100}\\boxed{{4}}"
    script(lambda kind, n: long if (kind, n) == ("answer", 1) else None)
    answers = config.answers.model_copy(update={"max_chars": len(long) - 1})
    result = synth.run(config.model_copy(update={"answers": answers}))
    assert manifests(result.folder)["answers"].reasons == {"too_long": 1}
    row = StageStore(result.folder, "answers").read("rejected").to_pylist()[0]
    assert row["detail"] == f"{len(long)} characters, more than {len(long) - 1}"
    assert len(json.loads(row["row"])["reply"]) == len(long)
    again = answers.model_copy(update={"max_chars": len(long)})
    assert manifests(synth.run(config.model_copy(update={"answers": again})).folder)["answers"].reasons == {}


def test_calls_that_failed_are_made_by_the_next_run(config: RunConfig, script: Any) -> None:
    fails = {"now": True}

    def say(kind: str, n: int) -> Reply | None:
        return fake.FakeReply("no", status=400) if kind == "answer" and n == 3 and fails["now"] else None

    script(say)
    first = synth.run(config, name="r")
    assert manifests(first.folder)["answers"].reasons == {"call_failed": 1}
    fails["now"] = False
    second = synth.run(config, name="r")
    assert manifests(second.folder)["answers"].reasons == {}
    assert second.funnel[-1].outputs == first.funnel[-1].outputs + 1


def test_what_is_unanswered_does_not_depend_on_how_rows_are_cut(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = fake.FakeModel._plain

    def reply(self: fake.FakeModel, body: dict[str, Any], name: str) -> fake.FakeReply:
        asked = body["messages"][-1]["content"]
        refused = "concentration of a mixture" in asked or "Two lines meet" in asked
        return fake.FakeReply("no", status=400) if refused else plain(self, body, name)

    monkeypatch.setattr(fake.FakeModel, "_plain", reply)
    outcomes, cards = [], []
    for size in (10_000, 2):
        result = synth.run(config.model_copy(update={"part_rows": size}), runs=tmp_path / str(size))
        made = manifests(result.folder)
        assert made["concepts"].reasons["call_failed"] == 2
        assert made["concepts"].outcome != made["concepts"].fingerprint
        outcomes.append({stage: manifest.outcome for stage, manifest in made.items()})
        cards.append((result.dataset / "checksums.sha256").read_text())
    assert outcomes[0] == outcomes[1]
    assert cards[0] == cards[1]


def test_an_endpoint_that_refuses_the_key_stops_the_run(config: RunConfig, script: Any) -> None:
    script(lambda kind, n: fake.FakeReply("bad key", status=401))
    with pytest.raises(SynthError, match="asks for a key"):
        synth.run(config, name="r")
    assert list(manifests(Path("data/runs/r"))) == ["documents"]
