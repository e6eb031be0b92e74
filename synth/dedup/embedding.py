"""The function that embeds texts for paraphrases: offline, or by an endpoint.

In: an entry. Out: texts to vectors. What an endpoint is asked holds items of benchmarks, and so does the
journal of those calls (`calls/`), which is never published.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from synth.config import ModelConfig
from synth.dedup.paraphrases import Embed
from synth.errors import EndpointError
from synth.llm.client import Client, Reply
from synth.llm.embeddings import Embedder, Vector, embed_offline
from synth.llm.journal import Journal
from synth.llm.wire import kind_of

STAGE = "decontaminate"


@contextmanager
def embedding(
    name: str | None, overrides: Sequence[str] = (), out: Path | None = None
) -> Iterator[Embed | None]:
    """How an entry embeds, while the block lasts; answers of an endpoint are journaled in `out/calls`.

    Raises:
        ConfigError: it gives no embeddings, or its package is not installed.
    """
    if name is None:
        yield None
        return
    from synth.sws.select import embedder_of

    entry, config = embedder_of(name, overrides)
    model = config.endpoints()[entry]
    if kind_of(model) == "wordllama":
        yield embed_offline
        return
    folder = (out or Path()) / "calls"
    with Journal(folder) as journal, Client({entry: model}, journal) as client:
        yield embed_with(entry, model, client, STAGE)


def embed_with(entry: str, model: ModelConfig, client: Client, stage: str) -> Embed:
    """How an entry embeds, through a client.

    Raises:
        EndpointError: a text could not be embedded: without it nobody knows what it paraphrases.
    """
    embedder = Embedder(entry, model, client, stage)

    def embed(texts: Sequence[str]) -> list[Vector]:
        found = embedder.embed(texts)
        if failed := [one for one in found if isinstance(one, Reply)]:
            said = failed[0].detail or failed[0].reason
            raise EndpointError(
                f"models.{entry}: {len(failed)} of {len(texts)} texts could not be embedded ({said});"
                " run the same command again."
            )
        return [one for one in found if not isinstance(one, Reply)]

    return embed
