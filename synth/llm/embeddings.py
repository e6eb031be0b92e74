"""Texts in, embeddings out: by the package wordllama in this process, or by an entry's /v1/embeddings.

A vector has length one and is float32; what an endpoint could not embed comes back as its failed reply.
Calls go through the client, so that each answer is journaled; wordllama costs less than its journal would.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.config import ModelConfig, Sampling
from synth.errors import ConfigError, EndpointError
from synth.llm.client import Client, Reply, Request
from synth.llm.notation import loads
from synth.llm.wire import kind_of

Vector = NDArray[np.float32]

BATCH = 64
# Fewer than any tokenizer takes for a token of prose, so that what is cut to the context fits it.
CHARS_PER_TOKEN = 3


class Embedder:
    """One entry as an embedder, for the calls of one stage; `hear` is told of their replies."""

    def __init__(
        self,
        entry: str,
        config: ModelConfig,
        client: Client,
        stage: str,
        hear: Callable[[Sequence[Reply]], None] = lambda replies: None,
    ) -> None:
        self._entry = entry
        self._config = config
        self._client = client
        self._stage = stage
        self._hear = hear
        self._dimensions: int | None = None

    def embed(self, texts: Sequence[str]) -> list[Vector | Reply]:
        """A vector for each text, in their order, or the reply that failed.

        Raises:
            ConfigError: the package is not installed.
            EndpointError: the endpoint is out of reach, or its answers are no embeddings.
        """
        if kind_of(self._config) == "wordllama":
            return list(embed_offline(texts))
        limit = self._config.context_tokens * CHARS_PER_TOKEN
        short = [text[:limit] for text in texts]
        found: list[Vector | Reply] = []
        for batch, answer in self._asked([short[i : i + BATCH] for i in range(0, len(short), BATCH)]):
            if isinstance(answer, Reply) and len(batch) > 1:  # one bad text costs no neighbour
                singles = self._asked([[text] for text in batch])
                found += [one if isinstance(one, Reply) else one[0] for _, one in singles]
            else:
                found += [answer] if isinstance(answer, Reply) else answer
        return found

    def _asked(self, batches: list[list[str]]) -> Iterator[tuple[list[str], list[Vector] | Reply]]:
        requests = [Request((), Sampling(), self._stage, inputs=tuple(batch)) for batch in batches]
        replies = self._client.complete(self._entry, requests)
        self._hear(replies)
        for batch, reply in zip(batches, replies, strict=True):
            yield batch, (reply if reply.reason else self._vectors(reply.text, len(batch)))

    def _vectors(self, raw: str, count: int) -> list[Vector]:
        try:
            rows = sorted(loads(raw)["data"], key=lambda row: row["index"])
            numbers = [_numbers(row["embedding"]) for row in rows]
        except (ValueError, TypeError, KeyError) as fault:
            raise self._fault(f"its embeddings cannot be read ({type(fault).__name__}: {fault})") from fault
        sizes = {len(vector) for vector in numbers} | {self._dimensions or len(numbers[0]) if numbers else 0}
        if len(numbers) != count or len(sizes) != 1 or 0 in sizes:
            raise self._fault(f"for {count} texts it gave {len(numbers)} embeddings of sizes {sorted(sizes)}")
        self._dimensions = sizes.pop()
        return [_of_length_one(vector) for vector in numbers]

    def _fault(self, said: str) -> EndpointError:
        return EndpointError(f"models.{self._entry}: {said}; name an embedding model for the role embedder.")


def embed_offline(texts: Sequence[str]) -> list[Vector]:
    """A vector for each text by wordllama: the mean of its tokens' vectors, at length one.

    The package's own `embed` gives the same bytes, but copies and masks all of them for each text, which
    takes as long again. One by one, a vector does not depend on its neighbours.

    Raises:
        ConfigError: the package is not installed.
    """
    model = _wordllama()
    table, encode = model.embedding, model.tokenizer.encode
    found: list[Vector] = []
    for text in texts:
        ids = np.array(encode(text, add_special_tokens=False).ids, np.int32)
        rows = table[np.clip(ids, 0, len(table) - 1)]
        mean = rows.sum(axis=0, dtype=np.float32) / np.float32(max(len(ids), 1))
        found.append(_of_length_one(mean))
    return found


def fault_of(entry: str, config: ModelConfig) -> str | None:
    """Why an entry cannot be the embedder, in one sentence, or None; calls nobody."""
    kind = kind_of(config)
    if kind == "embedded":
        return f"roles.embedder: {entry} gives no embeddings; name wordllama or an entry with /v1/embeddings."
    if kind == "wordllama" and find_spec("wordllama") is None:
        return _MISSING
    return None


_MISSING = (
    "roles.embedder: the package wordllama is not installed; install it with `pip install 'synth[filter]'`, "
    "or name an entry that answers /v1/embeddings."
)


@cache
def _wordllama() -> Any:
    """The model, from the weights that lie inside its package; nothing is fetched."""
    root = logging.getLogger()
    before, handlers = root.level, list(root.handlers)
    try:
        import wordllama
    except ImportError as fault:
        raise ConfigError(_MISSING) from fault
    finally:  # its import sets logging up for the whole process: each request of any package would be shown
        root.setLevel(before)
        root.handlers[:] = handlers
    # By itself it looks for its tokenizer in a cache, and fetches it; in its own folder it has one.
    own = Path(str(wordllama.__file__)).parent
    return wordllama.WordLlama.load(config="l2_supercat", dim=256, cache_dir=own, disable_download=True)


def _numbers(values: Any) -> NDArray[np.float64]:
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise TypeError("an embedding is no list of numbers")
    found = np.array(values, np.float64)
    if not np.isfinite(found).all():
        raise ValueError("an embedding holds a number that is not finite")
    return found


def _of_length_one(vector: NDArray[Any]) -> Vector:
    """The vector at length one; that of a text without a known word stays zero."""
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return (vector / length if length else vector).astype(np.float32)
