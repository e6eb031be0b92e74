"""Verdicts on a table of responses: the extracted answer, whether it is correct, and why.

In: tables with a column of responses and one of gold answers. Out: `verdicts.parquet`, in the order of the
input and with its columns. Batches are streamed, so memory does not grow with the table.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from synth.errors import ConfigError
from synth.verify.by_kind import NO_ANSWER, NO_GOLD, choices, codes
from synth.verify.code.sandbox import Sandbox
from synth.verify.equivalence.engine import MEMORY_MB, SECONDS, Equivalence, require_library
from synth.verify.equivalence.outcome import Outcome
from synth.verify.final_answer import Mode, find_answer
from synth.verify.kinds import Kind
from synth.verify.tables import batches, check, text_of, write_rejected
from synth.writing import atomic

FILE = "verdicts.parquet"
ADDED = (
    ("extracted", pa.string()),
    ("evidence", pa.string()),
    ("correct", pa.bool_()),
    ("reason", pa.string()),
)
# Longer responses are not searched from their beginning: the answer stands at the end.
MAX_RESPONSE_CHARS = 200_000
_MAX_GOLD_CHARS = 100_000

Progress = Callable[[int], None]


class Summary(NamedTuple):
    """What came of it; `renamed` are columns of the input that had the name of an added one.

    `rejected`: lines that are no rows, beside them.
    """

    path: Path
    rows: int
    correct: int
    wrong: int
    undecided: int
    reasons: dict[str, int]
    evidence: dict[str, int]
    renamed: dict[str, str]
    rejected: int


class Answered(NamedTuple):
    """One row before it is compared."""

    gold: str
    extracted: str | None
    evidence: str | None


def verify(
    paths: Sequence[Path],
    response: str,
    gold: str,
    out: Path,
    mode: Mode = "stated",
    workers: int = 1,
    seconds: float = SECONDS,
    progress: Progress = lambda rows: None,
    kind: Kind = "math",
    question: str | None = None,
    sandbox: Sandbox | None = None,
    force: bool = False,
) -> Summary:
    """Write the verdicts of all rows; of code only with a sandbox, in which it is run against the gold tests.

    `question` is the column in which the options of a choice stand.

    Raises:
        ConfigError: math-verify is not installed; a file cannot be read or lacks a column; `out` is a file;
            verdicts are there already, and `force` was not given.
        OSError: the disk is full, or not to be written on.
    """
    if kind == "text":
        raise ConfigError("--kind text: open text is not compared with anything; name math, choice or code.")
    if kind == "code":
        _require_sandbox(sandbox)
    else:
        require_library()
    needed = (response, gold, *([question] if question else []))
    schema = check(paths, needed)
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out}: this is a file; name a folder.")
    if (out / FILE).exists() and not force:
        raise ConfigError(f"{out / FILE} exists already; choose another --out, or overwrite it with --force.")
    out.mkdir(parents=True, exist_ok=True)
    renamed = _renamed(schema.names)
    kept = pa.schema([field.with_name(renamed.get(field.name, field.name)) for field in schema])
    counts: dict[str, Counter[Any]] = {"correct": Counter(), "reason": Counter(), "evidence": Counter()}
    rows = 0
    with atomic(out / FILE) as temporary, _engine(kind, workers, seconds) as engine:
        whole = pa.schema([*kept, *(pa.field(name, kind) for name, kind in ADDED)])
        with pq.ParquetWriter(temporary, whole, compression="zstd") as writer:
            for batch in batches(paths, needed):
                if kind == "math":
                    added = _verdicts(batch, response, gold, mode, engine)
                else:
                    added = _by_kind(batch, (response, gold, question), mode, engine, sandbox, workers)
                writer.write_batch(_joined(batch, schema, whole, added))
                for name, counter in counts.items():
                    counter.update(added[name])
                rows += batch.num_rows
                progress(rows)
    correct = counts["correct"]
    return Summary(
        out / FILE, rows, correct[True], correct[False], correct[None],
        {str(k): n for k, n in counts["reason"].most_common()},
        {str(k): n for k, n in counts["evidence"].most_common()}, renamed, write_rejected(paths, out),
    )  # fmt: skip


def _renamed(names: Sequence[str]) -> dict[str, str]:
    """New names for columns of the input that have the name of an added one, such as `input_correct`."""
    taken = {*names, *(name for name, _ in ADDED)}
    found: dict[str, str] = {}
    for name, _ in ADDED:
        if name in names:
            new = f"input_{name}"
            while new in taken:
                new = f"input_{new}"
            taken.add(new)
            found[name] = new
    return found


def _verdicts(
    batch: pa.RecordBatch, response: str, gold: str, mode: Mode, engine: Equivalence
) -> dict[str, list[Any]]:
    """The added columns of a batch."""
    found = [_answered(r, g, mode) for r, g in zip(_texts(batch, response), _texts(batch, gold), strict=True)]
    compared = engine.outcomes((row.gold, row.extracted) for row in found if row.gold and row.extracted)
    outcomes = [_outcome(row, compared) for row in found]
    return {
        "extracted": [row.extracted for row in found],
        "evidence": [row.evidence for row in found],
        "correct": [outcome.equal for outcome in outcomes],
        "reason": [outcome.reason for outcome in outcomes],
    }


@contextmanager
def _engine(kind: Kind, workers: int, seconds: float) -> Iterator[Equivalence]:
    """The engine, which is not started where code is run."""
    engine = Equivalence(workers, seconds, MEMORY_MB)
    if kind == "code":
        yield engine
        return
    with engine:
        yield engine


def _require_sandbox(sandbox: Sandbox | None) -> None:
    if sandbox is None:
        raise ConfigError("--kind code: code is run only if it is said so; add --run-code.")
    sandbox.require()


def _by_kind(
    batch: pa.RecordBatch,
    names: tuple[str, str, str | None],
    mode: Mode,
    engine: Equivalence,
    sandbox: Sandbox | None,
    workers: int,
) -> dict[str, list[Any]]:
    """The added columns of a batch of options, or, with a sandbox, of code."""
    responses, golds = (list(_texts(batch, name)) for name in names[:2] if name)
    if sandbox is not None:
        found = codes(responses, golds, sandbox, workers)
    else:
        questions = _texts(batch, names[2]) if names[2] else [None] * batch.num_rows
        found = choices(responses, golds, questions, mode, engine)
    columns = zip(*found, strict=True) if found else ((), (), (), ())
    return {name: list(column) for (name, _), column in zip(ADDED, columns, strict=True)}


def _texts(batch: pa.RecordBatch, name: str) -> Iterator[str | None]:
    """The cells of a column as text, numbers as they are written."""
    for cell in batch.column(batch.schema.get_field_index(name)):
        try:
            yield text_of(cell.as_py())
        except (ValueError, OverflowError):  # text that is no UTF-8, a date that is none
            yield None


def _answered(response: str | None, gold: str | None, mode: Mode) -> Answered:
    found = find_answer(response[-MAX_RESPONSE_CHARS:], mode) if response else None
    return Answered(reference_of(gold), found.text if found else None, found.evidence if found else None)


def reference_of(gold: str | None) -> str:
    """A gold answer as it is compared; of a worked solution, as benchmarks have them, its final answer."""
    reference = (gold or "").strip()
    if r"\boxed" in reference or "\n" in reference:
        worked = find_answer(reference[-MAX_RESPONSE_CHARS:])
        reference = worked.text if worked and worked.evidence != "bold" else reference
    return reference[:_MAX_GOLD_CHARS]


def _outcome(row: Answered, compared: Iterator[Outcome]) -> Outcome:
    if not row.gold:
        return Outcome(None, NO_GOLD)
    if not row.extracted:
        return Outcome(None, NO_ANSWER)
    return next(compared)


def _joined(
    batch: pa.RecordBatch, schema: pa.Schema, whole: pa.Schema, added: dict[str, list[Any]]
) -> pa.RecordBatch:
    """The columns of the input, in the types of all files, with the added ones behind."""
    columns = []
    for field in schema:
        place = batch.schema.get_field_index(field.name)
        if place < 0:
            columns.append(pa.nulls(batch.num_rows, field.type))
        else:
            columns.append(batch.column(place).cast(field.type))
    columns += [pa.array(added[name], kind) for name, kind in ADDED]
    return pa.RecordBatch.from_arrays(columns, schema=whole)
