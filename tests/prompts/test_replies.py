"""The same structure from tags, bullets and JSON; malformed blocks are counted."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.prompts.replies import Parsed, Rating, Unparseable, json_schema, parse, parse_one

JSON_FORM = json.dumps(
    {
        "level": "college",
        "subject": "algebra",
        "topics": [
            {"name": "groups", "key_concepts": ["identity element", "inverse"]},
            {"name": "rings", "key_concepts": ["ideal"]},
        ],
    }
)
NUMBERED = """<level>college</level>
<subject>algebra</subject>
<topics>
1. groups
2. rings
</topics>
<key_concepts>
1.1. identity element
1.2 inverse
2.1. ideal
</key_concepts>"""
HEADED = """<level>college</level><subject>algebra</subject>
<key_concepts>
1. groups
1.1. identity element
1.2. inverse
2. rings
2.1. ideal
</key_concepts>"""
BULLETS = """<level>college</level>
<subject>algebra</subject>
<topics>
- groups
  - identity element
  - inverse
- rings
  * ideal
</topics>"""


def topics(parsed: Parsed) -> list[tuple[str, list[str]]]:
    return [(item.name, item.key_concepts) for _, item in parsed.items]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json_schema", JSON_FORM),
        ("json_object", f"```json\n{JSON_FORM}\n```"),
        ("tags", NUMBERED),
        ("tags", HEADED),
        ("tags", BULLETS),
    ],
    ids=["json", "fenced json", "numbered tags", "headed tags", "bullets"],
)
def test_each_form_gives_the_same_extraction(form: str, text: str) -> None:
    parsed = parse("extraction", form, text)
    assert topics(parsed) == [("groups", ["identity element", "inverse"]), ("rings", ["ideal"])]
    assert (parsed.head.level, parsed.head.subject) == ("college", "algebra")  # type: ignore[attr-defined]
    assert parsed.faults == []


def test_a_malformed_item_costs_no_neighbour() -> None:
    reply = {
        "questions": [{"question": "What is 2+2?"}, {"text": "?"}, {"question": 7}, {"question": "And 3+3?"}]
    }
    parsed = parse("questions", "json_schema", json.dumps(reply))
    assert [place for place, _ in parsed.items] == [0, 3]
    assert [fault.place for fault in parsed.faults] == [1, 2]


def test_a_malformed_tag_block_is_counted() -> None:
    text = "<item><question>One?</question></item><item>nothing here</item>"
    parsed = parse("questions", "tags", text)
    assert (len(parsed.items), len(parsed.faults)) == (1, 1)


def test_missing_blocks_are_tolerated() -> None:
    parsed = parse("extraction", "tags", "<topics>\n1. groups\n1.1 inverse\n</topics>")
    assert topics(parsed) == [("groups", ["inverse"])]
    assert parsed.head.level is None  # type: ignore[attr-defined]


def test_an_unsuitable_passage_has_no_questions() -> None:
    parsed = parse("passage_questions", "tags", "<unsuitable/>")
    assert (parsed.items, parsed.head.suitable) == ([], False)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        '{"questions": "x"}',
        '{"other": 1}',
        '{"questions": [], "more": 1}',
        "[" * 100_000,
    ],
    ids=["empty", "list", "null", "cut off", "no list", "other key", "extra key", "deep"],
)
def test_a_reply_of_another_form_is_unparseable(text: str) -> None:
    with pytest.raises(Unparseable):
        parse("questions", "json_schema", text)


@given(st.text())
def test_no_tagged_text_breaks_the_parser(text: str) -> None:
    for reply in ("extraction", "passage_questions"):
        try:
            parse(reply, "tags", text)
        except Unparseable:
            continue


def test_a_schema_is_strict_and_takes_refinements() -> None:
    schema = json_schema("questions", {"question": {"maxLength": 80}})
    item = schema["$defs"]["Question"]
    assert item["properties"]["question"]["maxLength"] == 80
    assert item["required"] == ["question"]
    assert item["additionalProperties"] is False


GRADES = {"relevance": 8, "clarity": 7, "language_quality": 10, "overall": 1}
TAGGED = "\n".join(f"<{name}>{grade}</{name}>" for name, grade in GRADES.items())


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json_schema", json.dumps(GRADES)),
        ("json_object", f"```json\n{json.dumps(GRADES)}\n```"),
        ("tags", TAGGED),
        ("tags", TAGGED.replace(">8<", "> 8\n<")),
    ],
    ids=["json", "fenced json", "tags", "spaced tags"],
)
def test_each_form_gives_the_same_rating(form: str, text: str) -> None:
    assert parse_one("rating", form, text) == Rating(**GRADES)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json_schema", json.dumps({**GRADES, "overall": 11})),
        ("json_schema", json.dumps({**GRADES, "overall": 0})),
        ("json_schema", json.dumps({**GRADES, "overall": 7.5})),
        ("json_schema", json.dumps({**GRADES, "overall": "7"})),
        ("json_schema", json.dumps({**GRADES, "overall": True})),
        ("json_schema", json.dumps({**GRADES, "why": "good"})),
        ("json_schema", json.dumps(GRADES) + " The passage is good."),
        ("tags", TAGGED.replace(">1<", ">11<")),
        ("tags", TAGGED.replace(">1<", ">1/10<")),
        ("tags", TAGGED.replace(">1<", ">ten<")),
        ("tags", TAGGED.replace(">1<", ">\u0661<")),
        ("tags", f"<overall>10</overall>\n{TAGGED}"),
        ("tags", TAGGED.replace("<clarity>7</clarity>", "")),
    ],
    ids=[
        "eleven",
        "nought",
        "half",
        "text",
        "truth",
        "more",
        "said",
        "t eleven",
        "of ten",
        "word",
        "other digit",
        "twice",
        "missing",
    ],
)
def test_a_rating_of_another_form_is_unparseable(form: str, text: str) -> None:
    with pytest.raises(Unparseable):
        parse_one("rating", form, text)


def test_the_schema_of_a_rating_names_its_grades() -> None:
    schema = json_schema("rating", {})
    assert schema["required"] == list(GRADES)
    assert all(spec["enum"] == list(range(1, 11)) for spec in schema["properties"].values())


@given(st.text())
def test_no_tagged_text_breaks_the_reading_of_a_rating(text: str) -> None:
    try:
        parse_one("rating", "tags", text)
    except Unparseable:
        return
    raise AssertionError(text)


def test_many_open_tags_are_read_in_no_time() -> None:
    began = time.process_time()
    with pytest.raises(Unparseable):
        parse_one("rating", "tags", "<overall>" * 110_000 + "</overall")
    assert time.process_time() - began < 2
