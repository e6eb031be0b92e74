"""What a worker does, in a process of its own, perhaps on another machine: parts of stages, shares of parts.

In: a small job that says where the run lies. Out: what was made is in the run's folder; what comes back says
so, or is one of our own errors. Neither Prefect nor its server is needed here, and no key of an endpoint.
"""

import hashlib
import sys
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import cast

import synth
from synth.ahead import Share
from synth.config import RunConfig
from synth.errors import SynthError
from synth.llm.carried import Carried
from synth.llm.carrier import Address
from synth.llm.client import Client
from synth.store import PartRecord, StageStore
from synth.workplace import Workplace
from synth.writing import write_bytes

# Written by who holds the run; a worker that sees it sees the same folder.
HERE = ".here"


@dataclass(frozen=True, slots=True)
class Job:
    """One part of a stage."""

    folder: Path
    config: RunConfig
    stage: str
    index: int
    key: str
    size: int


_places: dict[tuple[Path, Address], Workplace] = {}


def work(job: Job) -> PartRecord | SynthError:
    """Do one part, or find it done."""
    try:
        finished = StageStore(job.folder, job.stage).finished(job.index, job.key)
        if finished is not None:
            return finished
        place = _place(job)
        with cast(Carried, place.client).telling(job.stage, job.index) as tell:
            return place.make(job.stage, job, tell)
    except SynthError as fault:
        return fault


def share(job: Job, share: Share) -> SynthError | None:
    """Do one share of a part, or find it done."""
    try:
        place = _place(job)
        with cast(Carried, place.client).telling(job.stage, job.index) as tell:
            place.share(job.stage, job.key, share, tell)
    except SynthError as fault:
        return fault
    return None


def look(run_folder: Path, token: str, code: str) -> list[str]:
    """What a worker lacks, in sentences: the same code, the run's folder, who makes the calls."""
    if code != code_of():
        return [
            f"it runs other code ({code_of()}, here {code}); install the same version of synth and Python"
        ]
    try:
        if (run_folder / HERE).read_text() != token:
            return [f"{run_folder} is another folder there; put the runs where all machines see them"]
        write_bytes(run_folder / f"{HERE}-{token}", b"")
    except FileNotFoundError:
        return [f"{run_folder} is not there; put the runs where all machines see them (`--out`)"]
    except (OSError, SynthError) as fault:
        return [f"{run_folder} cannot be written there ({fault})"]
    try:
        Carried(run_folder).is_there()
    except SynthError as fault:
        return [str(fault)]
    return []


@cache
def code_of() -> str:
    """Python, the package, and a hash of its source: what has to be the same everywhere."""
    code = hashlib.sha256()
    for root in (Path(synth.__file__).parent, Path(__file__).parent):
        for path in sorted(root.rglob("*.py")):
            code.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    python = ".".join(map(str, sys.version_info[:2]))
    return f"synth {metadata.version('synth')}, code {code.hexdigest()[:12]}, Python {python}"


def _place(job: Job) -> Workplace:
    """The workplace of a run, which keeps the tables that it has read; those of other runs are dropped."""
    where = job.folder, Address.of(job.folder)
    place = _places.get(where)
    if place is None or place.config != job.config:
        _places.clear()
        place = _places[where] = Workplace(job.config, job.folder, cast(Client, Carried(job.folder)))
    return place
