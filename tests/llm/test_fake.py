import json
from itertools import combinations

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from synth.ids import stream
from synth.llm import wire
from synth.llm.fake import REFUSAL, FakeModel, FakeReply, completion, tokens
from synth.llm.fake_schema import fill
from synth.llm.fake_text import Writer, names_of, read_prompt
from synth.verify.final_answer import final_answer

PASSAGES = [
    "A prime number has exactly two divisors. Every integer is a product of prime numbers.",
    "Euclid showed that the list of prime numbers never ends, by looking at a product of primes plus one.",
    "Two integers are congruent when their difference is a multiple of the modulus. Remainders add up.",
    "The remainder of a product depends only on the remainders of its factors. An integer modulus is needed.",
    "The greatest common divisor of two integers is found by taking remainders again and again.",
    "A fraction is in lowest terms when the greatest common divisor of numerator and denominator is one.",
    "The numerator of a fraction counts parts, the denominator names them. Equal fractions have one value.",
    "A ratio compares two quantities; as a fraction its value does not depend on the unit of the quantities.",
]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Topic(Strict):
    name: str = Field(max_length=40)
    key_concepts: list[str] = Field(min_length=2, max_length=5)


class Extraction(Strict):
    level: str | None
    subject: str
    topics: list[Topic] = Field(min_length=1, max_length=3)


class Question(Strict):
    concepts: list[str] = Field(min_length=2, max_length=3)
    question: str = Field(min_length=20)
    level: str = Field(json_schema_extra={"enum": ["school", "college"]})


class Questions(Strict):
    suitable: bool = True
    count: int = Field(ge=3, le=5)
    questions: list[Question] = Field(max_length=4)


def body(text, model=None, **more):
    form = {}
    if model is not None:
        schema = {"name": "reply", "schema": model.model_json_schema()}
        form = {"response_format": {"type": "json_schema", "json_schema": schema}}
    return {"model": "fake", "messages": [{"role": "user", "content": text}], **form, **more}


def passage(text):
    return f'Read this.\n<passage id="p">\n{text}\n</passage>'


def concepts(names):
    return "<concepts>\n" + "\n".join(f"- {name}" for name in names) + "\n</concepts>"


def test_the_same_body_has_the_same_reply_in_any_model():
    one = body(passage(PASSAGES[0]), Extraction, seed=3)
    assert FakeModel().reply(one) == FakeModel().reply(one)


def test_another_sample_is_another_reply():
    texts = {FakeModel().reply(body(passage(PASSAGES[0]), Questions, seed=n)).content for n in range(10)}
    assert len(texts) == 10


@pytest.mark.parametrize("text", PASSAGES)
def test_extraction_fills_its_schema_with_words_of_the_passage(text):
    reply = FakeModel().reply(body(passage(text), Extraction))
    found = Extraction.model_validate_json(reply.content)
    for topic in found.topics:
        for name in [topic.name, *topic.key_concepts]:
            assert all(word in text.lower() for word in name.split())


def test_questions_take_their_concepts_from_the_list():
    listed = ["prime number", "unique factorisation", "greatest common divisor", "remainder"]
    for n in range(20):
        reply = FakeModel().reply(body(passage(PASSAGES[0]) + concepts(listed), Questions, seed=n))
        found = Questions.model_validate_json(reply.content)
        assert 1 <= len(found.questions) <= 4
        for question in found.questions:
            assert set(question.concepts) <= set(listed)
            assert len(set(question.concepts)) == len(question.concepts) >= 2
            assert all(name in question.question for name in question.concepts)


def test_only_the_last_user_message_is_read_for_data():
    messages = [
        {"role": "system", "content": passage("Volcanoes erupt.")},
        {"role": "user", "content": passage("Glaciers move.")},
        {"role": "assistant", "content": concepts(["glacier"])},
        {"role": "user", "content": passage("Rivers carry sediment downstream.")},
    ]
    prompt = read_prompt(messages)
    assert prompt.passage.strip() == "Rivers carry sediment downstream."
    assert prompt.concepts == ()


schemas = st.recursive(
    st.sampled_from(
        [{"type": "string"}, {"type": "integer", "minimum": 2, "maximum": 4}, {"type": "boolean"}]
    )
    | st.just({"enum": ["a", "b"]})
    | st.just({"anyOf": [{"type": "string", "maxLength": 7}, {"type": "null"}]}),
    lambda inner: (
        st.builds(
            lambda items, least: {"type": "array", "items": items, "minItems": least, "maxItems": least + 1},
            inner,
            st.integers(0, 3),
        )
        | st.builds(
            lambda properties: {"type": "object", "properties": properties, "required": list(properties)},
            st.dictionaries(
                st.sampled_from(["question", "concepts", "name", "level", "other"]), inner, max_size=3
            ),
        )
    ),
    max_leaves=6,
)


def admits(schema, value):
    if "anyOf" in schema:
        return any(admits(branch, value) for branch in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    if schema["type"] == "array":
        inside = all(admits(schema["items"], item) for item in value)
        return inside and schema["minItems"] <= len(value) <= schema["maxItems"]
    if schema["type"] == "object":
        return set(value) == set(schema["properties"]) and all(
            admits(inner, value[name]) for name, inner in schema["properties"].items()
        )
    if schema["type"] == "integer":
        return schema["minimum"] <= value <= schema["maximum"]
    if schema["type"] == "string":
        return isinstance(value, str) and len(value) <= schema.get("maxLength", len(value))
    return value is None if schema["type"] == "null" else isinstance(value, bool)


@settings(deadline=None)
@given(schemas, st.integers(0, 1000), st.sampled_from(["", *PASSAGES]))
def test_any_schema_is_filled(schema, seed, text):
    writer = Writer(read_prompt([{"role": "user", "content": passage(text)}]), stream(seed, "test", "x"))
    assert admits(schema, fill(schema, writer))


def test_the_tagged_extraction_numbers_topics_and_their_key_concepts():
    tagged = "Reply with <level>, <subject>, <topics> and <key_concepts>.\n" + passage(PASSAGES[4])
    text = FakeModel().reply(body(tagged)).content
    lines = text.splitlines()
    assert lines[0].startswith("<level>")
    assert lines[1].startswith("<subject>")
    assert text.count("</topics>") == text.count("</key_concepts>") == 1
    assert lines[3].startswith("1. ")
    assert "1.1. " in text
    assert "2.1. " in text


@pytest.mark.parametrize("named", [("question",), ("question", "kind", "level"), ("concepts", "question")])
def test_tagged_questions_have_the_tags_that_the_prompt_names(named):
    shown = "<item>\n" + "\n".join(f"<{tag}>its {tag}</{tag}>" for tag in named) + "\n</item>"
    data = passage("The item is <kind>ness</kind>. " + PASSAGES[0]) + concepts(["ratio", "part", "unit"])
    text = FakeModel().reply(body(f"{data}\nReply so:\n{shown}")).content
    found = {tag for tag in ("concepts", "question", "kind", "level") if f"<{tag}>" in text}
    assert found == set(named)
    assert text.count("<item>") == text.count("</item>") >= 1


def test_answers_end_with_a_number_in_a_box():
    text = (
        FakeModel().reply(body("<question>\nA box holds 12 jars and 7 lids. How many?\n</question>")).content
    )
    assert "12 · 7 = 84" in text
    assert text.rstrip(".").endswith("}")
    assert "\\boxed{" in text


def test_json_objects_follow_a_schema_in_the_prompt():
    shown = f"Use this schema: {json.dumps(Questions.model_json_schema())}\n{passage(PASSAGES[0])}"
    reply = FakeModel().reply(body(shown, response_format={"type": "json_object"}))
    assert Questions.model_validate_json(reply.content).questions


def test_json_objects_without_a_schema_are_objects():
    for text in (passage(PASSAGES[0]), passage(PASSAGES[0]) + concepts(["a", "b", "c"])):
        reply = FakeModel().reply(body(text, response_format={"type": "json_object"}))
        assert set(json.loads(reply.content)) in ({"level", "subject", "topics"}, {"questions"})


def shingles(text):
    words = text.lower().split()
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}


def test_questions_differ_enough_to_survive_the_duplicate_check():
    listed = concepts(["prime number", "remainder", "greatest common divisor", "fraction"])
    questions = []
    for n in range(120):
        found = json.loads(FakeModel().reply(body(listed, Questions, seed=n)).content)["questions"]
        questions += [shingles(q["question"]) for q in found]
    near = sum(len(a & b) / len(a | b) >= 0.7 for a, b in combinations(questions, 2))
    assert len(questions) > 200
    assert near <= len(questions) * 0.02


def test_passages_on_one_subject_share_concepts():
    graph = nx.Graph()
    for i, text in enumerate(PASSAGES):
        topics, key_concepts = names_of(text)
        graph.add_edges_from((i, name) for name in [*topics, *key_concepts])
    assert nx.is_connected(graph)


@pytest.mark.parametrize("text", ["", "12 34", "Ein", "数学は数と形を調べる学問である。", "the and of to"])
def test_any_passage_has_concepts(text):
    topics, key_concepts = names_of(text)
    assert all(topics)
    assert all(key_concepts)


def test_shares_of_faults_are_kept_and_repeat():
    def reasons(model):
        seen = []
        for n in range(400):
            asked = body(passage(PASSAGES[n % 8]), seed=n)
            answer = json.loads(json.dumps(completion(asked, model.reply(asked))))
            seen.append(wire.read(answer)[1])
        return seen

    faults = {"empty": 0.1, "refusal": 0.2, "truncated": 0.1}
    first = reasons(FakeModel(faults=faults))
    assert first == reasons(FakeModel(faults=faults))
    counts = {reason: first.count(reason) for reason in ("empty_reply", "refused", "truncated")}
    assert 20 <= counts["empty_reply"] <= 60
    assert 50 <= counts["refused"] <= 110
    assert 20 <= counts["truncated"] <= 60


def test_faults_of_transport_pass_when_tried_again():
    model = FakeModel(faults={"status_429": 0.5, "status_500": 0.3})
    asked = body("hello")
    statuses = [model.reply(asked).status for _ in range(60)]
    assert set(statuses) == {200, 429, 500}


def test_broken_json_is_broken():
    model = FakeModel(faults={"broken_json": 1.0})
    with pytest.raises(json.JSONDecodeError):
        json.loads(model.reply(body(passage(PASSAGES[0]), Extraction)).content)


def test_echo_repeats_the_prompt():
    assert FakeModel(faults={"echo": 1.0}).reply(body("Do this exactly.")).content == "Do this exactly."


def test_a_function_or_a_list_can_say_anything():
    by_function = FakeModel(lambda asked: FakeReply(asked["messages"][0]["content"].upper()))
    assert by_function.reply(body("hello")).content == "HELLO"
    by_list = FakeModel(["one", FakeReply(None, refusal=REFUSAL)])
    assert by_list.reply(body("x")).content == "one"
    assert by_list.reply(body("x")).refusal == REFUSAL


def test_replies_are_cut_at_the_token_limit():
    reply = FakeModel().reply(body(passage(PASSAGES[0]), Extraction, max_tokens=10))
    assert reply.finish_reason == "length"
    assert tokens(reply.content) <= 11


def test_unknown_faults_are_an_error():
    with pytest.raises(ValueError, match="unknown faults: nonsense"):
        FakeModel(faults={"nonsense": 1.0})


def test_solvers_that_are_wrong_or_say_no_answer():
    asked = "<question>\nA box holds 12 jars and 7 lids. How many?\n</question>"

    def answers(**faults):
        model = FakeModel(faults=faults)
        return [final_answer(model.reply(body(asked, seed=n)).content) for n in range(200)]

    plain = answers()
    wrong = answers(wrong=0.3)
    assert wrong == answers(wrong=0.3)
    off = [int(one) - int(right) for one, right in zip(wrong, plain, strict=True)]
    assert 40 <= sum(map(bool, off)) <= 80
    assert set(off) == {0, 1, 2, 3}
    assert 10 <= answers(unmarked=0.1).count(None) <= 35


def test_few_questions_are_faulty_for_all_solvers_and_most_see_it():
    told = "End with one of these: <outcome>inconsistent</outcome> or another.\n"

    def objections(n, text=told):
        asked = f"{text}<question>\nA box holds {n} jars and 7 lids. How many?\n</question>"
        said = [FakeModel().reply(body(asked, seed=seed)).content for seed in range(8)]
        return [one.rpartition("<outcome>")[2] for one in said if "<outcome>" in one]

    found = [objections(n) for n in range(150)]
    faulty = [said for said in found if said]
    assert 3 <= len(faulty) <= 20
    assert all(len(set(said)) == 1 and len(said) > 2 for said in faulty)
    assert not any(objections(n, "") for n in range(30))
