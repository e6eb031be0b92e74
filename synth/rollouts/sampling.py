"""`rollouts.parquet`: attempts of a student at seed problems, at each of several visits.

In: seeds, visits and a folder. Out: in the folder the table of attempts, the rejected rows and the figures,
beside the journal of the calls: the same command goes on where it was ended, and asks for nothing again that
was answered.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth.bill import as_tree
from synth.llm.prices import total
from synth.rollouts.ask import STAGE, Visit, ask_visits, parts
from synth.rollouts.figures import Counts, Tally
from synth.rollouts.folder import Folder, held
from synth.rollouts.seeds import Seeds
from synth.rollouts.tables import SAMPLED
from synth.rollouts.visits import Visits
from synth.stages.base import Rejected, rejected_table
from synth.verify.equivalence.engine import Equivalence, verifier
from synth.writing import atomic, write_json

FILE = "rollouts.parquet"
# Processes that compare what the rules leave open.
WORKERS = 2


class Sampled(NamedTuple):
    """What was written: figures by visit, of the seeds, and of the rejected rows by their reason."""

    tallies: list[Tally]
    seeds: Seeds
    rejected: dict[str, int]
    currency: str

    def summary(self) -> dict[str, Any]:
        """The figures for machines."""
        figures = {"seed_rows": self.seeds.rows, "problems": len(self.seeds.problems)}
        figures |= {"open_labels": self.seeds.open_labels, "rows": sum(t.attempts for t in self.tallies)}
        cost = as_tree(total(t.cost for t in self.tallies))
        visits = [
            {**t._asdict(), "attempts": t.attempts, "pass_rate": t.pass_rate, "cost": as_tree(t.cost)}
            for t in self.tallies
        ]
        return {**figures, "rejected": self.rejected, "visits": visits, "currency": self.currency, **cost}


def sample(
    seeds: Seeds,
    visits: Visits,
    out: Path,
    *,
    reuse: Sequence[Path] = (),
    progress: Callable[[int], None] = lambda done: None,
    alarm: Callable[[str], None] = lambda said: None,
) -> Sampled:
    """Sample all visits, one after the other, into the folder `out`.

    `reuse` names folders of runs whose answers serve equal calls; `progress` hears how many attempts came.

    Raises:
        ConfigError: `out` is a file, or a folder to be reused has no journal.
        StoreError: another process is at work in `out`, or the disk is full.
        Stopped: a ceiling of the budget was reached, or batches are under way; the same command goes on.
        EndpointError: an endpoint is out of reach; what was answered is kept.
    """
    with held(visits, out, reuse, alarm) as folder:
        done = count(1)
        asked = ask_visits(seeds.problems, visits, folder.services, lambda: progress(next(done)))
        counts, lost = _write(seeds, asked, folder, out / FILE)
        rejected = rejected_table(STAGE, [*seeds.rejected, *(row for rows in lost for row in rows)])
        with atomic(out / "rejected.parquet") as temporary:
            pq.write_table(rejected, temporary, compression="zstd")
        model = folder.services.client.model
        tallies = [
            one.tally(number, entry, model(entry), len(fell), folder.cost(entry))
            for number, (entry, one, fell) in enumerate(zip(visits.entries, counts, lost, strict=True))
        ]
        write_json(out / "rollouts.json", _instrument(visits, folder, tallies))
        reasons = pc.value_counts(rejected["reason"]).to_pylist()
        by_reason = dict(sorted((row["values"], row["counts"]) for row in reasons))
        return Sampled(tallies, seeds, by_reason, visits.config.currency)


def _write(
    seeds: Seeds, asked: Iterable[Visit], folder: Folder, path: Path
) -> tuple[list[Counts], list[list[Rejected]]]:
    """The rows of all visits as one file; the sums and the attempts that were not made, by visit."""
    counts: list[Counts] = []
    lost: list[list[Rejected]] = []
    with (
        Equivalence(WORKERS) as equivalence,
        atomic(path) as temporary,
        pq.ParquetWriter(temporary, SAMPLED.schema, compression="zstd") as writer,
    ):
        for visit in asked:
            counts.append(Counts())
            lost.append([])
            for rows, fell in parts(seeds.problems, visit, folder.visits, folder.services, equivalence):
                writer.write_table(pa.Table.from_pylist(rows, schema=SAMPLED.schema))
                counts[-1].add(rows)
                lost[-1] += fell
    return counts, lost


def _instrument(visits: Visits, folder: Folder, tallies: Sequence[Tally]) -> dict[str, Any]:
    """What the rates depend on beside problem and student; no cost and no date, so equal runs agree."""
    prompt = folder.services.prompts.get(visits.config.prompts.attempt)
    return {
        "attempts": visits.attempts,
        "sampling": visits.sampling.model_dump(),
        "prompt_id": prompt.name,
        "prompt_sha": prompt.sha,
        "verifier": verifier(),
        "visits": [{"visit": t.visit, "entry": t.entry, "model": t.model} for t in tallies],
    }
