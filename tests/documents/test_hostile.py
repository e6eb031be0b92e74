import resource
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from synth import resting
from tests.documents import hostile
from tests.documents.hostile import LIMITS
from tests.documents.hostile_files import WHY, Outcomes
from tests.documents.tools import Run


@pytest.mark.slow
def test_every_hostile_file_has_the_outcome_that_is_due(tmp_path: Path) -> None:
    expected = hostile.build(tmp_path / "corpus")
    files = [path for path in (tmp_path / "corpus").rglob("*") if path.is_file()]
    assert len(files) >= 60
    # In a process of its own, whose children are the readers and nothing else.
    with ProcessPoolExecutor(1, get_context("spawn")) as alone:
        made, used = alone.submit(read_all, tmp_path).result()
    seconds = used.ru_utime + used.ru_stime
    print(f"{len(files)} files, {seconds:.0f} s of readers")
    faults = outcomes(made, expected)
    assert not faults, "\n".join(faults)
    assert not made.sources() or all(
        "secret that nobody" not in text for text in made.column("documents", "text")
    )
    # In kilobytes: the limit, and the libraries beside it.
    assert used.ru_maxrss < (LIMITS["max_memory_mb"] + 400) * 1024
    # The killed ones take their whole time, all others next to none.
    assert seconds < 60


def read_all(folder: Path) -> tuple[Run, resource.struct_rusage]:
    """The corpus as it is read, and what its readers took."""
    made = Run(folder / "stage", [folder / "corpus"], near_duplicates="keep", readers=2, **LIMITS)
    resting.close_all()
    return made, resource.getrusage(resource.RUSAGE_CHILDREN)


def outcomes(made: Run, expected: Outcomes) -> list[str]:
    """What came out otherwise than it should."""
    texts = {source: row["text"] for source, row in made.rows("documents").items()}
    inputs = [row for row in made.output.rejected if row.row_id in made.output.inputs]
    reasons = {row.source: row.reason for row in inputs}
    details = {row.source: row.detail for row in inputs}
    faults = [
        f"{source}: not expected"
        for source in sorted(texts.keys() | reasons.keys())
        if source not in expected
    ]
    for source, outcome in expected.items():
        if isinstance(outcome, str):
            if reasons.get(source) != outcome.removeprefix(WHY):
                faults.append(f"{source}: {reasons.get(source)} ({details.get(source)}) instead of {outcome}")
        elif source not in texts:
            faults.append(f"{source}: {reasons.get(source)} ({details.get(source)}) instead of a document")
        elif not outcome(texts[source]):
            faults.append(f"{source}: {texts[source][:100]!r}")
    return faults
