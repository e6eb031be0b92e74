"""The engine on one corpus: from Parquet to the fate of every row, in a process of its own.

`python -m benchmarks.duplicates.engine CORPUS ROWS OUT` writes `dup_of`; with a fourth word, `search`, it measures
10,000 rows against an index of the others instead, and writes the CPU seconds after opening.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.duplicates.contender import memory
from synth.dedup.choosing import Rules
from synth.dedup.index import Index
from synth.dedup.measuring import Measurer, Scheme
from synth.dedup.plan import Plan

NEW = 10_000


def chosen(path: Path, rows: int) -> list[int]:
    """The place of the row that each row repeats, or -1: the longer row stays, then the first."""
    scheme = Scheme()
    measurer = Measurer(scheme)
    plan = Plan(scheme, path.parent, rows, rows)
    with pq.ParquetFile(path) as file:
        left = rows
        for batch in file.iter_batches(10_000, columns=["text"], use_threads=False):
            for piece in measurer.pieces(batch.column(0)[:left]):
                plan.add(piece)
            left -= min(left, batch.num_rows)
            if not left:
                break
    tokens, _, _ = plan.hashes()
    order = np.lexsort((np.arange(len(tokens)), -tokens.astype(np.int64)))
    return plan.choose(order, Rules(0.7, "alike")).dup_of.tolist()


def searched(path: Path, rows: int) -> dict[str, float]:
    """CPU seconds to build, open and ask an index, the last for rows of which half are edited copies."""
    from benchmarks.duplicates.corpus import new_rows

    scheme, folder = Scheme(), path.with_suffix(".index")
    texts = pq.read_table(path, columns=["text"])["text"][:rows].combine_chunks()
    began = time.process_time()
    if not folder.exists():
        measured = Measurer(scheme).measure(texts)
        Index(folder, scheme).add("all", [str(place) for place in range(rows)], measured)
        del measured
    built = time.process_time()
    index = Index(folder, scheme)
    index.load()
    opened = time.process_time()
    new = new_rows(texts.to_pylist(), NEW)
    measurer = Measurer(scheme)
    asked = time.process_time()
    found = index.search(measurer.measure(new), Rules(0.7, "alike"))
    done = time.process_time()
    return {"build": built - began, "open": opened - built, "search": done - asked, "found": len(found)}


if __name__ == "__main__":
    corpus, count, out = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    result = searched(corpus, count) if sys.argv[4:] else {"dup_of": chosen(corpus, count)}
    out.write_text(json.dumps({**result, "memory": memory()}))
