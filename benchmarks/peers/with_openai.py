"""The script that many write: a task for each row, a semaphore, the openai package as it comes."""

import asyncio

import httpx2
import openai
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.peers.rows import MODEL, TIMEOUT_S, Task, prompts, task


async def answers(given: Task) -> list[str | None]:
    """The replies, in order."""
    gate = asyncio.Semaphore(given.in_flight)
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    http = httpx2.AsyncClient(limits=limits, timeout=TIMEOUT_S)
    async with openai.AsyncOpenAI(base_url=given.url, api_key="none", http_client=http) as client:

        async def one(text: str) -> str | None:
            async with gate:
                said = await client.chat.completions.create(
                    model=MODEL, messages=[{"role": "user", "content": text}]
                )
                return said.choices[0].message.content

        return await asyncio.gather(*map(one, prompts(given.rows)))


def run(given: Task) -> None:
    """One whole run."""
    table = pa.table({"prompt": list(prompts(given.rows)), "answer": asyncio.run(answers(given))})
    pq.write_table(table, given.folder / "rows.parquet")


if __name__ == "__main__":
    run(task())
