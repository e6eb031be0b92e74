"""What the viewer would have to work out of a large run, made when it ends. In: a run. Out: its `view/`.

Only what costs a second or two: how the columns spread, and the picture of the concept graph. The search
index takes twenty seconds and forty megabytes for a million rows, and not everybody searches: it is made on
first use, or by `synth index`.
"""

from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synth.errors import SynthError

# A smaller run is looked through faster than a file of figures is worth.
LARGE = 100_000


def for_viewer(run_folder: Path, dataset: Path) -> None:
    """Work out figures of a large published dataset; a fault is left to the viewer, which tries again."""
    with suppress(SynthError, OSError, pa.ArrowException):
        rows = sum(pq.read_metadata(file).num_rows for file in (dataset / "questions").glob("*.parquet"))
        if rows < LARGE:
            return
        from synth.view.prepare import figures  # DuckDB comes with it

        figures(run_folder)
