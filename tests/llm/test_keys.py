"""Keys are what paid answers are found by: they stay what they were, however they are made."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.config import ModelConfig, Sampling
from synth.ids import content_id
from synth.llm import keys
from synth.llm.keys import call_key
from synth.llm.wire import Request

GOLDEN = Path(__file__).parents[1] / "golden" / "call_keys.json"
SCHEMA = {
    "type": "object",
    "properties": {"b": {"type": "string"}, "a": {"minimum": 1e-05, "enum": [1, 1.0, True]}},
}


def asked(text: object, **more: object) -> Request:
    return Request(({"role": "user", "content": text},), **{"sampling": Sampling(), "stage": "s", **more})  # type: ignore[arg-type]


REQUESTS = {
    "plain": asked("hello"),
    "two messages": Request(
        ({"role": "system", "content": "be"}, {"content": "x", "role": "user"}), Sampling(), "s"
    ),
    "marks": asked('quote " backslash \\ slash / tab \t line \n\r \b\f nul \x00\x1f\x7f\x80   end'),
    "languages": asked("Größe 素数 🙂 \u200b\u202e"),
    "half a pair": asked("half \ud83d of a pair"),
    "sample": asked("hello", sample=7),
    "cool": asked("hello", sampling=Sampling(temperature=0.00001, top_p=0.3, max_tokens=17)),
    "schema": asked("hello", form="json_schema", schema_name="reply", schema=SCHEMA),
    "inputs": Request((), Sampling(), "s", inputs=("first", "sécond \n")),
    "odd input": Request((), Sampling(), "s", inputs=("half \ud83d",)),
    "parts": asked([{"type": "text", "text": "x"}, {"size": 1e-07}]),
}
CONFIGS = {
    "bare": ModelConfig(base_url="http://host:8000/v1", model="m"),
    "extra": ModelConfig(
        base_url="http://host:8000/v1", model="ü", extra_body={"b": 1e22, "a": 1e-9, "c": True}
    ),
}


def as_defined(identity: str, config: ModelConfig, request: Request) -> str:
    """The definition of a key, as plain as it can be."""
    if request.inputs:
        return content_id("call", identity, config.model, list(request.inputs), config.extra_body)
    form = [request.form, request.schema_name, request.schema]
    sampling = request.sampling.model_dump()
    asked_for = list(request.messages)
    return content_id(
        "call", identity, config.model, asked_for, form, sampling, config.extra_body, request.sample
    )


def all_keys() -> dict[str, str]:
    return {
        f"{name}, {config}": call_key("http://host:8000/v1", CONFIGS[config], request)
        for name, request in REQUESTS.items()
        for config in CONFIGS
    }


def test_keys_are_what_they_were():
    assert all_keys() == json.loads(GOLDEN.read_text())
    assert all_keys() == json.loads(GOLDEN.read_text()), "and again, when what requests share is remembered"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
texts = st.text(st.characters(), max_size=30)  # lone surrogates among them


@settings(max_examples=300, deadline=None)
@given(texts, texts, values, st.dictionaries(texts, values, max_size=3), st.integers(-5, 2**70))
def test_a_key_is_the_hash_of_the_whole_request(content, identity, schema, extra, sample):
    config = CONFIGS["bare"].model_copy(update={"extra_body": extra})
    request = asked(content, schema=schema, sample=sample)
    assert call_key(identity, config, request) == as_defined(identity, config, request)
    inputs = Request((), Sampling(), "s", inputs=(content, "x"))
    assert call_key(identity, config, inputs) == as_defined(identity, config, inputs)


def test_a_schema_that_changed_in_place_is_a_new_key():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    before = call_key("who", CONFIGS["bare"], asked("x", schema=schema))
    schema["properties"]["a"]["type"] = "integer"  # type: ignore[index]
    after = call_key("who", CONFIGS["bare"], asked("x", schema=schema))
    assert before != after == as_defined("who", CONFIGS["bare"], asked("x", schema=schema))


def test_numbers_that_are_none_have_no_key():
    config = CONFIGS["bare"].model_copy(update={"extra_body": {"bias": float("nan")}})
    with pytest.raises(ValueError, match="not JSON compliant"):
        call_key("who", config, asked("x"))


def test_what_is_remembered_has_an_end(monkeypatch):
    monkeypatch.setattr(keys, "MOST_KNOWN", 4)
    for number in range(20):
        request = asked("x", schema={"n": number})
        assert call_key("who", CONFIGS["bare"], request) == as_defined("who", CONFIGS["bare"], request)
    assert len(keys._known) <= 4
