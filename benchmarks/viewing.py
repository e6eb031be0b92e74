"""Pages of the viewer over a made-up run of a million rows: time and memory, in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.big_run import RARE, make

HEADS = ("what", "rows", "cpu s", "wall s", "page kB", "peak MB")
ROWS = int(os.environ.get("SYNTH_BENCH_ROWS", "1000000"))
TABLE = "/d/big/t/dataset"


class Viewed(NamedTuple):
    """One page: what it cost, and the highest memory of the process so far."""

    what: str
    rows: int
    cpu: float
    wall: float
    size: int
    peak: int

    def cells(self, others: list["Viewed"]) -> tuple[str, ...]:
        """The row of a table."""
        return (
            self.what, f"{self.rows:,}", f"{self.cpu:.3f}", f"{self.wall:.3f}", f"{self.size / 1e3:,.0f}",
            f"{self.peak:,}",
        )  # fmt: skip


def figures() -> list[Viewed]:
    """The pages in the order in which one would open them; the index is built before."""
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        make(runs, "big", ROWS)
        told = subprocess.run(
            [sys.executable, "-m", "benchmarks.viewing", str(runs)],
            check=True,
            capture_output=True,
            text=True,
        )
        return [Viewed(**json.loads(line)) for line in told.stdout.splitlines()]


def _pages() -> dict[str, str]:
    last = ROWS // 50
    return {
        "first page again": TABLE,
        "last page": f"{TABLE}?page={last}",
        "filter by a word": f"{TABLE}?f.origin=level2",
        "filter by a range": f"{TABLE}?f.pass_rate=0.5..0.6",
        "filter by an item of lists": f"{TABLE}?f.concepts=acid+angle",
        "sort": f"{TABLE}?sort=-nearest_jaccard",
        "sort, page 1,000": f"{TABLE}?sort=-nearest_jaccard&page={min(1000, last)}",
        "a row": f"{TABLE}/row/{ROWS * 3 // 4}",
        "a row by its id": f"/d/big/row/q_{ROWS // 3:024x}",
        "search, a rare word": f"{TABLE}?q={RARE}",
        "search, a word of every row": f"{TABLE}?q=Given",
        "statistics": "/d/big/stats",
        "graph": "/d/big/graph",
    }


def _measure(runs: Path) -> None:
    import time

    began = time.process_time(), time.perf_counter()

    from starlette.testclient import TestClient

    from synth.view.app import create

    def tell(what: str, since: tuple[float, float], size: int) -> None:
        cpu, wall = time.process_time() - since[0], time.perf_counter() - since[1]
        status = Path("/proc/self/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0]) // 1024
        viewed = Viewed(what, ROWS, cpu, wall, size, peak)
        sys.stdout.write(json.dumps(viewed._asdict()) + "\n")

    client = TestClient(create(runs), base_url="http://127.0.0.1")
    tell("start to first page, nothing prepared", began, len(client.get(TABLE).content))
    for what, path in _pages().items():
        if what.startswith("search") and not list((runs / "big" / "view").glob("search-dataset*")):
            since = time.process_time(), time.perf_counter()
            source = client.app.state.site.source("big")  # type: ignore[attr-defined]
            site, table = client.app.state.site, source.tables["dataset"]  # type: ignore[attr-defined]
            site.indexes.prepare(source, table, site.shapes(table), lambda done: None)
            tell("index of the texts", since, 0)
        since = time.process_time(), time.perf_counter()
        answer = client.get(path)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code}")
        tell(what, since, len(answer.content))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    _measure(Path(sys.argv[1]))
