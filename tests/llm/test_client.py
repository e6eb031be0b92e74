import json
import threading

import pytest

from synth.config import ModelConfig
from synth.errors import EndpointError, StoreError
from synth.llm.fake import FakeModel, FakeReply

FAKE = {"fake": ModelConfig(base_url="fake:", model="fake")}


def test_replies_come_in_order_and_are_never_asked_for_again(endpoint, client_for, make_request, journal):
    before = endpoint.stats()
    requests = [make_request(f"<question>What is {n} plus one?</question>", n % 2) for n in range(60)]
    first = client_for(endpoint.config())
    replies = first.complete("m", requests)
    assert [r.reason for r in replies] == [None] * 60
    assert [str(n) in r.text for n, r in enumerate(replies)] == [True] * 60
    assert (first.calls_made, first.calls_reused, len(journal)) == (60, 0, 60)

    again = client_for(endpoint.config())
    repeated = again.complete("m", requests)
    assert [(r.call_id, r.text) for r in repeated] == [(r.call_id, r.text) for r in replies]
    assert all(r.reused for r in repeated)
    assert (again.calls_made, again.calls_reused) == (0, 60)
    after = endpoint.stats()
    assert after["answered"] - before["answered"] == 60
    assert after["repeated"] == before["repeated"]


def test_the_record_holds_the_call_without_the_key(endpoint, client_for, make_request, journal, planted_key):
    (reply,) = client_for(endpoint.config(api_key_env="PLANTED_KEY")).complete("m", [make_request("hello")])
    record = journal.get(reply.call_id)
    assert record["key"] == reply.call_id
    assert record["model"] == reply.model == f"{endpoint.url}#fake"
    assert record["request"]["messages"] == [{"role": "user", "content": "hello"}]
    assert json.loads(record["response"])["choices"][0]["message"]["content"] == reply.text
    assert (record["status"], record["tries"], record["stage"]) == (200, 1, "questions")
    assert record["usage"]["completion_tokens"] == reply.completion_tokens


def test_a_reply_is_seen_only_when_it_is_journaled(endpoint, client_for, make_request, journal):
    caller = threading.get_ident()
    seen = []

    def look(reply):
        assert reply.call_id in journal
        assert threading.get_ident() == caller
        seen.append(reply.call_id)

    replies = client_for(endpoint.config()).complete("m", [make_request(f"see {n}") for n in range(20)], look)
    assert sorted(seen) == sorted(r.call_id for r in replies)


def test_equal_requests_under_way_are_one_call(start_fake, client_for, make_request):
    slow = start_fake("--latency", "0.1")
    client = client_for(slow.config())
    replies = client.complete("m", [make_request("the same")] * 20)
    assert {r.text for r in replies} == {replies[0].text}
    assert slow.stats()["requests"] == 1
    assert (client.calls_made, client.calls_reused) == (1, 19)
    assert sorted(r.reused for r in replies) == [False] + [True] * 19


def test_one_limit_holds_for_all_threads_together(start_fake, client_for, make_request):
    slow = start_fake("--latency", "0.02")
    client = client_for(slow.config(max_in_flight=3))

    def work(name):
        client.complete("m", [make_request(f"{name} {n}") for n in range(10)])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stats = slow.stats()
    assert stats["answered"] == stats["distinct"] == 40
    assert stats["max_in_flight"] == 3


def test_errors_that_pass_are_tried_again(start_fake, client_for, make_request):
    shaky = start_fake("--fault", "status_429=0.1", "--fault", "status_500=0.1", "--fault", "status_503=0.1")
    client = client_for(shaky.config(max_tries=12))
    replies = client.complete("m", [make_request(f"row {n}") for n in range(60)])
    assert [r.reason for r in replies] == [None] * 60
    stats = shaky.stats()
    assert stats["requests"] > stats["answered"] == 60


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("empty", "empty_reply"),
        ("refusal", "refused"),
        ("truncated", "truncated"),
        ("echo", None),
        ("broken_json", None),
    ],
)
def test_unusable_replies_have_a_reason_and_are_journaled(fault, reason, client_for, make_request, journal):
    config = ModelConfig(base_url=f"fake:?{fault}=1", model="fake")
    (reply,) = client_for(config).complete("m", [make_request("<question>What is two and two?</question>")])
    assert reply.reason == reason
    assert reply.call_id in journal
    if fault == "echo":
        assert "<question>" in reply.text


def test_one_bad_row_costs_no_neighbour(scripted, client_for, make_request, journal):
    scripted.say("one")
    scripted.answer(400, {"error": {"message": "This is not allowed."}})
    scripted.answer(400, {"error": {"message": "maximum context length is 9 tokens"}})
    scripted.say("four")
    client = client_for(scripted.config(max_in_flight=1))
    replies = [client.complete("m", [make_request(f"row {n}")])[0] for n in range(4)]
    assert [r.reason for r in replies] == [None, "call_failed", "prompt_too_long", None]
    assert replies[1].detail == "HTTP 400: This is not allowed."
    assert [r.call_id in journal for r in replies] == [True, False, False, True]
    assert len(scripted.asked) == 4
    assert client.usage["questions"].failed == 2


def test_a_call_that_failed_is_made_again_by_the_next_run(scripted, client_for, make_request):
    scripted.say("first")
    scripted.answer(500, {"error": {"message": "broken"}})
    client = client_for(scripted.config(max_tries=1))
    client.complete("m", [make_request("a")])
    (failed,) = client.complete("m", [make_request("b")])
    assert (failed.reason, failed.detail) == ("call_failed", "HTTP 500: broken")
    scripted.answers.clear()
    scripted.say("now")
    (reply,) = client_for(scripted.config()).complete("m", [make_request("b")])
    assert (reply.text, reply.reused) == ("now", False)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<html>a proxy</html>", {}),
        (b"", {}),
        (b'{"choices": [{"message": {"content": "ha', {"Content_Length": "500"}),
    ],
    ids=["a page", "nothing", "half a body"],
)
def test_a_success_without_a_completion_is_tried_again(body, headers, scripted, client_for, make_request):
    scripted.answer(200, body, **headers)
    scripted.say("whole")
    (reply,) = client_for(scripted.config(timeout_s=1)).complete("m", [make_request("x")])
    assert reply.text == "whole"
    assert len(scripted.asked) == 2


def test_being_told_to_wait_spends_no_try(scripted, client_for, make_request, journal):
    for _ in range(5):
        scripted.answer(429, {"error": {"message": "slow down"}}, retry_after_ms="10")
    scripted.answer(503, {"error": {"message": "loading"}}, retry_after="0")
    scripted.say("at last")
    (reply,) = client_for(scripted.config(max_tries=1)).complete("m", [make_request("x")])
    assert reply.text == "at last"
    assert journal.get(reply.call_id)["tries"] == 7


def test_patience_ends(scripted, client_for, make_request):
    scripted.say("first")
    scripted.answer(429, {"error": {"message": "slow down"}}, retry_after="3600")
    client = client_for(scripted.config(max_tries=2))
    client.complete("m", [make_request("a")])
    (reply,) = client.complete("m", [make_request("b")])
    assert (reply.reason, reply.detail) == ("call_failed", "HTTP 429: slow down")
    assert len(scripted.asked) == 2


@pytest.mark.parametrize(
    ("refused", "form"),
    [((), "json_schema"), (("json_schema",), "json_object"), (("json_schema", "json_object"), "tags")],
)
def test_the_form_is_probed_once(refused, form, start_fake, client_for, journal):
    fake = start_fake(*(option for name in refused for option in ("--refuse", name)))
    config = fake.config(structured="auto")
    assert client_for(config).form("m") == form
    asked = fake.stats()["requests"]
    assert asked == len(refused) + 1
    assert client_for(config).form("m") == form
    assert fake.stats()["requests"] == asked
    (record,) = journal.records()
    assert (record["stage"], record["form"], len(record["answers"])) == ("probe", form, asked)


def test_an_endpoint_that_only_talks_gets_tags(scripted, client_for):
    scripted.say("Sure! Here you are.")
    assert client_for(scripted.config(structured="auto")).form("m") == "tags"


def test_a_probe_that_is_refused_altogether_is_an_error(scripted, client_for):
    scripted.answer(400, {"error": {"message": "unknown field seed"}})
    with pytest.raises(EndpointError, match=r"refuses a plain request .*unknown field seed"):
        client_for(scripted.config(structured="auto")).form("m")


@pytest.mark.parametrize(
    ("base_url", "structured", "form"),
    [
        ("fake:", "auto", "json_schema"),
        ("embedded:", "auto", "json_schema"),
        ("fake:", "tags", "tags"),
        ("http://nowhere.invalid/v1", "json_object", "json_object"),
    ],
)
def test_the_form_is_known_without_a_call(base_url, structured, form, client_for):
    client = client_for(ModelConfig(base_url=base_url, model="m", structured=structured))
    assert client.form("m") == form


def test_a_caller_that_fails_leaves_every_paid_reply_in_the_journal(
    endpoint, client_for, make_request, journal
):
    client = client_for(endpoint.config())
    requests = [make_request(f"stop {n}") for n in range(100)]

    def stop(reply):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.complete("m", requests, stop)
    before = endpoint.stats()["repeated"]
    replies = client.complete("m", requests)
    assert [r.reason for r in replies] == [None] * 100
    assert len(journal) == 100
    assert endpoint.stats()["repeated"] == before


def test_a_full_disk_stops_the_calls(journal, client_for, make_request, monkeypatch):
    def full(key, record):
        raise StoreError("calls: the disk is full; make room and run the same command again.")

    monkeypatch.setattr(journal, "append", full)
    asked = []
    model = FakeModel(lambda body: asked.append(1) or "text")
    client = client_for(FAKE["fake"].model_copy(update={"max_in_flight": 1}), fake=model)
    with pytest.raises(StoreError, match="the disk is full"):
        client.complete("m", [make_request(f"row {n}") for n in range(50)])
    assert len(asked) < 5


def test_usage_is_counted_by_stage(client_for, make_request):
    model = FakeModel(["one", FakeReply("two", finish_reason="length")])
    client = client_for(FAKE["fake"], fake=model)
    client.complete("m", [make_request("a", stage="concepts")])
    client.complete("m", [make_request("b", stage="answers"), make_request("a", stage="answers")])
    assert client.usage["concepts"].made == 1
    assert (client.usage["answers"].made, client.usage["answers"].reused) == (1, 1)
    assert client.usage["concepts"].prompt_tokens > 0


def test_no_request_needs_no_endpoint(client_for):
    assert client_for(ModelConfig(base_url="http://nowhere.invalid/v1", model="m")).complete("m", []) == []
