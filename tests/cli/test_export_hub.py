"""`synth export --to hub` against a stand-in on loopback: what is pushed, and that the token stays where it is."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import constants
from typer.testing import Result

from tests.cli.hub import PLANTED_TOKEN, Hub

Synth = Callable[..., Result]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = Hub()
    monkeypatch.setenv("HF_ENDPOINT", made.url)
    monkeypatch.setenv("HF_TOKEN", PLANTED_TOKEN)
    # The other road of large files is a compiled client with servers of its own.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    yield made
    made.close()


def test_the_whole_dataset(synth: Synth, finished: Path, hub: Hub) -> None:
    done = synth("export", finished, "--to", "hub", "--out", "me/questions")
    assert done.exit_code == 0, done.output
    dataset = finished / "dataset"
    local = {p.relative_to(dataset).as_posix(): p.read_bytes() for p in dataset.rglob("*") if p.is_file()}
    assert hub.files["me/questions"] == local
    assert hub.private["me/questions"] is True
    assert f"{hub.url}/datasets/me/questions" in done.stdout


def test_a_form_with_splits_and_a_card(synth: Synth, finished: Path, hub: Hub) -> None:
    arguments = ("--format", "sft", "--test-share", "0.3", "--to", "hub", "--out", "me/sft", "--public")
    done = synth("export", finished, *arguments)
    assert done.exit_code == 0, done.output
    pushed = hub.files["me/sft"]
    assert sorted(pushed) == ["README.md", "data/test.parquet", "data/train.parquet"]
    rows = [pq.read_table(io.BytesIO(pushed[f"data/{s}.parquet"])).num_rows for s in ("train", "test")]
    assert sum(rows) == pq.read_table(finished / "dataset" / "questions").num_rows
    card = pushed["README.md"].decode()
    files = yaml.safe_load(card.split("---")[1])["configs"][0]["data_files"]
    assert [(f["split"], f["path"]) for f in files] == [
        ("train", "data/train.parquet"),
        ("test", "data/test.parquet"),
    ]
    assert "fake model, which is no language model" in card
    assert hub.private["me/sft"] is False


def test_an_existing_repository_is_written_to_with_force_only(synth: Synth, finished: Path, hub: Hub) -> None:
    hub.files["me/sft"] = {"data/test.parquet": b"old", "mine.txt": b"mine"}
    arguments = ("export", finished, "--format", "sft", "--to", "hub", "--out", "me/sft")
    done = synth(*arguments)
    assert done.exit_code == 2
    assert "--force" in done.stderr
    assert hub.files["me/sft"] == {"data/test.parquet": b"old", "mine.txt": b"mine"}
    assert synth(*arguments, "--force").exit_code == 0
    assert sorted(hub.files["me/sft"]) == ["README.md", "data/train.parquet", "mine.txt"]


def test_without_a_token_nothing_is_asked(
    synth: Synth, finished: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    done = synth("export", finished, "--format", "sft", "--to", "hub", "--out", "me/sft")
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "HF_TOKEN" in done.stderr
    assert hub.asked == []


@pytest.mark.parametrize("name", ["questions", "a/b/c", "../x/y", "https://hub/a", "a /b"])
def test_what_is_no_repository(synth: Synth, finished: Path, hub: Hub, name: str) -> None:
    done = synth("export", finished, "--to", "hub", "--out", name)
    assert done.exit_code == 2
    assert "OWNER/NAME" in done.stderr
    assert hub.asked == []


@pytest.mark.parametrize("status", [401, 403, 400])
def test_a_refusal_shows_no_token(
    synth: Synth,
    finished: Path,
    hub: Hub,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("SYNTH_DEBUG", "1")
    hub.fault = (status, f"refused for {PLANTED_TOKEN}")
    done = synth("export", finished, "--format", "sft", "--to", "hub", "--out", "me/sft")
    assert done.exit_code == 1
    assert "did not take me/sft" in done.stderr
    shown = done.output + done.stderr + caplog.text + repr(done.exception)
    assert PLANTED_TOKEN not in shown


def test_a_hub_that_is_not_there(
    synth: Synth, finished: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.close()
    monkeypatch.setattr("time.sleep", lambda _: None)
    done = synth("export", finished, "--format", "sft", "--to", "hub", "--out", "me/sft")
    assert done.exit_code == 1
    assert "did not take me/sft" in done.stderr
