"""The functions that embed and judge texts for tools: offline, or by an endpoint.

In: entries. Out: texts to vectors, and pairs of texts to verdicts. What an endpoint is asked holds items of
benchmarks, and so does the journal of those calls (`calls/`), which is never published.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from synth.config import ModelConfig, RunConfig
from synth.dedup.paraphrases import Embed
from synth.dedup.tiers import Judge
from synth.errors import ConfigError, EndpointError
from synth.llm.client import Client, Reply
from synth.llm.embeddings import Embedder, Vector, embed_offline
from synth.llm.journal import Journal
from synth.llm.wire import kind_of


class Asked(NamedTuple):
    """Who is asked: a function that embeds, under the name of its model, and one that judges, if anybody."""

    embed: Embed
    embedder: str
    judge: Judge | None = None


@contextmanager
def asking(
    stage: str, embedder: str, judge: str | None, overrides: Sequence[str], out: Path
) -> Iterator[Asked]:
    """How entries embed and judge while the block lasts; answers of endpoints are journaled in `out/calls`.

    Raises:
        ConfigError: an entry gives no embeddings, or none but those; its package is not installed.
        EndpointError: an endpoint does not answer, once it is asked.
    """
    from synth.check import entry_faults
    from synth.sws.select import embedder_of, entry_of

    entry, config = embedder_of(embedder, overrides)
    if judge is not None:
        config = entry_of(judge, config)
        if kind_of(config.endpoints()[judge]) == "wordllama":
            raise ConfigError(f"--judge {judge}: it embeds and cannot judge; name a model that chats.")
    entries = {one: config.endpoints()[one] for one in (entry, judge) if one}
    if faults := [fault for one, model in entries.items() for fault in entry_faults(one, model)]:
        raise ConfigError(*faults)
    offline = kind_of(entries[entry]) == "wordllama"
    name = entry if offline else entries[entry].model
    if offline and judge is None:
        yield Asked(embed_offline, name)
        return
    with Journal(out / "calls") as journal, Client(entries, journal) as client:
        embed = embed_with(entry, entries[entry], client, stage)
        yield Asked(embed, name, _judge(judge, config, client, stage, out) if judge else None)


def _judge(entry: str, config: RunConfig, client: Client, stage: str, out: Path) -> Judge:
    from synth.prompts.library import PromptLibrary
    from synth.stages.calls import Services
    from synth.stages.screen_benchmarks import judge_with

    folder = Path(config.prompts.dir) if config.prompts.dir else None
    return judge_with(entry, config, Services(client, PromptLibrary(folder), out), stage)


def embed_with(
    entry: str,
    model: ModelConfig,
    client: Client,
    stage: str,
    hear: Callable[[Sequence[Reply]], None] = lambda replies: None,
) -> Embed:
    """How an entry embeds, through a client; `hear` is told of its replies.

    Raises:
        EndpointError: a text could not be embedded: without it nobody knows what it paraphrases.
    """
    embedder = Embedder(entry, model, client, stage, hear)

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
