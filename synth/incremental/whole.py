"""All finished runs of a store as one dataset, published as its next version.

In: a store and the folder of its runs. Out: the newest version. Nothing is written where the newest is made
of the same runs already, so a firing that was killed before it published is made good by the next.
"""

from collections.abc import Callable
from pathlib import Path

from synth.config import RunConfig
from synth.errors import StoreError
from synth.ids import digest
from synth.incremental.store import Store, records
from synth.publish.folder import is_published, version, write_dataset
from synth.publish.tables import Published
from synth.report import manifests
from synth.text import counted
from synth.versions import Version, datasets, publish_version


def publish_all(config: RunConfig, runs: Path, store: Store) -> Version | None:
    """The version of all finished runs; None where there is none.

    Raises:
        StoreError: a run is missing, another process publishes there, or the disk is full.
    """
    folders = finished(runs, store)
    if not folders:
        return None
    name = config.publish.dataset or store.name
    stamp = _stamp(folders, config)
    found = Published(folders, config.graph)

    def fill(folder: Path) -> None:
        write_dataset(folder, found, config, stamp, *_notes(folders, store.name))

    return publish_version(datasets() / name, fill, config.publish.keep, _is_made_of(stamp))


def finished(runs: Path, store: Store) -> list[Path]:
    """The runs of a store that have rows, the oldest first, all of which must be there.

    Raises:
        StoreError: one of them is missing, or has not finished.
    """
    folders = [runs / record.run for record in records(store.folder) if record.rows is not None]
    if lost := [folder for folder in folders if "dataset" not in manifests(folder)]:
        fix = "put it back, or begin a new store"
        raise StoreError(f"{lost[0]} is a run of the store, and is missing or not finished; {fix}.")
    return folders


def _is_made_of(stamp: str) -> Callable[[Path], bool]:
    return lambda newest: is_published(newest, stamp)


def _stamp(folders: list[Path], config: RunConfig) -> str:
    outcomes = [{stage: m.outcome for stage, m in manifests(folder).items()} for folder in folders]
    shown = [config.recipe, config.graph.model_dump(), config.dataset.model_dump()]
    return digest("store", outcomes, shown, version())


def _notes(folders: list[Path], name: str) -> list[str]:
    last = ", ".join(folder.name for folder in folders[-3:])
    return [f"Rows of {counted(len(folders), 'run')} of the store {name}, the newest: {last}."]
