"""What nobody expected of one row costs no neighbour; what must stop a run still does."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from synth.config import ModelConfig
from synth.errors import ConfigError, EndpointError, StoreError, SynthError
from synth.llm.client import Client
from synth.llm.endpoint import FAILURES_IN_A_ROW
from synth.llm.fake import FakeModel, FakeReply

ENTRY = ModelConfig(base_url="fake:", model="fake", api_key_env="PLANTED_KEY")


class Odd(FakeModel):
    """Raises for the texts that hold the word."""

    def __init__(self, fault: Exception, word: str = "odd") -> None:
        super().__init__()
        self.fault, self.word = fault, word

    def reply(self, body: dict[str, Any]) -> FakeReply:
        if self.word in json.dumps(body["messages"]):
            raise self.fault
        return super().reply(body)


def test_an_unexpected_fault_costs_its_row_only(client_for, make_request, journal, planted_key) -> None:
    client = client_for(ENTRY, fake=Odd(KeyError(f"choices {planted_key}")))
    texts = [f"{'odd' if n == 7 else 'plain'} {n}" for n in range(40)]
    replies = client.complete("m", [make_request(text) for text in texts])
    assert [n for n, reply in enumerate(replies) if reply.reason] == [7]
    assert replies[7].reason == "call_failed"
    assert replies[7].detail.startswith("unexpected KeyError: ")
    assert planted_key not in replies[7].detail
    assert len(journal) == 39  # and a later run asks for it again
    assert client.usage["questions"].failed == 1


def test_equal_odd_rows_all_get_their_reply(client_for, make_request, planted_key) -> None:
    client = client_for(ENTRY, fake=Odd(RuntimeError("no")))
    replies = client.complete("m", [make_request("odd")] * 5)
    assert [reply.reason for reply in replies] == ["call_failed"] * 5


@pytest.mark.parametrize("kind", [StoreError, EndpointError, ConfigError])
def test_what_must_stop_a_run_still_stops_it(
    kind: type[SynthError], client_for: Callable[..., Client], make_request, planted_key
) -> None:
    with pytest.raises(kind, match="stop here"):
        client_for(ENTRY, fake=Odd(kind("stop here."))).complete("m", [make_request("odd")])


def test_a_fault_of_every_row_stops_the_run(client_for, make_request, planted_key) -> None:
    requests = [make_request(f"odd {n}") for n in range(FAILURES_IN_A_ROW)]
    with pytest.raises(EndpointError, match="unexpected RuntimeError: no"):
        client_for(ENTRY, fake=Odd(RuntimeError("no"))).complete("m", requests)
