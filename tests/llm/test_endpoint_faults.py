"""What an endpoint can refuse for good: one sentence, no secret in it, and no call more than that takes."""

import logging
import socket
import traceback

import pytest

from synth.config import ModelConfig
from synth.errors import ConfigError, EndpointError
from synth.llm.endpoint import FAILURES_IN_A_ROW, FIRST_REFUSALS

FAKE = {"fake": ModelConfig(base_url="fake:", model="fake")}


@pytest.mark.parametrize("transport", ["openai", "direct"])
def test_a_wrong_key_is_one_sentence_and_stands_nowhere(
    transport, strict_endpoint, client_for, make_request, monkeypatch, caplog, tmp_path, everything_under
):
    wrong = "sk-wrong-9876543210"
    monkeypatch.setenv("WRONG_KEY", wrong)
    caplog.set_level(logging.DEBUG)
    client = client_for(strict_endpoint.config(model="known", api_key_env="WRONG_KEY", transport=transport))
    with pytest.raises(EndpointError, match=r"refused the key .* check the key in WRONG_KEY") as raised:
        client.complete("m", [make_request(f"row {n}") for n in range(500)])
    assert str(raised.value).count("\n") == 0
    assert "WRONG_KEY" in (client.check("m") or "")
    shown = "".join(traceback.format_exception(raised.value)) + repr(vars(client)) + caplog.text
    assert wrong not in shown
    assert wrong.encode() not in everything_under(tmp_path)
    assert strict_endpoint.stats()["answered"] == 0
    assert strict_endpoint.stats()["requests"] < 200


@pytest.mark.parametrize("transport", ["openai", "direct"])
def test_a_key_that_an_endpoint_repeats_is_not_journaled(
    transport, scripted, client_for, make_request, planted_key, tmp_path, everything_under
):
    scripted.say(f"Your key is {planted_key}.")
    scripted.answer(400, {"error": {"message": f"{planted_key} may not do that"}})
    client = client_for(scripted.config(api_key_env="PLANTED_KEY", max_in_flight=1, transport=transport))
    said, refused = (client.complete("m", [make_request(text)])[0] for text in ("a", "b"))
    assert said.text == "Your key is [key]."
    assert refused.detail == "HTTP 400: [key] may not do that"
    assert planted_key.encode() not in everything_under(tmp_path)


def test_a_missing_key_variable_is_found_before_any_call(endpoint, client_for, make_request, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    client = client_for(endpoint.config(api_key_env="NO_SUCH_KEY"))
    assert "NO_SUCH_KEY is not set" in (client.check("m") or "")
    with pytest.raises(ConfigError, match="NO_SUCH_KEY is not set"):
        client.complete("m", [make_request("x")])


def test_another_services_key_is_never_sent(scripted, client_for, make_request, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-service")
    headers = []
    handler = scripted.server.RequestHandlerClass
    post = handler.do_POST
    monkeypatch.setattr(handler, "do_POST", lambda self: (headers.append(dict(self.headers)), post(self)))
    scripted.say("hello")
    client_for(scripted.config()).complete("m", [make_request("x")])
    assert "another-service" not in str(headers)


def test_an_unknown_model_is_one_sentence(strict_endpoint, client_for, make_request, planted_key):
    client = client_for(strict_endpoint.config(model="unknown", api_key_env="PLANTED_KEY"))
    assert (
        client.check("m")
        == f"models.m: {strict_endpoint.url} does not serve 'unknown', but for example known."
    )
    with pytest.raises(EndpointError, match=r"has no model 'unknown' .* check `base_url`, .* and `model`"):
        client.complete("m", [make_request("x")])


def test_an_address_that_lacks_its_v1_is_found_before_any_call(endpoint, client_for):
    client = client_for(endpoint.config(base_url=endpoint.url.removesuffix("/v1")))
    assert "`base_url` usually ends in /v1" in (client.check("m") or "")


@pytest.mark.parametrize("transport", ["openai", "direct"])
def test_an_endpoint_that_is_not_there_is_one_sentence(transport, client_for, make_request):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    config = ModelConfig(base_url=f"http://127.0.0.1:{port}/v1", model="m", max_tries=2, transport=transport)
    client = client_for(config)
    with pytest.raises(EndpointError, match=r"cannot be reached \(.*; see that it runs"):
        client.complete("m", [make_request(f"row {n}") for n in range(200)])
    assert "cannot be reached" in (client.check("m") or "")


def test_an_endpoint_that_goes_away_stops_the_run_and_not_each_row(scripted, client_for, make_request):
    scripted.say("one")
    client = client_for(scripted.config(max_tries=1, max_in_flight=1))
    client.complete("m", [make_request("first")])
    scripted.answers.clear()
    scripted.answer(500, {"error": {"message": "out of memory"}})
    with pytest.raises(EndpointError, match=f"{FAILURES_IN_A_ROW} calls in a row failed.*out of memory"):
        client.complete("m", [make_request(f"row {n}") for n in range(1000)])
    assert len(scripted.asked) <= FAILURES_IN_A_ROW + 4


def test_requests_that_are_wrong_from_the_first_stop_the_run(scripted, client_for, make_request):
    scripted.answer(400, {"error": {"message": "max_tokens is not supported"}})
    client = client_for(scripted.config(max_in_flight=1))
    with pytest.raises(EndpointError, match=r"calls in a row failed.*max_tokens is not supported"):
        client.complete("m", [make_request(f"row {n}") for n in range(1000)])
    assert len(scripted.asked) <= FIRST_REFUSALS + 4


def test_refused_rows_do_not_keep_a_resumed_run_from_going_on(scripted, client_for, make_request):
    scripted.say("one")
    client_for(scripted.config()).complete("m", [make_request("first")])
    scripted.answers.clear()
    scripted.answer(400, {"error": {"message": "not about this"}})
    requests = [make_request("first"), *(make_request(f"row {n}") for n in range(60))]
    replies = client_for(scripted.config()).complete("m", requests)
    assert [r.reason for r in replies] == [None] + ["call_failed"] * 60


def test_a_used_up_account_is_not_waited_for(scripted, client_for, make_request):
    scripted.answer(429, {"error": {"message": "You exceeded your quota.", "code": "insufficient_quota"}})
    with pytest.raises(EndpointError, match="account is used up"):
        client_for(scripted.config()).complete("m", [make_request("x")])
    assert len(scripted.asked) == 1


def test_a_key_that_expires_in_the_middle_stops_the_run_and_a_new_one_goes_on(
    start_fake, scripted, client_for, make_request, monkeypatch, journal
):
    monkeypatch.setenv("SHORT_LIVED_KEY", "sk-short-lived-0123456789")
    config = scripted.config(api_key_env="SHORT_LIVED_KEY", max_in_flight=1)
    requests = [make_request(f"row {n}") for n in range(30)]
    for n in range(7):
        scripted.say(f"reply {n}")
    scripted.answer(401, {"error": {"message": "the token has expired"}})
    with pytest.raises(
        EndpointError, match=r"refused the key .*has expired.* check the key in SHORT_LIVED_KEY"
    ):
        client_for(config).complete("m", requests)
    assert len(journal) == 7
    assert len(scripted.asked) <= 9  # one that waited for its turn has it still

    scripted.answers.clear()
    scripted.say("later")
    monkeypatch.setenv("SHORT_LIVED_KEY", "sk-renewed-0123456789")
    replies = client_for(config).complete("m", requests)
    assert [reply.reused for reply in replies] == [True] * 7 + [False] * 23
    assert len(scripted.asked) <= 9 + 23


def test_moderation_of_one_text_is_not_a_wrong_key(scripted, client_for, make_request):
    scripted.say("one")
    scripted.answer(403, {"error": {"message": "flagged"}})
    client = client_for(scripted.config())
    client.complete("m", [make_request("a")])
    (reply,) = client.complete("m", [make_request("b")])
    assert reply.reason == "call_failed"


def test_a_healthy_endpoint_passes_its_check_for_free(strict_endpoint, client_for, planted_key):
    before = strict_endpoint.stats()["requests"]
    config = strict_endpoint.config(model="known", api_key_env="PLANTED_KEY")
    assert client_for(config).check("m") is None
    assert strict_endpoint.stats()["requests"] == before


@pytest.mark.parametrize(
    ("base_url", "fault"),
    [
        ("ftp://host/v1", "base_url must begin with"),
        ("http://user:secret@host/v1", "base_url holds credentials"),
        ("fake:?nonsense=1", "unknown faults: nonsense"),
        ("embedded:/no/such/file.gguf", "the weights cannot be read"),
        ("embedded:hf://owner/repo/file.gguf", "needs `sha256`"),
    ],
)
def test_addresses_that_cannot_be_used(base_url, fault, client_for):
    said = client_for(ModelConfig(base_url=base_url, model="m")).check("m")
    assert fault in (said or "")
    assert "secret" not in (said or "")


@pytest.mark.parametrize("key", ["sk-with-a-line-end\n", "sk with spaces", "sk-ключ-0123456"])
def test_a_key_that_cannot_be_sent_is_a_sentence(key, endpoint, client_for, monkeypatch):
    monkeypatch.setenv("ODD_KEY", key)
    for transport in ("openai", "direct"):
        said = client_for(endpoint.config(api_key_env="ODD_KEY", transport=transport)).check("m") or ""
        assert "ODD_KEY holds what no key can" in said
        assert key.strip() not in said


def test_an_address_that_sends_elsewhere_is_a_sentence(scripted, client_for, make_request):
    scripted.answer(308, {}, Location="/elsewhere")
    with pytest.raises(
        EndpointError, match=r"sends elsewhere \(HTTP 308\); correct `base_url`, or set transport"
    ):
        client_for(scripted.config(transport="direct")).complete("m", [make_request("x")])
    assert len(scripted.asked) == 1


def test_more_calls_than_files_is_a_fault_of_the_check(endpoint, client_for, make_request):
    client = client_for(endpoint.config(max_in_flight=10**9))
    assert "needs 1200000000 open files" in (client.check("m") or "")
    with pytest.raises(ConfigError, match=r"models\.m: max_in_flight = 1000000000 needs"):
        client.complete("m", [make_request("x")])


def test_an_unknown_entry_is_named(client_for):
    with pytest.raises(ConfigError, match=r"models\.other: there is no such entry \(entries: m\)"):
        client_for(FAKE["fake"]).complete("other", [])


@pytest.mark.parametrize("transport", ["openai", "direct"])
def test_the_newer_name_of_the_longest_reply_is_learnt(
    transport, start_fake, client_for, make_request, journal
):
    reasoning = start_fake("--refuse", "max_tokens", "--latency", "0.01")
    client = client_for(reasoning.config(max_in_flight=4, structured="auto", transport=transport))
    assert client.form("m") == "json_schema"
    replies = client.complete("m", [make_request(f"row {n}") for n in range(40)])
    assert all(reply.reason is None for reply in replies)
    assert reasoning.stats()["requests"] == 42  # one refusal, by the probe, and one answer to it
    sent = [record["request"] for record in journal.records() if record["stage"] != "probe"]
    assert all("max_completion_tokens" in body and "max_tokens" not in body for body in sent)


def test_settings_that_a_model_does_not_take_can_be_left_out(start_fake, client_for, make_request):
    reasoning = start_fake("--refuse", "temperature")
    client = client_for(reasoning.config(max_in_flight=1))
    with pytest.raises(EndpointError, match=r'does not take `temperature` .* omit = \["temperature"\]'):
        client.complete("m", [make_request("x")])
    client = client_for(reasoning.config(omit=("temperature",)))
    assert client.complete("m", [make_request("x")])[0].reason is None
