import subprocess
import sys
from pathlib import Path

import pytest

from synth.config import ModelConfig, Sampling
from synth.errors import EndpointError
from synth.llm import weights
from synth.llm.client import Client, Request
from synth.llm.journal import Journal

pytestmark = pytest.mark.embedded

MODEL = {"m": ModelConfig(base_url="embedded:", model="SmolLM2-135M-Instruct", context_tokens=1024)}
SCHEMA = {
    "type": "object",
    "properties": {
        "topics": {
            "type": "array",
            "minItems": 1,
            "maxItems": 2,
            "items": {"type": "string", "maxLength": 30},
        }
    },
    "required": ["topics"],
    "additionalProperties": False,
}
TEXTS = (
    "Photosynthesis turns light into chemical energy.",
    "The determinant is zero when the columns are linearly dependent.",
    "Bayes' theorem relates conditional probabilities.",
    "Force equals mass times acceleration.",
    "A prime number has exactly two divisors.",
    "Two sets are equal when they have the same elements.",
)


@pytest.fixture(scope="module", autouse=True)
def default_weights():
    try:
        return weights.ensure_default(print)
    except EndpointError as fault:
        pytest.skip(str(fault))


def requests() -> list[Request]:
    """Prompts that share heads, and texts that share them too: each asked twice, with two sample numbers."""
    made = []
    for n, text in enumerate(TEXTS * 2):
        form = {"form": "json_schema", "schema_name": "topics", "schema": SCHEMA} if n % 2 else {}
        task = ("Name the topics of the text as JSON.", "Ask one question about the text.")[n % 2]
        messages = ({"role": "system", "content": task}, {"role": "user", "content": text})
        made.append(Request(messages, Sampling(temperature=0.7, max_tokens=20), "concepts", n // 6, **form))
    return made


def texts_of(folder: Path, wanted: list[Request]) -> dict[str, str]:
    with Journal(folder) as journal, Client(MODEL, journal) as client:
        return {reply.call_id: reply.text for reply in client.complete("m", wanted)}


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.llm.test_embedded import MODEL, requests
from synth.llm.client import Client
from synth.llm.journal import Journal
seen = []
def count(reply):
    seen.append(reply)
    if len(seen) == 3:
        os.kill(os.getpid(), 9)
with Journal(Path(sys.argv[1])) as journal, Client(MODEL, journal) as client:
    client.complete("m", requests(), count)
"""


def test_replies_depend_on_the_request_alone(tmp_path):
    in_order = texts_of(tmp_path / "one", requests())
    assert len(in_order) == 12
    assert texts_of(tmp_path / "two", requests()[::-1]) == in_order
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "three"), str(Path(__file__).parents[2])],
        check=False,
    )
    assert killed.returncode == -9
    with Journal(tmp_path / "three") as journal:
        assert 3 <= len(journal) < 12
    assert texts_of(tmp_path / "three", requests()) == in_order


def test_the_server_ends_with_its_client_and_the_model_is_named_by_its_weights(tmp_path):
    with Journal(tmp_path) as journal, Client(MODEL, journal) as client:
        (reply,) = client.complete("m", requests()[1:2])
        assert client.identity("m") == f"sha256:{weights.DEFAULT.sha256}"
        assert reply.model == f"embedded/{weights.DEFAULT.file}@sha256:{weights.DEFAULT.sha256}"
        assert reply.reason in (None, "truncated")
        assert reply.prompt_tokens > 10
        server = client._endpoint("m").transport._server
        key = server.key
    assert client._endpoint("m").transport._server is None
    assert key not in (next(tmp_path.iterdir())).read_text()


def test_a_prompt_that_does_not_fit_is_told_apart(tmp_path):
    long = Request(({"role": "user", "content": "word " * 3000},), Sampling(max_tokens=5), "concepts")
    with Journal(tmp_path) as journal, Client(MODEL, journal) as client:
        (reply,) = client.complete("m", [long])
    assert reply.reason == "prompt_too_long"


def test_a_file_that_is_no_model_is_one_sentence(tmp_path):
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + bytes(100))
    entry = {"m": ModelConfig(base_url=f"embedded:{path}", model="m")}
    with (
        Journal(tmp_path / "calls") as journal,
        Client(entry, journal) as client,
        pytest.raises(EndpointError, match=r"broken\.gguf: the embedded model cannot be loaded"),
    ):
        client.complete("m", requests()[:1])
