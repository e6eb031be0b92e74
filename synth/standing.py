"""Where a run stands: which stages are finished, how many parts of the next lie on disk, and who is at work.

In: a run folder. Out: one line per stage. Neither documents nor models are looked at, so this works on a
copy of a run folder, and while the run goes on.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from synth.config import RunConfig
from synth.errors import ConfigError
from synth.ids import digest
from synth.lock import is_locked
from synth.places import dataset_of
from synth.prompts.library import PromptLibrary
from synth.report import manifests
from synth.road import stages_of
from synth.schemas import TABLES, main_table
from synth.settings import build, read_recipe
from synth.store import Manifest, StageStore, part_key

if TYPE_CHECKING:
    from synth.stage import Stage

State = Literal["finished", "at work", "partly", "to do"]


class StageStanding(NamedTuple):
    """One stage; `parts` is None as long as the input that is cut into parts is not known.

    While a process holds the run, the first stage that is not finished is `at work`: it writes nothing until
    its first part is done, which may take hours.
    """

    stage: str
    state: State
    done: int
    parts: int | None
    rows: int | None
    rejected: int | None


class Standing(NamedTuple):
    """A run: its stages, whether its dataset is published, whether a process holds it."""

    stages: list[StageStanding]
    published: bool
    at_work: bool


def standing(run_folder: Path) -> Standing:
    """Where a run stands.

    Raises:
        ConfigError: the folder holds no run.
    """
    config = run_config(run_folder)
    finished = manifests(run_folder)
    stages = [_stage(run_folder, stage, config, finished) for stage in stages_of(config)]
    published = (dataset_of(run_folder) / "stats.json").is_file() and len(finished) == len(stages)
    at_work = is_locked(run_folder)
    return Standing(_marked(stages) if at_work else stages, published, at_work)


def _marked(stages: list[StageStanding]) -> list[StageStanding]:
    first = next((one for one in stages if one.state != "finished"), None)
    return [one._replace(state="at work") if one is first else one for one in stages]


def run_config(run_folder: Path) -> RunConfig:
    """The configuration that a run folder was made with.

    Raises:
        ConfigError: the folder holds no run, or one of another version.
    """
    path = run_folder / "run.toml"
    if not path.is_file():
        raise ConfigError(f"{run_folder} holds no run: there is no run.toml in it.")
    return build(read_recipe(str(path)))


def _stage(folder: Path, name: str, config: RunConfig, finished: Mapping[str, Manifest]) -> StageStanding:
    if manifest := finished.get(name):
        parts, rows = len(manifest.parts), manifest.outputs.get(main_table(name), 0)
        return StageStanding(name, "finished", parts, parts, rows, manifest.rejected)
    # Only here: it brings everything that a stage works with, which takes seconds.
    from synth.pipeline import stage_of, stages_before

    spec = stage_of(name, config)
    before = {name: finished[name].outcome for name in stages_before(spec) if name in finished}
    if spec.cut is None or len(before) < len(stages_before(spec)):
        return StageStanding(spec.name, "to do", 0, 1 if spec.cut is None else None, None, None)
    keys = _keys(folder, spec, config, before)
    store = StageStore(folder, spec.name)
    done = sum(store.finished(index, key) is not None for index, key in enumerate(keys))
    return StageStanding(spec.name, "partly" if done else "to do", done, len(keys), None, None)


def _keys(folder: Path, spec: "Stage", config: RunConfig, before: Mapping[str, str]) -> list[str]:
    """Keys of the parts that the stage has to make, as the run itself works them out."""
    from synth.pipeline import made_from
    from synth.waves import limit_now

    prompts = PromptLibrary(Path(config.prompts.dir) if config.prompts.dir else None)
    fingerprint = digest("stage", made_from(spec, config, prompts, models_of(config), before), size=16)
    table = str(spec.cut)
    rows = StageStore(folder, TABLES[table].stage).read(table)
    ids = rows[TABLES[table].key].to_pylist()
    if table == "combinations":
        ids = ids[: limit_now(folder, rows["level"].to_pylist(), config, prompts, models_of(config))]
    size = config.part_rows
    return [part_key(fingerprint, i // size, ids[i : i + size]) for i in range(0, len(ids), size)]


def models_of(config: RunConfig) -> Callable[[str], str]:
    """The identity of each entry's model, as the client of a run names it."""
    from synth.llm.endpoint import Endpoint
    from synth.llm.limits import Backoff

    entries = config.endpoints()
    return lambda entry: Endpoint(entry, entries[entry], Backoff()).model
