"""What a notebook sees: tables of a run by name, and the names of the package itself."""

from pathlib import Path

import pytest

import synth
from synth.config import RunConfig
from synth.errors import ConfigError, StoreError
from synth.report import manifests
from synth.versions import publish_run


def test_rejected_rows_of_all_stages_are_one_table(config: RunConfig) -> None:
    documents = config.documents.model_copy(update={"sample": 3})
    folder = synth.run(config.model_copy(update={"documents": documents})).folder
    rejected = synth.load(folder, "rejected")
    counts = {stage: m.rejected for stage, m in manifests(folder).items() if m.rejected}
    assert len(counts) > 1
    assert dict(rejected["stage"].value_counts()) == counts
    assert list(synth.load(folder, "rejected", ["reason"]).columns) == ["reason"]


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no stage has finished"):
        synth.load(tmp_path, "rejected")
    with pytest.raises(ConfigError, match="rejected"):
        synth.load(tmp_path, "accepted")


def test_a_published_dataset_and_its_newest_version(config: RunConfig, tmp_path: Path) -> None:
    sample = config.documents.model_copy(update={"sample": 2})
    few = synth.run(config.model_copy(update={"documents": sample}), name="few")
    every = synth.run(config, name="every")
    for one in (few, every):
        publish_run(tmp_path / "mine", one.dataset)
    assert sorted(ids(few.folder)) != sorted(ids(every.folder))
    assert sorted(ids(tmp_path / "mine")) == sorted(ids(every.folder))
    assert sorted(ids(tmp_path / "mine/v0001")) == sorted(ids(few.folder))
    with pytest.raises(ConfigError, match=r"v0002 has no table 'answers'; load it from a run"):
        synth.load(tmp_path / "mine", "answers")


def test_the_package_lists_what_it_loads_on_first_use() -> None:
    assert {"Result", "load", "recipe", "run", "__doc__"} <= set(dir(synth))


def ids(folder: Path) -> list[str]:
    return list(synth.load(folder, "dataset")["id"])
