"""What a student met and failed, as it was written: by `synth weaknesses`, or by a run.

In: a folder. Out: its problems, how they were freed from instructions, and which texts are one of them. A log
may hold an instruction around each problem that a pool has not, or the other way round; its problems are the
same, and lie nearest of all.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from synth.dedup.normalise import comparable
from synth.errors import ConfigError
from synth.places import find_run
from synth.store import StageStore
from synth.sws.histories import bare

# In the metadata of `weaknesses.parquet`: the instructions that were taken off.
STRIPPED = b"synth.stripped"


class Weak(NamedTuple):
    """What the student met.

    `met` are the texts of all problems as they are compared, `failed` the failed ones in the order of ids,
    `counts` failed and all problems by category, `starts` and `ends` the instructions that were taken off.
    """

    met: Mapping[str, str]
    failed: list[dict[str, Any]]
    counts: dict[str, tuple[int, int]]
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()

    def bare(self, text: str) -> str:
        """A problem of a pool without the instructions that problems of the log were freed from."""
        return bare(text, self.starts, self.ends) or text

    def met_as(self, text: str) -> str | None:
        """The id of the problem that a text is, whatever its spacing and typesetting; else None."""
        return self.met.get(comparable(self.bare(text)))

    def holds(self, text: str, failed: int) -> bool:
        """Whether one of two texts holds the other whole: that of a pool, and that of a failed problem."""
        one, other = comparable(text), comparable(self.failed[failed]["problem"])
        return one in other or other in one


def stripped(table: pa.Table, starts: Iterable[str], ends: Iterable[str]) -> pa.Table:
    """Weaknesses that say which instructions were taken off their problems; as they are without any."""
    taken = {"starts": list(starts), "ends": list(ends)}
    if not any(taken.values()):
        return table
    said = {STRIPPED: json.dumps(taken, ensure_ascii=False).encode()}
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **said})


def read_weak(path: str) -> Weak:
    """The weaknesses of a folder of `synth weaknesses`, or of a run.

    Raises:
        ConfigError: it is neither.
        StoreError: the run has not found weaknesses yet.
    """
    names = ("weaknesses", "categories")
    files = [Path(path) / f"{name}.parquet" for name in names]
    if all(file.is_file() for file in files):
        scored, shares = (pq.read_table(file) for file in files)
        said = json.loads((scored.schema.metadata or {}).get(STRIPPED, b"{}"))
        starts, ends = said.get("starts", ()), said.get("ends", ())
    else:
        folder = find_run(path)
        scored, shares = (StageStore(folder, "weaknesses").read(name) for name in names)
        said = tomllib.loads((folder / "run.toml").read_text("utf-8")).get("rollouts", {})
        starts, ends = said.get("strip_start", ()), said.get("strip_end", ())
    rows = scored.select(["problem_id", "problem", "category", "is_weakness"]).to_pylist()
    failed = {row["problem_id"]: row for row in rows if row["is_weakness"]}
    if not failed:
        raise ConfigError(f"{path}: no problem is failed there, so nothing can lie near one.")
    counts = {row["category"]: (row["failed"], row["problems"]) for row in shares.to_pylist()}
    met = {comparable(row["problem"]): row["problem_id"] for row in rows}
    return Weak(met, [failed[name] for name in sorted(failed)], counts, tuple(starts), tuple(ends))
