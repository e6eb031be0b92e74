"""Ours: requests through the client with its journal, rows to Parquet a thousand at a time."""

import sys
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.peers.rows import MODEL, Task, prompts, task
from synth.config import ModelConfig, Sampling
from synth.llm.client import Client, Reply, Request
from synth.llm.journal import Journal

GROUP = 1_000
SCHEMA = pa.schema([("place", pa.int64()), ("answer", pa.string()), ("call_id", pa.string())])


def run(given: Task, transport: str) -> None:
    """One whole run."""
    entry = ModelConfig(
        base_url=given.url, model=MODEL, structured="tags", max_in_flight=given.in_flight, transport=transport
    )
    with (
        Journal(given.folder / "calls") as journal,
        Client({"far": entry}, journal) as client,
        pq.ParquetWriter(given.folder / "rows.parquet", SCHEMA) as file,
    ):
        made: list[dict[str, object]] = []
        for place, reply in client.stream("far", _requests(given.rows)):
            made.append(_row(place, reply))
            if len(made) == GROUP:
                file.write_table(pa.Table.from_pylist(made, schema=SCHEMA))
                made = []
        file.write_table(pa.Table.from_pylist(made, schema=SCHEMA))


def _requests(rows: int) -> Iterator[Request]:
    for text in prompts(rows):
        yield Request(({"role": "user", "content": text},), Sampling(), "answers")


def _row(place: int, reply: Reply) -> dict[str, object]:
    assert reply.reason is None, reply.detail
    return {"place": place, "answer": reply.text, "call_id": reply.call_id}


if __name__ == "__main__":
    transport = sys.argv.pop(1)
    run(task(), transport)
