"""The waves of a run that has a target: each asks more combinations, until enough rows are accepted.

In: an open run whose combinations are there. Out: one `Wave` at a time, for whoever runs its stages; the
limit of the run is set to it. What a wave asked and what came of it is kept in `waves.json`, so that a run
that is repeated begins at its last wave. That file is a cache: without it the waves are walked again, with
every call answered by the journal and every part found on disk, and come out the same.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from synth.config import Config, RunConfig
from synth.ids import digest
from synth.pipeline import PIPELINE, made_from, stage_of, stages_before
from synth.prompts.library import PromptLibrary
from synth.report import manifests
from synth.road import stages_of
from synth.runs import Run
from synth.target import Walked, next_limit
from synth.writing import write_bytes

# The identity of an entry's model.
Model = Callable[[str], str]

FILE = "waves.json"
_NAMES = tuple(stage.name for stage in PIPELINE)
_FIRST, _AFTER = _NAMES.index("questions"), _NAMES.index("dataset")
BEFORE, WAVED, AFTER = _NAMES[:_FIRST], _NAMES[_FIRST:_AFTER], _NAMES[_AFTER:]


class Wave(NamedTuple):
    """A wave that is to be run: its number from 1, and a sentence for a person (none without a target)."""

    number: int
    said: str = ""


class _Known(Config):
    """What is kept of waves: rows by combinations asked; `depends` is what else they depend on."""

    depends: str
    accepted: dict[int, int]
    digest: str

    @property
    def is_sound(self) -> bool:
        """Whether nothing in it was changed."""
        return self.digest == _digest(self.depends, self.accepted)


def waves(run: Run) -> Iterator[Wave]:
    """The waves that a run still has to make, one at least; run the stages `waved` for each.

    The last is given also where it was made before: its stages then find that nothing is to be done.
    """
    run.limit = None
    if not run.config.target.is_set:
        yield Wave(1)
        return
    most = most_rows(run.table("combinations")["level"].to_pylist(), run.config)
    target, limit = run.config.target.rows, ceiling(run.config, len(most))
    depends = _depends(run.folder, run.config, run.prompts, run.client.model)
    known = read(run.folder, depends)
    walked: list[Walked] = []
    while (asked := next_limit(walked, target, most, limit)) is not None:
        one = Walked(asked, known.get(asked, 0))
        if asked in known and next_limit([*walked, one], target, most, limit) is not None:
            walked.append(one)
            continue
        # Without a limit where all are asked: then the rows are those of a run without a target.
        run.limit = asked if asked < len(most) else None
        yield Wave(len(walked) + 1, _said(walked, asked, len(most), target))
        walked.append(Walked(asked, _accepted(run)))
        if _is_whole(run) and known.get(asked) != walked[-1].accepted:
            known[asked] = walked[-1].accepted
            _write(run.folder, depends, known)
        run.waves = tuple(walked)


def road(run: Run) -> Iterator[tuple[str, Wave]]:
    """Every stage in the order in which they are to be run, with its wave."""
    yield from ((stage, Wave(1)) for stage in first(run.config))
    for wave in waves(run):
        yield from ((stage, wave) for stage in waved(run.config))
    yield from ((stage, Wave(1)) for stage in AFTER)


def first(config: RunConfig) -> tuple[str, ...]:
    """The stages before all waves: those of `BEFORE` that the configuration has."""
    return tuple(stage for stage in stages_of(config) if stage in BEFORE)


def waved(config: RunConfig) -> tuple[str, ...]:
    """The stages of a wave: those of `WAVED` that the configuration has."""
    return tuple(stage for stage in stages_of(config) if stage in WAVED)


def most_rows(levels: Sequence[str], config: RunConfig) -> list[int]:
    """How many rows each combination and all before it can give at most, given the levels of all."""
    asked = config.questions
    each = {
        f"level{level}": asked.samples * int(getattr(asked, f"level{level}_per_call")) for level in (1, 2, 3)
    }
    each["targeted"] = asked.samples
    return list(accumulate(each[level] for level in levels))


def ceiling(config: RunConfig, combinations: int) -> int:
    """How many combinations may be asked."""
    return min(combinations, config.target.candidates or combinations)


def limit_now(
    run_folder: Path, levels: Sequence[str], config: RunConfig, prompts: PromptLibrary, model: Model
) -> int | None:
    """The limit of the wave at which a run stands, as far as its folder tells; None without a target."""
    if not config.target.is_set:
        return None
    most, limit = most_rows(levels, config), ceiling(config, len(levels))
    known = read(run_folder, _depends(run_folder, config, prompts, model))
    walked: list[Walked] = []
    while (asked := next_limit(walked, config.target.rows, most, limit)) is not None:
        walked.append(Walked(asked, known.get(asked, 0)))
        if asked not in known:
            break
    return walked[-1].limit


def read(run_folder: Path, depends: str) -> dict[int, int]:
    """Rows accepted by combinations asked; empty where nothing is known that holds for what is asked now."""
    try:
        known = _Known.model_validate_json((run_folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return {}
    return dict(known.accepted) if known.is_sound and known.depends == depends else {}


def _write(run_folder: Path, depends: str, accepted: dict[int, int]) -> None:
    ordered = dict(sorted(accepted.items()))
    known = _Known(depends=depends, accepted=ordered, digest=_digest(depends, ordered))
    write_bytes(run_folder / FILE, (known.model_dump_json(indent=2) + "\n").encode())


def _digest(depends: str, accepted: dict[int, int]) -> str:
    return digest("waves", depends, sorted(accepted.items()))


def _depends(run_folder: Path, config: RunConfig, prompts: PromptLibrary, model: Model) -> str:
    """What the rows of a wave depend on beside its limit: no target, so that a later one finds them."""
    done = manifests(run_folder)
    made = []
    for spec in (stage_of(name, config) for name in waved(config)):
        before = {name: done[name].outcome for name in stages_before(spec) if name in BEFORE}
        made.append(made_from(spec, config, prompts, model, before))
    return digest("waves", made, size=16)


def _accepted(run: Run) -> int:
    """Questions that came through every stage of the wave that was run last."""
    return manifests(run.folder)[waved(run.config)[-1]].parents


def _is_whole(run: Run) -> bool:
    """Whether nothing of a wave fell for want of an answer: if so, a later run asks for it again."""
    done = manifests(run.folder)
    return all(done[name].is_whole for name in waved(run.config))


def _said(walked: Sequence[Walked], asked: int, combinations: int, target: int) -> str:
    said = f"Wave {len(walked) + 1} asks the first {asked:,} of {combinations:,} combinations"
    if not target:
        return f"{said}."
    return f"{said}; {walked[-1].accepted if walked else 0:,} of {target:,} rows are there."
