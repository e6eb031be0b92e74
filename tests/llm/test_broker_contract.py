"""Through a broker the client does what it does alone: the same tests, with `broker = true`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from synth.config import ModelConfig
from synth.llm.client import Client
from synth.llm.journal import Journal
from synth.llm.limits import Backoff
from tests.brokers import Brokers
from tests.endpoints import FakeEndpoint
from tests.llm import test_client, test_endpoint_faults

SAME = (
    test_client.test_a_call_that_failed_is_made_again_by_the_next_run,
    test_client.test_a_caller_that_fails_leaves_every_paid_reply_in_the_journal,
    test_client.test_a_probe_that_is_refused_altogether_is_an_error,
    test_client.test_a_reply_is_seen_only_when_it_is_journaled,
    test_client.test_a_success_without_a_completion_is_tried_again,
    test_client.test_an_endpoint_that_only_talks_gets_tags,
    test_client.test_being_told_to_wait_spends_no_try,
    test_client.test_equal_requests_under_way_are_one_call,
    test_client.test_errors_that_pass_are_tried_again,
    test_client.test_no_request_needs_no_endpoint,
    test_client.test_one_bad_row_costs_no_neighbour,
    test_client.test_one_limit_holds_for_all_threads_together,
    test_client.test_patience_ends,
    test_client.test_replies_come_in_order_and_are_never_asked_for_again,
    test_client.test_the_form_is_probed_once,
    test_client.test_the_record_holds_the_call_without_the_key,
    test_endpoint_faults.test_a_key_that_an_endpoint_repeats_is_not_journaled,
    test_endpoint_faults.test_a_missing_key_variable_is_found_before_any_call,
    test_endpoint_faults.test_a_wrong_key_is_one_sentence_and_stands_nowhere,
    test_endpoint_faults.test_an_endpoint_that_is_not_there_is_one_sentence,
    test_endpoint_faults.test_an_unknown_model_is_one_sentence,
    test_endpoint_faults.test_another_services_key_is_never_sent,
)
globals().update({test.__name__: test for test in SAME})


class Looking:
    """The journal as it lies on disk at each look, since another process writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __contains__(self, key: str) -> bool:
        return key in self._now()

    def __len__(self) -> int:
        return len(self._now())

    def get(self, key: str) -> Any:
        return self._now().get(key)

    def records(self) -> Iterator[Any]:
        return iter(list(self._now().records()))

    def _now(self) -> Journal:
        return Journal(self.folder, read_only=True)


@pytest.fixture
def endpoint(start_fake: Callable[..., FakeEndpoint]) -> FakeEndpoint:
    """Nobody else's, as what it has counted is looked at."""
    return start_fake()


@pytest.fixture
def strict_endpoint(start_fake: Callable[..., FakeEndpoint]) -> FakeEndpoint:
    """Asks for a key, serves one model."""
    return start_fake("--api-key-env", "FAKE_KEY", "--model", "known")


@pytest.fixture
def journal(tmp_path: Path) -> Looking:
    return Looking(tmp_path / "calls")


@pytest.fixture
def client_for(journal: Looking, quick: Backoff, brokers: Brokers) -> Iterator[Callable[..., Client]]:
    """Clients of one entry `m`, each with its own view of the journal, as processes have."""
    opened: list[tuple[Client, Journal]] = []

    def make(config: ModelConfig, **more: Any) -> Client:
        own = Journal(journal.folder)
        entry = config.model_copy(update={"broker": True})
        opened.append((Client({"m": entry}, own, backoff=quick, **more), own))
        return opened[-1][0]

    yield make
    for client, own in opened:
        client.close()
        own.close()
