"""What has changed since: why a stage is computed anew, and whether a dataset is older than its run.

In: what a stage was made from (`made_from` of its manifest), and what it would be made from now. Out:
sentences for a person. Documents and models are not looked at, so a copy of a run folder can be judged.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from synth.errors import StoreError, SynthError
from synth.prompts.library import PromptLibrary
from synth.report import manifests, read_stats
from synth.road import stages_of
from synth.schemas import STAGES
from synth.standing import models_of, run_config

Made = Mapping[str, Any]
# A value that is longer than this says less than the name of its setting.
VALUE_CHARS = 40
NAMED = 3
# What a stage reads from outside; of others it is how answers are compared.
READ = {"documents": "the documents", "rollouts": "the training logs"}
# It stands there only where no index is named; what one holds is told of by its hash.
INDEX = "screen.index"


def changes(old: Made, new: Made) -> list[str]:
    """What differs between two `made_from`, in the words of the recipe."""
    said = ["what the code of this stage makes"] if old["version"] != new["version"] else []
    named = [key for key in _differing(old, new, "settings") if key != INDEX]
    said += [_setting(key, old["settings"], new["settings"]) for key in named]
    said += _outside(old["stage"], old["outside"], new.get("outside", old["outside"]))
    if old.get("limit") != new.get("limit"):
        said.append("how many combinations are asked")
    said += [f"the prompt {name}" for name in _differing(old, new, "prompts")]
    said += [f"the model of the {role}" for role in _differing(old, new, "models")]
    said += [f"what is asked of the {role}'s endpoint" for role in _differing(old, new, "asked")]
    return said + [f"the rows of {name}" for name in _differing(old, new, "before")]


def sentence_of(changed: list[str]) -> str:
    """The first few of many changes, as one piece of a sentence."""
    if len(changed) > NAMED + 1:
        changed = [*changed[:NAMED], f"{len(changed) - NAMED} more"]
    *most, last = changed or ["something"]
    return f"{', '.join(most)} and {last} changed" if most else f"{last} changed"


def outdated(run_folder: Path) -> str | None:
    """Why the published dataset is not what its run is set to make; None where it is, or there is none."""
    try:
        published: dict[str, str] = read_stats(run_folder)["fingerprints"]
    except (StoreError, KeyError):
        return None
    found = manifests(run_folder)
    if told := _other_road(run_folder, published):
        return told
    for stage in (stage for stage in STAGES if stage in published):
        if stage not in found or found[stage].fingerprint != published[stage]:
            return f"the stage {stage} was computed anew since, or has to be"
        if changed := _changed_settings(run_folder, found[stage].made_from):
            return sentence_of(changed)
    return None


def _other_road(run_folder: Path, published: Mapping[str, str]) -> str | None:
    """Which optional stage came to the road or left it since the dataset was published."""
    try:
        there = stages_of(run_config(run_folder))
    except SynthError:
        return None
    if added := [stage for stage in there if stage not in published]:
        return f"the stage {added[0]} was added"
    gone = [stage for stage in STAGES if stage in published and stage not in there]
    return f"the stage {gone[0]} is left out now" if gone else None


def _changed_settings(run_folder: Path, made: Made) -> list[str]:
    # Only here: it brings everything that a stage works with, which takes seconds.
    from synth.pipeline import made_from, stage_of

    try:
        config = run_config(run_folder)
        spec = stage_of(made["stage"], config)
        spec = replace(spec, version=made["version"], outside=lambda config: made["outside"])
        prompts = PromptLibrary(Path(config.prompts.dir) if config.prompts.dir else None)
        now = made_from(spec, config, prompts, models_of(config), made["before"])
    except SynthError:
        return []  # what is not on this machine cannot be held against the dataset
    # Which wave it was follows from the target, which the stage `dataset` is held to.
    kept = {"asked": made.get("asked", {}), "limit": made.get("limit")}
    now["models"] = {role: _as_told(model, made, role) for role, model in now["models"].items()}
    return changes(made, {**now, "settings": _known(now["settings"], made), **kept})


def _known(settings: Made, made: Made) -> Made:
    """Without the settings that a later version brought: by themselves they change no dataset.

    A target is there only where it is set.
    """
    known = made["settings"]
    return {key: value for key, value in settings.items() if key in known or key.startswith("target.")}


def _as_told(model: str, made: Made, role: str) -> str:
    """The identity of a model as the dataset's maker told it: the first ones named endpoints alone."""
    told = made["models"].get(role, "")
    return model if "#" in told else model.partition("#")[0]


def _differing(old: Made, new: Made, part: str) -> list[str]:
    one, other = old.get(part, {}), new.get(part, {})
    return [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]


def _outside(stage: str, old: str, new: str) -> list[str]:
    """Files: the screen has two kinds of them, the hash of the index behind that of the benchmarks."""
    if stage != "screen":
        return [] if old == new else [READ.get(stage, "what runs code or compares answers")]
    (benchmarks, _, index), (other, _, other_index) = old.partition(" "), new.partition(" ")
    said = ["the benchmarks"] if benchmarks != other else []
    return said + (["the questions of screen.index"] if index != other_index else [])


def _setting(key: str, old: Made, new: Made) -> str:
    was, now = (_value(values[key]) if key in values else "not set" for values in (old, new))
    return f"{key} ({now}, was {was})" if len(was) + len(now) <= VALUE_CHARS else key


def _value(value: Any) -> str:
    return (value or "none") if isinstance(value, str) else repr(value)
