"""A graph on disk: in, incidence; out, a folder whose lists are read where they lie (SynthLLM, level 3).

Lists are plain arrays (`.npy`) and ids Arrow files, both mapped into memory: opening copies nothing, and
several processes share one. The manifest comes last, with size and checksum of each file; a folder without
one holds nothing.
"""

import json
import shutil
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth.errors import StoreError
from synth.graph.incidence import Incidence, Lists
from synth.graph.ranking import Ranking
from synth.writing import write_bytes

MANIFEST = "lists.json"
VERSION = 1
BLOCK = 1 << 22
LISTS = ("topics", "key_concepts", "postings", "ranked")
ARRAYS = (
    "concept_keys", "passage_keys", "is_topic", "clusters", "widest_topic", "widest_key_concept",
    *(f"{lists}_{part}" for lists in LISTS for part in ("start", "items")),
    "by_rank",
)  # fmt: skip
NAMES = ("concepts", "passages")


class Names(Sequence[str]):
    """Ids in an Arrow array that stays where it is."""

    def __init__(self, array: pa.Array) -> None:
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            raise TypeError("Names: take one id at a time, or all with list().")
        return str(self._array[int(place)].as_py())

    def __iter__(self) -> Iterator[str]:
        return iter(self._array.to_pylist())


def write(ranking: Ranking, folder: Path) -> None:
    """Write a graph and its ranking, whole or not at all; what lay there is replaced.

    Raises:
        StoreError: the disk is full, or the folder cannot be written.
    """
    partial = folder.with_name(f".{folder.name}.tmp")
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for name, array in _arrays(ranking).items():
            np.save(partial / f"{name}.npy", array)
        for name, ids in zip(NAMES, (ranking.incidence.concepts, ranking.incidence.passages), strict=True):
            _write_names(partial / f"{name}.arrow", ids)
        files = {path.name: _sum(path) for path in sorted(partial.iterdir())}
        write_bytes(partial / MANIFEST, json.dumps({"version": VERSION, "files": files}, indent=1).encode())
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except OSError as fault:
        raise StoreError(
            f"Cannot write the graph to {folder}: {fault.strerror}; make room or choose another."
        ) from fault


def read(folder: Path, check: bool = True) -> Ranking:
    """The graph of a folder, mapped; without `check` its files are taken to be as they were written.

    Raises:
        StoreError: there is no graph, or a file of it is missing or damaged.
    """
    files = _manifest(folder)
    try:
        for name, (size, checksum) in files.items():
            path = folder / name
            if path.stat().st_size != size or (check and _sum(path)[1] != checksum):
                raise _damaged(folder, f"{name} is not as it was written")
        arrays = {name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r")) for name in ARRAYS}
        concepts, passages = (_read_names(folder / f"{name}.arrow") for name in NAMES)
    except (OSError, ValueError, pa.ArrowException) as fault:
        raise _damaged(folder, f"{type(fault).__name__} while reading") from fault
    return _ranking(arrays, concepts, passages)


def _manifest(folder: Path) -> dict[str, tuple[int, int]]:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        if manifest["version"] != VERSION:
            raise _damaged(folder, f"it is of version {manifest['version']}, not {VERSION}")
        files = {
            str(name): (int(size), int(checksum)) for name, (size, checksum) in manifest["files"].items()
        }
    except FileNotFoundError as fault:
        raise StoreError(f"{folder} holds no graph: there is no {MANIFEST}; build it first.") from fault
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        raise _damaged(folder, f"{MANIFEST} cannot be read") from fault
    if missing := {*(f"{name}.npy" for name in ARRAYS), *(f"{name}.arrow" for name in NAMES)} - files.keys():
        raise _damaged(folder, f"{MANIFEST} does not name {min(missing)}")
    return files


def _damaged(folder: Path, what: str) -> StoreError:
    return StoreError(f"The graph in {folder} is damaged ({what}); delete that folder and build it again.")


def _arrays(ranking: Ranking) -> dict[str, NDArray[Any]]:
    graph = ranking.incidence
    arrays: dict[str, NDArray[Any]] = {
        "concept_keys": graph.concept_keys,
        "passage_keys": graph.passage_keys,
        "is_topic": graph.is_topic,
        "clusters": graph.clusters.astype(np.int32),
        "by_rank": ranking.passages,
    }
    arrays |= {f"widest_{kind}": widest for kind, widest in graph.widest.items()}
    named = {"topics": graph.topics, "key_concepts": graph.key_concepts, "postings": graph.postings}
    for name, lists in {**named, "ranked": ranking.postings}.items():
        arrays |= {f"{name}_start": lists.start, f"{name}_items": lists.items}
    return arrays


def _ranking(arrays: dict[str, NDArray[Any]], concepts: Names, passages: Names) -> Ranking:
    def lists(name: str) -> Lists:
        start = arrays[f"{name}_start"]
        return Lists(start, arrays[f"{name}_items"], np.diff(start))

    is_topic = arrays["is_topic"]
    graph = Incidence(
        concepts=concepts,
        passages=passages,
        concept_keys=arrays["concept_keys"],
        passage_keys=arrays["passage_keys"],
        is_topic=is_topic,
        clusters=arrays["clusters"],
        by_kind={"topic": np.flatnonzero(is_topic), "key_concept": np.flatnonzero(~is_topic)},
        topics=lists("topics"),
        key_concepts=lists("key_concepts"),
        postings=lists("postings"),
        widest={"topic": arrays["widest_topic"], "key_concept": arrays["widest_key_concept"]},
    )
    return Ranking.stored(graph, arrays["by_rank"], lists("ranked"))


def _write_names(path: Path, names: Sequence[str]) -> None:
    array = pa.array(names, pa.large_string())
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, pa.schema({"id": array.type})) as writer:
        writer.write_batch(pa.record_batch([array], names=["id"]))


def _read_names(path: Path) -> Names:
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    column = table["id"]
    return Names(column.chunk(0) if column.num_chunks else pa.array([], column.type))


def _sum(path: Path) -> tuple[int, int]:
    """Size and CRC-32 of a file: it tells damage, not malice, and costs a second for two gigabytes."""
    size = checksum = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            size, checksum = size + len(block), zlib.crc32(block, checksum)
    return size, checksum
