"""Shards: the calls that travel in one batch, and how far each has come, as files in `calls/batches/`.

In: calls by key. Out: for each shard its requests (`.jsonl`), their keys (`.keys`) and its state (`.json`),
each written whole or not at all, the state last. A shard is known by the hash of its keys and of who is
asked, which its batch carries too: so a batch that was created in the instant of a kill is found again.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from synth.config import Config
from synth.errors import StoreError
from synth.ids import digest
from synth.llm.batch_files import Bodies, line_of
from synth.writing import atomic, write_bytes

FOLDER = "batches"
State = Literal["prepared", "uploaded", "created", "ingested"]


class Shard(Config):
    """One batch; `left` are its calls that came back without an answer, which are asked one by one.

    `status` and `finished` are what the endpoint said last; `odd` counts lines that came back and were of no
    use; `passed_over` names batches of this shard whose results are gone.
    """

    name: str
    entry: str
    identity: str
    model: str
    stage: str
    url: str
    calls: int
    size: int
    state: State = "prepared"
    file_id: str | None = None
    batch_id: str | None = None
    status: str | None = None
    finished: int = 0
    left: int = 0
    odd: dict[str, int] = Field(default_factory=dict)
    passed_over: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether answers may still come of it."""
        return self.state != "ingested"


def read_shards(folder: Path) -> list[Shard]:
    """All shards of a journal's folder, in the order of their names.

    Raises:
        StoreError: a state cannot be understood.
    """
    shards = []
    for path in sorted((folder / FOLDER).glob("*.json")):
        try:
            shards.append(Shard.model_validate_json(path.read_bytes()))
        except (OSError, ValidationError) as fault:
            hint = "delete it, and the same batch is found again by its name"
            raise StoreError(f"{path} is damaged ({type(fault).__name__}); {hint}.") from fault
    return shards


class Shards:
    """The shards of one run; used by one thread at a time."""

    def __init__(self, journal_folder: Path) -> None:
        self._folder = journal_folder / FOLDER
        self._known = {shard.name: shard for shard in read_shards(journal_folder)}
        self._keys: dict[str, tuple[str, ...]] = {}
        self._sweep()
        self._owners = {key: shard.name for shard in self for key in self.keys(shard)}

    def __iter__(self) -> Iterator[Shard]:
        """All of them, as they are now."""
        return iter(list(self._known.values()))

    def keys(self, shard: Shard) -> tuple[str, ...]:
        """The keys of its calls, in order; none where all of them are answered.

        Raises:
            StoreError: their file is gone.
        """
        if shard.name not in self._keys:
            whole = shard.state == "ingested" and not shard.left
            self._keys[shard.name] = () if whole else tuple(self._read(shard).split())
        return self._keys[shard.name]

    def of(self, key: str) -> Shard | None:
        """The shard that a call belongs to, also where it came back without an answer."""
        name = self._owners.get(key)
        return None if name is None else self._known.get(name)

    def now(self, name: str) -> Shard | None:
        """A shard as it is now."""
        return self._known.get(name)

    def prepare(self, keys: Iterable[str], bodies: Mapping[str, dict[str, Any]], **facts: str) -> Shard:
        """A new shard of these keys, which are in order."""
        listed = tuple(keys)
        name = digest("shard", facts["identity"], facts["model"], facts["url"], listed)
        with atomic(self.path(name, "jsonl")) as temporary, temporary.open("wb") as file:
            for key in listed:
                file.write(line_of(key, bodies[key]))
            size = file.tell()
        write_bytes(self.path(name, "keys"), "\n".join(listed).encode())
        self._keys[name] = listed
        self._owners.update(dict.fromkeys(listed, name))
        return self.note(Shard(name=name, calls=len(listed), size=size, **facts))

    def note(self, shard: Shard) -> Shard:
        """Write down a state; from now on it holds after any kill."""
        write_bytes(self.path(shard.name, "json"), shard.model_dump_json(indent=2).encode() + b"\n")
        self._known[shard.name] = shard
        return shard

    def bodies(self, shard: Shard) -> Bodies:
        """The requests of a shard.

        Raises:
            StoreError: their file is gone or not as it was written.
        """
        try:
            return Bodies(self.path(shard.name, "jsonl"), self.keys(shard))
        except (OSError, ValueError) as fault:
            raise self._damaged(shard, "jsonl") from fault

    def close(self, shard: Shard) -> None:
        """Remove what an ingested shard no longer needs; the keys of unanswered calls stay."""
        self.path(shard.name, "jsonl").unlink(missing_ok=True)
        if not shard.left:
            self.path(shard.name, "keys").unlink(missing_ok=True)
            self._keys[shard.name] = ()

    def drop(self, shard: Shard) -> None:
        """Forget a shard of which nothing was asked."""
        for suffix in ("json", "jsonl", "keys"):
            self.path(shard.name, suffix).unlink(missing_ok=True)
        del self._known[shard.name]

    def path(self, name: str, suffix: str) -> Path:
        """The file of a shard."""
        return self._folder / f"{name}.{suffix}"

    def _sweep(self) -> None:
        """Finish what a killed process was about to remove, or had not yet written the state of."""
        for shard in self:
            if not shard.is_open:
                self.close(shard)
        for path in self._folder.glob("*.*"):
            if path.suffix in (".jsonl", ".keys") and path.name.partition(".")[0] not in self._known:
                path.unlink()

    def _read(self, shard: Shard) -> str:
        try:
            return self.path(shard.name, "keys").read_text(encoding="ascii")
        except (OSError, ValueError) as fault:
            raise self._damaged(shard, "keys") from fault

    def _damaged(self, shard: Shard, suffix: str) -> StoreError:
        state = self.path(shard.name, "json").name
        hint = f"delete {state} beside it, and the same batch is found again"
        return StoreError(f"{self.path(shard.name, suffix)} is missing or damaged; {hint}.")
