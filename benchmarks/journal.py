"""The journal of calls beside SQLite in WAL mode: append, look up, open, size, memory; and a hundred kills.

`python -m benchmarks.journal --records 1000000 --kills 100` is the whole of it; `make bench` takes fewer records.
"""

import argparse
import json
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.measure import Figure, interleaved
from synth.llm.journal import Journal

RECORDS, KILLS, TURN = 200_000, 10, 5_000
WORDS = (
    "rate mass force slope energy vector matrix sum limit prime angle circle heat wave mean sample".split()
)

Record = dict[str, object]
OPENER = """
import sys
from pathlib import Path
from time import process_time
from synth.llm.journal import Journal
def most():
    (line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return line.split()[1]
before = most()
began = process_time()
journal = Journal(Path(sys.argv[1]), read_only=True)
count = len(journal)
journal.get("call_0")
print(count, process_time() - began, before, most())
"""
WRITER = """
import sys
from pathlib import Path
from benchmarks.journal import record
from synth.llm.journal import Journal
with Journal(Path(sys.argv[1]), segment_bytes=1_000_000) as journal:
    texts = [record(n) for n in range(50)]
    number = 0
    while True:
        journal.append(f"{sys.argv[2]}-{number}", texts[number % 50])
        sys.stdout.write(f"{sys.argv[2]}-{number}\\n")
        sys.stdout.flush()
        number += 1
"""


def record(number: int) -> Record:
    """A call of about 1.1 kB, with words enough that it does not compress to nothing."""
    rng = random.Random(number)
    prompt, reply = (" ".join(rng.choices(WORDS, k=75)) + str(rng.random()) for _ in range(2))
    answer = {"choices": [{"message": {"content": reply}, "finish_reason": "stop"}]}
    request = {
        "model": "m",
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0.7,
        "seed": number,
    }
    return {"key": f"call_{number}", "stage": "questions", "request": request, "response": json.dumps(answer)}


class Table:
    """What many take for a cache of calls: SQLite, one transaction a record, WAL, synchronous normal."""

    def __init__(self, path: Path) -> None:
        self.base = sqlite3.connect(path, isolation_level=None)
        self.base.execute("pragma journal_mode=wal")
        self.base.execute("pragma synchronous=normal")
        self.base.execute(
            "create table if not exists calls (key text primary key, record text) without rowid"
        )

    def append(self, key: str, value: Record) -> None:
        """One record, in a transaction of its own."""
        self.base.execute("insert or ignore into calls values (?, ?)", (key, json.dumps(value)))

    def get(self, key: str) -> Record:
        """The record of a key."""
        (text,) = self.base.execute("select record from calls where key = ?", (key,)).fetchone()
        found: Record = json.loads(text)
        return found


def figures(records: int = RECORDS, kills: int = KILLS) -> list[Figure]:
    """CPU for each operation; what is no CPU time is printed."""
    made = [record(number) for number in range(2_000)]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        found = [*_beside_sqlite(folder, made), *_large(folder / "large", records, made)]
        _killed(folder / "killed", kills)
    return found


def _beside_sqlite(folder: Path, made: list[Record]) -> list[Figure]:
    table, journal = Table(folder / "calls.sqlite"), Journal(folder / "small")
    places = {"journal": 0, "sqlite": 0}

    def append(name: str, write: Callable[[str, Record], None]) -> None:
        first = places[name]
        places[name] += TURN
        for number in range(first, first + TURN):
            write(f"call_{number}", made[number % len(made)])

    def look_up(read: Callable[[str], object]) -> None:
        for number in range(TURN):
            read(f"call_{number}")

    appends = {
        "append: journal": lambda: append("journal", journal.append),
        "append: SQLite WAL": lambda: append("sqlite", table.append),
    }
    look_ups = {
        "look up, not yet sealed: journal": lambda: look_up(journal.get),
        "look up: SQLite WAL": lambda: look_up(table.get),
    }
    with journal:
        return [*interleaved("append", TURN, appends), *interleaved("look up", TURN, look_ups)]


def _large(folder: Path, records: int, made: list[Record]) -> list[Figure]:
    """A journal of many records: written, sealed, opened by another process, read in order and at random."""
    began = process_time()
    with Journal(folder) as journal:
        for number in range(records):
            journal.append(f"call_{number}", made[number % len(made)])
    figures = [Figure("append with all sealing", "append", records, process_time() - began)]
    size = sum(path.stat().st_size for path in folder.iterdir())
    command = [sys.executable, "-c", OPENER, str(folder)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    print(f"{records:,} records: {size / 1e6:,.0f} MB on disk; opened in {float(told[1]):.3f} s CPU, memory "
          f"{int(told[2]) / 1e3:,.0f} MB before and {int(told[3]) / 1e3:,.0f} MB after.")  # fmt: skip
    figures.append(Figure("open, count and one look-up", "open", records, float(told[1])))
    rng, few = random.Random(1), min(records, 20_000)
    orders = {
        "look up, sealed, as written": range(few),
        "look up, sealed, the same 1,000": [number % 1_000 for number in range(few)],
        "look up, sealed, at random": [rng.randrange(records) for _ in range(few)],
    }
    for what, order in orders.items():
        with Journal(folder, read_only=True) as journal:
            began = process_time()
            for number in order:
                journal.get(f"call_{number}")
            figures.append(Figure(what, "look up", few, process_time() - began))
    return figures


def _killed(folder: Path, kills: int) -> None:
    """Kill writers at random moments, while they write and while they seal; count what was acknowledged and lost."""
    rng, acknowledged, began = random.Random(3), 0, perf_counter()
    lost = 0
    for turn in range(kills):
        if turn % 20 == 0:  # a folder of its own now and then, or the check grows with its square
            shutil.rmtree(folder, ignore_errors=True)
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), f"t{turn}"], stdout=subprocess.PIPE
        )
        keys = list(_until_killed(process, rng.randrange(1, 6_000)))
        acknowledged += len(keys)
        with Journal(folder, read_only=True) as journal:
            lost += sum(key not in journal for key in keys)
    sealed = len(list(folder.glob("*.sealed")))
    print(f"{kills} kills in {perf_counter() - began:,.0f} s: {acknowledged:,} records acknowledged, {lost} lost; "
          f"{sealed} sealed files at the end.")  # fmt: skip


def _until_killed(process: "subprocess.Popen[bytes]", lines: int) -> Iterator[str]:
    assert process.stdout is not None
    for number, line in enumerate(process.stdout):
        if number == lines:
            process.send_signal(signal.SIGKILL)
        if line.endswith(b"\n"):
            yield line.decode().strip()
    process.wait()


def main() -> None:
    """All figures, with as many records and kills as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--kills", type=int, default=KILLS)
    asked = parser.parse_args()
    found = figures(asked.records, asked.kills)
    for figure in found:
        print("  ".join(f"{cell:>32}" for cell in figure.cells(found)))
    print(f"Most memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:,.0f} MB.")


if __name__ == "__main__":
    main()
