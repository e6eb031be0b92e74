"""A run whose settings changed: its old dataset is not taken for the new one, and each stage says why it is redone."""

import shutil
from pathlib import Path
from typing import Any

import pytest

import synth
from synth.changes import changes, outdated, sentence_of
from synth.config import RunConfig
from synth.dedup.index import Index
from synth.dedup.measuring import Measurer
from synth.errors import StoreError
from synth.export import export
from synth.facade import run_stage
from synth.pipeline import made_from, stage_of
from synth.places import home
from synth.prompts.library import PromptLibrary
from synth.report import manifests
from synth.runs import Run
from synth.stages.screen import scheme_of


def changed(config: RunConfig, section: str, **update: object) -> RunConfig:
    return config.model_copy(update={section: getattr(config, section).model_copy(update=update)})


def folder_of(config: RunConfig) -> Path:
    return synth.run(config, name="r").folder


def test_a_dataset_is_as_new_as_its_run(config: RunConfig, tmp_path: Path) -> None:
    folder = folder_of(config)
    assert outdated(folder) is None
    assert export(folder, "sft", tmp_path / "x.jsonl").rows > 0


def test_settings_that_changed_make_it_old_until_the_run_is_finished(
    config: RunConfig, tmp_path: Path
) -> None:
    folder = folder_of(config)
    other = changed(config, "screen", min_words=9)
    with Run.open(other, folder.parent, "r"):
        pass  # killed before it did anything
    assert outdated(folder) == "screen.min_words (9, was 3) changed"
    with pytest.raises(StoreError, match=r"older than its run \(screen.min_words"):
        export(folder, "sft", tmp_path / "x.jsonl")
    assert not (tmp_path / "x.jsonl").exists()
    folder_of(other)
    assert outdated(folder) is None


def test_a_stage_that_was_redone_makes_it_old(config: RunConfig) -> None:
    folder = folder_of(config)
    with Run.open(changed(config, "screen", min_words=9), folder.parent, "r") as opened:
        for stage in ("documents", "concepts", "graph", "combinations", "questions", "screen"):
            run_stage(opened, stage, lambda *_: None)
    assert "the stage screen was computed anew" in (outdated(folder) or "")


def test_another_model_makes_it_old(config: RunConfig) -> None:
    folder = folder_of(config)
    models = {"other": config.endpoints()["fake"].model_copy(update={"model": "fake-2"})}
    roles = config.roles.model_copy(update={"solver": "other"})
    with Run.open(config.model_copy(update={"models": models, "roles": roles}), folder.parent, "r"):
        pass
    assert outdated(folder) == "the model of the solver changed"


def test_what_cannot_change_rows_makes_nothing_old(config: RunConfig) -> None:
    folder = folder_of(config)
    with Run.open(config.model_copy(update={"tasks": 3}), folder.parent, "r"):
        pass
    assert outdated(folder) is None


def test_each_stage_says_why_it_is_redone(config: RunConfig) -> None:
    def heard(config: RunConfig) -> dict[str, str]:
        said: dict[str, str] = {}  # of each stage what it says first
        synth.run(config, name="r", explain=lambda stage, why: said.setdefault(stage, why) and None)
        return said

    assert set(heard(config).values()) == {"Computed for the first time."}
    other = changed(config, "screen", min_words=9)
    again = heard(other)
    assert again["questions"] == "Reused, as nothing that it depends on has changed."
    assert again["screen"] == "Computed anew, as screen.min_words (9, was 3) changed."
    assert again["answers"] == "Computed anew, as the rows of screen changed."
    folder = home() / "runs" / "r"
    part = manifests(folder)["dataset"].parts[0].files[0]
    (folder / part.path).write_bytes(b"")
    assert heard(other)["dataset"] == "Computed anew, as files of it are missing or damaged."


def test_every_kind_of_change_has_words(config: RunConfig) -> None:
    made = manifests(folder_of(config))["questions"].made_from
    new = {
        **made, "version": 0, "outside": "other", "prompts": {}, "models": {"generator": "m"},
        "asked": {}, "before": {**made["before"], "combinations": "x"},
    }  # fmt: skip
    said = changes(made, new)
    assert said[0] == "what the code of this stage makes"
    assert {"the model of the generator", "the rows of combinations", "the prompt level1.v1"} <= set(said)
    assert sentence_of(said).count(",") == 2
    assert sentence_of(said).endswith(" more changed")


def test_an_index_counts_by_what_it_holds_and_is_told_apart_from_benchmarks(
    config: RunConfig, tmp_path: Path
) -> None:
    scheme = scheme_of(config.screen)
    Index(tmp_path / "seen", scheme).add(
        "a", ["1"], Measurer(scheme).measure(["How fast is a falling ball?"])
    )
    shutil.copytree(tmp_path / "seen", tmp_path / "copy")
    named, copied = (changed(config, "screen", index=str(tmp_path / name)) for name in ("seen", "copy"))

    def made(of: RunConfig) -> dict[str, Any]:
        return made_from(stage_of("screen", of), of, PromptLibrary(None), lambda name: name, {})

    before = made(named)
    assert made(copied) == before
    assert changes(made(config), before) == changes(before, made(config)) == ["the questions of screen.index"]
    Index(tmp_path / "seen", scheme).add(
        "b", ["2"], Measurer(scheme).measure(["How heavy is a falling ball?"])
    )
    assert changes(before, made(named)) == ["the questions of screen.index"]
    (tmp_path / "bench.jsonl").write_text('{"question": "What is 1+1?"}')
    said = changes(before, made(changed(copied, "screen", benchmarks=(str(tmp_path / "bench.jsonl"),))))
    assert said[0] == "the benchmarks"  # the others are of who embeds
    assert not any("index" in one for one in said)
    renamed = {**before, "settings": {**before["settings"], "screen.twins": ""}}
    assert changes(renamed, before) == ["screen.twins (keep, was none)"]
