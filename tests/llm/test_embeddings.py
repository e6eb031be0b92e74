"""Embeddings of the three kinds of embedder: of length one, journaled, and strictly read."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from synth.config import BUILT_IN, ModelConfig
from synth.errors import ConfigError, EndpointError
from synth.llm import embeddings
from synth.llm.client import Client, Reply
from synth.llm.embeddings import BATCH, Embedder, fault_of
from synth.llm.fake_text import EMBEDDED
from synth.llm.journal import Journal
from tests.corpus import TEXTS
from tests.endpoints import FakeEndpoint
from tests.llm.conftest import Scripted

Clients = Callable[..., Client]
FAKE = ModelConfig(base_url="fake:", model="fake")


def embedder(client_for: Clients, config: ModelConfig) -> Embedder:
    return Embedder("m", config, client_for(config), "documents")


def vectors(found: list[Any]) -> Any:
    assert not any(isinstance(one, Reply) for one in found)
    return np.array(found)


def data(*rows: list[Any]) -> dict[str, Any]:
    return {"data": [{"index": i, "embedding": row} for i, row in enumerate(rows)]}


def test_the_fake_model_embeds_by_words(client_for: Clients) -> None:
    texts = ["the slope of a line", "a line of the slope", "probability of an event", "", "∫ 漢字 🙂"]
    found = vectors(embedder(client_for, FAKE).embed(texts))
    assert found.shape == (5, EMBEDDED)
    assert found.dtype == np.float32
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1, 1, 0, 1], abs=1e-5)
    assert (found[0] == found[1]).all()
    assert found[0] @ found[2] < 0.9


def test_over_http_it_is_the_same(client_for: Clients, endpoint: FakeEndpoint) -> None:
    texts = [f"text {n} about slopes" for n in range(BATCH + 3)]
    before = endpoint.stats()["answered"]
    served = vectors(embedder(client_for, endpoint.config()).embed(texts))
    assert endpoint.stats()["answered"] == before + 2
    assert (served == vectors(embedder(client_for, FAKE).embed(texts))).all()


def test_each_answer_is_journaled_and_asked_for_once(client_for: Clients, journal: Journal) -> None:
    texts = list(TEXTS.values())
    first = vectors(embedder(client_for, FAKE).embed(texts))
    client = client_for(FAKE)
    again = vectors(Embedder("m", FAKE, client, "documents").embed(texts))
    assert (first == again).all()
    assert (client.calls_made, client.calls_reused) == (0, 1)
    (record,) = journal.records()
    assert record["request"]["input"] == texts
    assert record["stage"] == "documents"
    assert record["usage"]["prompt_tokens"] > 0


def test_another_model_is_another_call(client_for: Clients, journal: Journal) -> None:
    for model in ("one", "two"):
        embedder(client_for, FAKE.model_copy(update={"model": model})).embed(["a"])
    assert len(journal) == 2


def test_vectors_come_in_the_order_of_their_index(client_for: Clients, scripted: Scripted) -> None:
    rows = [{"index": 1, "embedding": [0, 2]}, {"index": 0, "embedding": [3, 4]}]
    scripted.answer(200, {"data": rows})
    found = vectors(embedder(client_for, scripted.config()).embed(["a", "b"]))
    assert found == pytest.approx(np.array([[0.6, 0.8], [0, 1]]))
    assert scripted.asked[0] == {"model": "m", "input": ["a", "b"], "encoding_format": "float"}


@pytest.mark.parametrize(
    "said",
    [
        data([1.0, 2.0]),
        data([1.0], [1.0], [1.0]),
        data([1.0, 2.0], [1.0]),
        data([1.0], ["2"]),
        data([1.0], [True]),
        data([], []),
        {"data": []},
        {"data": [{"embedding": [1.0]}, {"embedding": [1.0]}]},
        {"data": [3, 4]},
        json.dumps(data([1.0], [float("nan")])).encode(),
        json.dumps(data([1.0], [float("inf")])).encode(),
    ],
    ids=[
        "one short",
        "one more",
        "two sizes",
        "text",
        "truth",
        "empty",
        "none",
        "no index",
        "numbers",
        "nan",
        "inf",
    ],
)
def test_an_answer_of_another_form_is_told(client_for: Clients, scripted: Scripted, said: Any) -> None:
    scripted.answer(200, said)
    with pytest.raises(EndpointError, match="models.m: .*embedd"):
        embedder(client_for, scripted.config()).embed(["a", "b"])


def test_sizes_may_not_change_between_answers(client_for: Clients, scripted: Scripted) -> None:
    scripted.answer(200, data([1.0, 2.0]))
    scripted.answer(200, data([1.0, 2.0, 3.0]))
    one = embedder(client_for, scripted.config())
    one.embed(["a"])
    with pytest.raises(EndpointError, match=r"sizes \[2, 3\]"):
        one.embed(["b"])


def test_one_bad_text_costs_no_neighbour(client_for: Clients, scripted: Scripted) -> None:
    too_long = {"error": {"message": "input exceeds the maximum context length"}}
    scripted.answer(400, too_long)
    for answer in ((200, data([1.0, 0.0])), (400, too_long), (200, data([0.0, 1.0]))):
        scripted.answer(*answer)
    config = scripted.config(max_in_flight=1)
    found = embedder(client_for, config).embed(["a", "too long", "c"])
    assert sorted(isinstance(one, Reply) for one in found) == [False, False, True]
    (failed,) = [one for one in found if isinstance(one, Reply)]
    assert failed.reason == "prompt_too_long"


def test_texts_are_cut_to_the_context(client_for: Clients, scripted: Scripted) -> None:
    scripted.answer(200, data([1.0]))
    embedder(client_for, scripted.config(context_tokens=512)).embed(["x" * 5000])
    assert len(scripted.asked[0]["input"][0]) == 512 * embeddings.CHARS_PER_TOKEN


def test_an_entry_without_embeddings_is_told_at_once(client_for: Clients, scripted: Scripted) -> None:
    scripted.answer(404, {"error": {"message": "not found"}})
    with pytest.raises(EndpointError, match="no model"):
        embedder(client_for, scripted.config()).embed(["a"])


def test_wordllama_embeds_offline_and_each_text_by_itself(
    client_for: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wordllama", reason="wordllama is not installed: pip install 'synth[filter]'")

    def refuse(*_: object) -> None:
        raise AssertionError("wordllama reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("HOME", "/nonexistent")
    embeddings._wordllama.cache_clear()
    config, texts = BUILT_IN["wordllama"], [*TEXTS.values(), ""]
    one = Embedder("wordllama", config, client_for(config), "documents")
    found = vectors(one.embed(texts))
    assert found.shape == (len(texts), 256)
    assert np.linalg.norm(found[:-1], axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    assert not found[-1].any()
    assert (vectors(one.embed(texts[::-1]))[::-1] == found).all()
    assert found[1] @ found[2] > found[1] @ found[3]  # motion lies nearer to rates of change than to chance


def test_what_its_import_sets_up_for_the_logs_of_all_is_undone() -> None:
    look = (
        "import logging; from synth.llm import embeddings; embeddings._wordllama();"
        "assert logging.getLogger().level == logging.WARNING and not logging.getLogger().handlers"
    )
    subprocess.run([sys.executable, "-c", look], check=True, timeout=120)


def test_what_cannot_embed_is_told(monkeypatch: pytest.MonkeyPatch, client_for: Clients) -> None:
    assert "gives no embeddings" in str(fault_of("embedded", BUILT_IN["embedded"]))
    assert fault_of("fake", FAKE) is None
    monkeypatch.setitem(sys.modules, "wordllama", None)
    monkeypatch.setattr(embeddings, "find_spec", lambda name: None)
    embeddings._wordllama.cache_clear()
    assert "synth[filter]" in str(fault_of("wordllama", BUILT_IN["wordllama"]))
    with pytest.raises(ConfigError, match=r"synth\[filter\]"):
        Embedder("wordllama", BUILT_IN["wordllama"], client_for(FAKE), "documents").embed(["a"])
    embeddings._wordllama.cache_clear()
