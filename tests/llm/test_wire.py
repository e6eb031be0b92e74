import json

import pytest

from synth.config import ModelConfig, Sampling
from synth.llm import wire
from synth.llm.wire import Request

CONFIG = ModelConfig(base_url="http://host:8000/v1", model="m")
REQUEST = Request(({"role": "user", "content": "hello"},), Sampling(), "concepts")


def key(config: ModelConfig = CONFIG, request: Request = REQUEST) -> str:
    return wire.call_key(wire.identity_of(config), config, request)


def changed(request: Request = REQUEST, **changes: object) -> Request:
    values = {name: getattr(request, name) for name in Request.__slots__}
    return Request(**{**values, **changes})


@pytest.mark.parametrize(
    "change",
    [
        {"max_in_flight": 3},
        {"transport": "direct"},
        {"timeout_s": 1.0},
        {"max_tries": 1},
        {"api_key_env": "OTHER"},
        {"context_tokens": 1024},
        {"base_url": "http://user:secret@host:8000/v1/"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_keys_do_not_know_how_a_call_is_made(change):
    assert key(CONFIG.model_copy(update=change)) == key()


def test_keys_do_not_know_the_stage():
    assert key(request=changed(stage="answers")) == key()


@pytest.mark.parametrize(
    "change",
    [
        {"model": "n"},
        {"base_url": "http://host:8001/v1"},
        {"base_url": "https://host:8000/v1"},
        {"identity": "replica"},
        {"extra_body": {"top_k": 5}},
        {"omit": ("seed",)},
    ],
    ids=str,
)
def test_keys_know_who_is_asked(change):
    assert key(CONFIG.model_copy(update=change)) != key()


@pytest.mark.parametrize(
    "change",
    [
        {"messages": ({"role": "system", "content": "hello"},)},
        {"sampling": Sampling(temperature=0.1)},
        {"sample": 1},
        {"form": "json_object"},
        {"schema": {"type": "object"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_keys_know_the_whole_request(change):
    assert key(request=changed(**change)) != key()


@pytest.mark.parametrize(
    ("base_url", "identity"),
    [
        ("http://host/v1", "http://host/v1"),
        ("https://user:secret@host:8443/a/b/?key=secret#x", "https://host:8443/a/b"),
        ("http://[::1]:9/v1", "http://[::1]:9/v1"),
        ("fake:", "fake@1"),
        ("fake:?empty=0.5", "fake@1?empty=0.5"),
    ],
)
def test_identities_hold_no_credentials(base_url, identity):
    assert wire.identity_of(ModelConfig(base_url=base_url, model="m")) == identity


def test_replicas_share_an_identity():
    first, second = (
        ModelConfig(base_url=f"http://{host}/v1", model="m", identity="ours") for host in ("a", "b")
    )
    assert key(first) == key(second)


def test_the_sample_number_is_sent_as_seed_and_extra_fields_go_along():
    config = CONFIG.model_copy(update={"extra_body": {"top_k": 5}})
    body = wire.body_of(config, changed(sample=3))
    assert (body["seed"], body["top_k"], body["model"]) == (3, 5, "m")
    assert "response_format" not in body


def test_one_limit_of_tokens_is_sent():
    body = wire.body_of(CONFIG.model_copy(update={"extra_body": {"max_completion_tokens": 9}}), REQUEST)
    assert "max_tokens" not in body
    assert body["max_completion_tokens"] == 9


def test_schemas_are_sent_strict():
    body = wire.body_of(
        CONFIG, changed(form="json_schema", schema_name="questions", schema={"type": "object"})
    )
    wanted = {"name": "questions", "strict": True, "schema": {"type": "object"}}
    assert body["response_format"] == {"type": "json_schema", "json_schema": wanted}


def completion(content: object, finish: str = "stop", **message: object) -> dict:
    return {"choices": [{"message": {"content": content, **message}, "finish_reason": finish}]}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (completion("fine"), None),
        (completion(""), "empty_reply"),
        (completion(" \n"), "empty_reply"),
        (completion(None), "empty_reply"),
        (completion([{"type": "text"}]), "empty_reply"),
        (completion("half a sent", "length"), "truncated"),
        (completion("", "length"), "truncated"),
        (completion("x", "content_filter"), "refused"),
        (completion(None, refusal="I will not."), "refused"),
        (completion("I'm sorry, but I can't help with that."), "refused"),
        (completion("I cannot assist with this request."), "refused"),
        (completion("I cannot simplify this further, so $x = 3$."), None),
        (completion("I'm sorry, but I can't help" + " more than so" * 50), None),
    ],
)
def test_reasons_of_replies(answer, reason):
    assert wire.read(answer)[1] == reason


@pytest.mark.parametrize(
    "raw", ["", "<html>", "[]", "null", "{}", '{"choices": []}', '{"choices": [{}]}', "3"]
)
def test_what_is_no_completion(raw):
    assert wire.parse(raw) is None


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"error": {"message": "no such model"}}, "no such model"),
        ({"message": "wrong"}, "wrong"),
        ({"detail": [{"loc": ["body"]}]}, '[{"loc": ["body"]}]'),
        ({"error": "plain"}, "plain"),
    ],
)
def test_what_endpoints_say(said, text):
    assert wire.error_text(json.dumps(said)) == text


@pytest.mark.parametrize(
    ("status", "raw", "too_long"),
    [
        (400, '{"error": {"code": "context_length_exceeded"}}', True),
        (400, "the request exceeds the available context size (4096 tokens)", True),
        (400, "This model's maximum context length is 8192 tokens", True),
        (413, "", True),
        (400, "temperature must be a number", False),
        (500, "context length", False),
    ],
)
def test_prompts_that_do_not_fit(status, raw, too_long):
    assert wire.is_too_long(status, raw) is too_long


def test_usage_is_read_where_it_is_told():
    told = {"usage": {"prompt_tokens": 3, "completion_tokens": 5}}
    assert wire.usage_of(told) == (3, 5, None, None)
    assert wire.usage_of({"usage": None}) == wire.usage_of({}) == (None, None, None, None)
