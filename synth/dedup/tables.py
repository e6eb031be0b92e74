"""What a tool was told about duplicates, as the parts that do the work take it.

In: the settings of `synth dedup` by their names (`config_dedup`), and paths. Out: tables, options, and who is
asked about meanings. Light: it needs no form.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth.dedup.choosing import Rules
from synth.dedup.deduplicate import Options
from synth.dedup.input import Columns
from synth.dedup.meanings import Bounds
from synth.dedup.measuring import Scheme
from synth.errors import ConfigError

if TYPE_CHECKING:
    from synth.dedup.embedding import Asked

STAGE = "dedup"
# What a folder is searched for.
KINDS = (".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".gz")


def tables_in(paths: Sequence[Path]) -> list[Path]:
    """Files as they are; of a folder its tables, at any depth, by their names.

    Raises:
        ConfigError: a folder has none.
    """
    return [found for path in paths for found in (_within(path) if path.is_dir() else [path])]


def _within(folder: Path) -> Iterator[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in KINDS and path.is_file())
    if not found:
        raise ConfigError(f"{folder}: there is no table in this folder; give Parquet, JSON Lines or CSV.")
    return iter(found)


def options_of(**told: Any) -> Options:
    """The options of the settings that were told."""
    return Options(
        Columns(told["text"], told["id"], told["quality"]),
        Scheme(told["shingle"], told["permutations"], told["bands"], told["rows"]),
        Rules(told["threshold"], told["twins"]),
        Path(told["index"]) if told["index"] else None,
        told["memory_rows"],
        told["force"],
        Bounds(told["cosine"], told["agreement"]),
    )


def asking_for(out: Path, **told: Any) -> "AbstractContextManager[Asked | None]":
    """Who is asked about meanings while the block lasts; nobody where they are not looked for.

    Raises:
        ConfigError: an entry gives no embeddings, or cannot judge.
    """
    if not told["semantic"]:
        return nullcontext()
    from synth.dedup.embedding import asking

    return asking(STAGE, told["embedder"], told["judge"], told["overrides"], out)
