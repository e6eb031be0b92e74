"""What a finished run has taken, and so no later run of its store takes again.

In: its folder. Out: keys of files, ids of documents and passages. A passage whose call failed is not taken,
nor are its document and file: they come again, and of them only what failed.
"""

from pathlib import Path

from synth.config import RunConfig
from synth.documents.collect import remembered
from synth.documents.seen import Seen
from synth.incremental.store import Record
from synth.report import manifests, read_stats
from synth.store import PASSING, StageStore


def record_of(folder: Path, config: RunConfig, logs: tuple[str, ...]) -> Record:
    """What stands of a finished run in its store."""
    seen = seen_of(folder, config)
    counts = {kind: len(getattr(seen, kind)) for kind in Seen._fields}
    return Record(run=folder.name, rows=read_stats(folder)["rows"], logs=logs, **counts)


def seen_of(folder: Path, config: RunConfig) -> Seen:
    """What a run has taken of documents; nothing where it aims, as it takes logs."""
    if config.aims:
        return Seen()
    store = StageStore(folder, "documents")
    passages, documents = store.read("passages"), store.read("documents")
    failed = _failed(folder)
    # Also those that fell in reading: their passages are gone from `passages`, their documents are not.
    rows = passages.select(["passage_id", "document_id"]).to_pylist()
    again = {row["document_id"] for row in rows if row["passage_id"] in failed}
    again |= _documents_of_failed(store)
    names = {
        row["source"]
        for row in documents.select(["document_id", "source"]).to_pylist()
        if row["document_id"] in again
    }
    kept = remembered(store.folder)
    files = {
        key for name, key in kept.items() if not key.startswith("unreadable") and not _holds(name, names)
    }
    return Seen(
        frozenset(files),
        frozenset(documents["document_id"].to_pylist()) - again,
        frozenset(row["passage_id"] for row in rows) - failed,
    )


def _failed(folder: Path) -> set[str]:
    """Passages that no model read, as their calls failed."""
    if "concepts" not in manifests(folder):
        return set()
    rejected = StageStore(folder, "concepts").read("rejected").select(["row_id", "reason"]).to_pylist()
    return {row["row_id"] for row in rejected if row["reason"] == PASSING}


def _documents_of_failed(store: StageStore) -> set[str]:
    """Documents of passages that the filter could not rate, as its calls failed."""
    rejected = store.read("rejected").select(["reason", "source"]).to_pylist()
    return {row["source"] for row in rejected if row["reason"] == PASSING}


def _holds(name: str, sources: set[str]) -> bool:
    """Whether one of some sources is a file, or lies in it as a row or member."""
    return name in sources or any(source.startswith((f"{name}#", f"{name}!/")) for source in sources)
