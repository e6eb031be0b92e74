"""Documents that are worth reading and such that are not, and the stage that tells them apart."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from synth.config import RunConfig
from synth.facade import run_stage
from synth.llm import fake
from synth.runs import Run
from synth.settings import load
from synth.store import Manifest, StageStore

NOUNS = ("slope", "line", "angle", "circle", "sum", "proof", "limit", "integer", "vector", "matrix", "root")


def prose(seed: int) -> str:
    rng = random.Random(seed)
    said = (
        f"The {rng.choice(NOUNS)} of a {rng.choice(NOUNS)} is found from its {rng.choice(NOUNS)} in step {n}."
        for n in rng.sample(range(100, 999), 14)
    )
    return " ".join(said)


def listing(seed: int) -> str:
    rng = random.Random(seed)
    return "\n".join(f"{rng.choice(NOUNS)}, {rng.randint(1, 999)}, {rng.randint(1, 999)}" for _ in range(50))


class Made(NamedTuple):
    """What the stage `documents` made: kept and rejected passages by source, and its notes."""

    kept: dict[str, dict[str, Any]]
    rejected: dict[str, dict[str, Any]]
    notes: tuple[str, ...]
    manifest: Manifest
    why: str
    calls: int
    reused: int


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Thirty pages of prose and twenty of lists."""
    folder = tmp_path / "library"
    folder.mkdir()
    for n in range(30):
        (folder / f"prose{n:02d}.txt").write_text(prose(n))
    for n in range(20):
        (folder / f"list{n:02d}.txt").write_text(listing(n))
    return folder


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Made]:
    """Run the stage `documents` with the fake model; settings as on the command line."""

    def run(folder: Path, *settings: str, name: str = "r") -> Made:
        config = load(
            "synthllm-recommended", [str(folder)], "fake", overrides=["documents.readers=1", *settings]
        )
        return work(config, tmp_path / "runs", name)

    return run


def work(config: RunConfig, runs: Path, name: str) -> Made:
    with Run.open(config, runs, name) as opened:
        why = opened.plan("documents").why
        manifest = run_stage(opened, "documents", lambda *_: None)
        store = StageStore(opened.folder, "documents")
        kept, rejected = store.read("passages").to_pylist(), store.read("rejected").to_pylist()
        calls, reused = opened.client.calls_made, opened.client.calls_reused
    sources = {row["document_id"]: row["source"] for row in store.read("documents").to_pylist()}
    fallen = {sources.get(row["source"], row["source"]): row for row in rejected}
    return Made({row["source"]: row for row in kept}, fallen, manifest.notes, manifest, why, calls, reused)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str, dict[str, Any]], Any]], None]:
    """Replace replies of the fake model: the function gets the schema's name and the body; None is as ever."""

    def use(say: Callable[[str, dict[str, Any]], Any]) -> None:
        plain = fake.FakeModel._plain

        def reply(self: fake.FakeModel, body: dict[str, Any], name: str) -> fake.FakeReply:
            kind = ((body.get("response_format") or {}).get("json_schema") or {}).get("name", "text")
            said = say(kind, body)
            if said is None:
                return plain(self, body, name)
            return fake.FakeReply(said) if isinstance(said, str) else said

        monkeypatch.setattr(fake.FakeModel, "_plain", reply)

    return use
