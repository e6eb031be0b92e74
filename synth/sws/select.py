"""Selection by weaknesses, without generation: a pool's problems that are nearest to failed ones.

In: weaknesses (`weak`), a pool of problems with labels, an embedder. Out: `selected.parquet` and
`rejected.parquet` in a folder. Problems that the student has met are not taken.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synth.columns import Column, Table, number, text
from synth.config import ModelConfig, RunConfig
from synth.errors import ConfigError, EndpointError
from synth.llm import embeddings
from synth.llm.client import Client, Reply
from synth.llm.embeddings import Embedder
from synth.llm.journal import Journal
from synth.llm.wire import kind_of
from synth.rollouts.seeds import Seed, Seeds
from synth.settings import load, use_model
from synth.stages.base import Rejected, rejected_table
from synth.sws.categories import UNKNOWN, Share, budgets
from synth.sws.nearest import choose
from synth.sws.weak import Weak
from synth.writing import atomic

STAGE, ORIGIN = "select", "selected"
COPY = 0.01  # a distance at which two problems say the same, whatever embeds them

SELECTED = Table(
    "selected",
    STAGE,
    "problems of a pool that lie nearest to what a student fails",
    "problem_id",
    (
        text("problem_id", "content id of the problem's text"),
        text("problem", "text of the problem"),
        text("label", "right answer, as the pool has it"),
        text("category", "category of failed problems that it was taken for"),
        text("pool_category", "category that the pool gives it, else null", True),
        text("nearest_id", "failed problem that it is nearest to"),
        number("distance", "1 - cosine to that problem"),
        Column("origin", pa.string(), f"`{ORIGIN}`: taken as it is, and not written by a model"),
    ),
)


class Selected(NamedTuple):
    """What was written."""

    table: pa.Table
    shares: dict[str, Share]
    rejected: Mapping[str, int]
    copies: int  # of the selected ones, those that look like the failed problem they are nearest to


def embedder_of(name: str, overrides: Sequence[str] = ()) -> tuple[str, RunConfig]:
    """The entry that embeds: built in, one of `--set models.…`, or a model at $OPENAI_BASE_URL.

    Raises:
        ConfigError: it gives no embeddings, or its package is not installed.
    """
    config = entry_of(name, load(overrides=overrides))
    if fault := embeddings.fault_of(name, config.endpoints()[name]):
        raise ConfigError(fault)
    return name, config


def entry_of(name: str, config: RunConfig) -> RunConfig:
    """The configuration with an entry of that name: as it has it, or a model at $OPENAI_BASE_URL."""
    if name in config.endpoints():
        return config
    tree: dict[str, Any] = {}
    use_model(tree, name)
    return config.model_copy(update={"models": {**config.models, name: ModelConfig(**tree["models"][name])}})


def select(weak: Weak, pool: Seeds, budget: int, embedder: str, config: RunConfig, out: Path) -> Selected:
    """Write what was selected into the folder `out`.

    Raises:
        ConfigError: `out` is a file.
        EndpointError: the embedder is out of reach, or a failed problem could not be embedded.
    """
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out}: this is a file; name a folder.")
    known = {seed.problem_id: met for seed in pool.problems if (met := weak.met_as(seed.problem))}
    new = [seed for seed in pool.problems if seed.problem_id not in known]
    aimed = [row["problem"] for row in weak.failed]
    found = _embedded([*aimed, *(weak.bare(seed.problem) for seed in new)], embedder, config, out)
    aims = _whole(found[: len(aimed)], embedder)
    near = [(seed, row) for seed, row in zip(new, found[len(aimed) :], strict=True)]
    there = [(seed, row) for seed, row in near if not isinstance(row, Reply)]
    shares = budgets(weak.counts, budget)
    named = [row["category"] or UNKNOWN for row in weak.failed]
    vectors = np.array([row for _, row in there], np.float32).reshape(len(there), aims.shape[1])
    chosen = choose(vectors, aims, named, {name: share.budget for name, share in shares.items()})
    rows = [
        _row(there[one.place][0], one.category, weak.failed[one.failed]["problem_id"], one.distance)
        for one in chosen
    ]
    table = pa.Table.from_pylist(rows, schema=SELECTED.schema)
    fallen = [*pool.rejected]
    fallen += [_known(seed, known[seed.problem_id]) for seed in pool.problems if seed.problem_id in known]
    fallen += [_failed(seed, row) for seed, row in near if isinstance(row, Reply)]
    kept = {row["problem_id"] for row in rows}
    fallen += [_beyond(seed) for seed, _ in there if seed.problem_id not in kept]
    for name, written in (("selected", table), ("rejected", rejected_table(STAGE, fallen))):
        with atomic(out / f"{name}.parquet") as temporary:
            pq.write_table(written, temporary, compression="zstd")
    copies = sum(
        one.distance <= COPY or weak.holds(there[one.place][0].problem, one.failed) for one in chosen
    )
    return Selected(table, shares, _counted(fallen), copies)


def _embedded(texts: Sequence[str], entry: str, config: RunConfig, out: Path) -> list[Any]:
    """A vector for each text, or the reply that failed; answers of an endpoint are journaled in `calls`."""
    embedding = config.endpoints()[entry]
    asks = kind_of(embedding) != "wordllama"
    with Journal(out / "calls", read_only=not asks) as journal, Client({entry: embedding}, journal) as client:
        return list(Embedder(entry, embedding, client, STAGE).embed(texts))


def _whole(found: Sequence[Any], entry: str) -> Any:
    if failed := [row for row in found if isinstance(row, Reply)]:
        said = failed[0].detail or failed[0].reason
        raise EndpointError(
            f"models.{entry}: {len(failed)} of {len(found)} failed problems could not be embedded ({said});"
            " run the same command again."
        )
    return np.array(found, np.float32)


def _row(seed: Seed, category: str, nearest: str, distance: float) -> dict[str, Any]:
    return {
        "problem_id": seed.problem_id, "problem": seed.problem, "label": seed.label, "category": category,
        "pool_category": seed.category, "nearest_id": nearest, "distance": distance, "origin": ORIGIN,
    }  # fmt: skip


def _known(seed: Seed, met: str) -> Rejected:
    detail = "the student has met this problem"
    return Rejected(seed.problem_id, "pool", "duplicate", detail, met, seed._asdict())


def _failed(seed: Seed, reply: Reply) -> Rejected:
    return Rejected(
        seed.problem_id, "pool", reply.reason or "call_failed", reply.detail, None, seed._asdict()
    )


def _beyond(seed: Seed) -> Rejected:
    """Without its text: these are most of a pool, and lie in it."""
    return Rejected(seed.problem_id, "pool", "surplus", "others lie nearer to what is failed")


def _counted(rejected: Sequence[Rejected]) -> Mapping[str, int]:
    reasons = sorted(row.reason for row in rejected)
    return {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}
