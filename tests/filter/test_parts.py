"""The first set, what is held out, and what is told on the way, each by itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synth.config import RunConfig
from synth.filter import distil, ratings
from synth.filter.cold_start import first_set, subjects_of
from synth.filter.draw import drawn
from synth.filter.ratings import Rated, rate
from synth.llm import fake_text
from synth.llm.client import Client
from synth.llm.journal import Journal
from synth.pipeline import BY_NAME, made_from
from synth.prompts.library import PromptLibrary
from synth.settings import load
from synth.stages.calls import Services
from tests.filter.conftest import listing, prose


@pytest.fixture
def filtering(tmp_path: Path) -> RunConfig:
    settings = ["filter.mode=distil", "filter.positives=4", 'filter.subjects=["slopes"]']
    return load("synthllm-recommended", [str(tmp_path)], "fake", overrides=settings)


@pytest.fixture
def services(filtering: RunConfig, tmp_path: Path) -> Iterator[Services]:
    with Journal(tmp_path / "calls") as journal, Client(filtering.endpoints(), journal) as client:
        yield Services(client, PromptLibrary(), tmp_path)


def rows(texts: list[str]) -> list[dict[str, Any]]:
    return [
        {"passage_id": f"p{n:03d}", "source": "a.md", "title": "", "language": "en", "text": t}
        for n, t in enumerate(texts)
    ]


def test_the_first_set_resembles_what_was_written(filtering: RunConfig, services: Services) -> None:
    asked: list[str] = []

    def like(text: str) -> list[float]:
        asked.append(text)
        return [1.0, 0.0]  # of the documents that the rater writes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake_text, "embed", like)
        vectors = np.array([[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 45, np.float32)
        ids = [f"p{n:03d}" for n in range(50)]
        found = first_set(ids, vectors, "en", filtering, services)
    assert found.ids == frozenset(ids[:5])
    assert found.written == len(asked) == 4
    assert all("slopes" in text for text in asked)


@pytest.mark.parametrize(
    ("domain", "set_to", "subjects"),
    [("medicine", (), ("medicine",)), ("mathematics", ("knots",), ("knots",))],
)
def test_subjects_are_those_named_or_the_domain(
    filtering: RunConfig, domain: str, set_to: tuple[str, ...], subjects: tuple[str, ...]
) -> None:
    settings = filtering.filter.model_copy(update={"subjects": set_to})
    assert subjects_of(filtering.model_copy(update={"domain": domain, "filter": settings})) == subjects
    assert len(subjects_of(RunConfig())) > 1


def test_progress_goes_on_over_chunks(
    filtering: RunConfig, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratings, "AT_ONCE", 4)
    heard: list[tuple[int, int]] = []
    told = Services(services.client, services.prompts, services.folder, lambda *at: heard.append(at))
    ids = {f"p{n:03d}" for n in range(10)}
    found = [*rate(lambda: iter(rows([prose(n) for n in range(12)])), ids, 10, filtering, told)]
    assert {passage_id for passage_id, _ in found} == ids
    assert [done for done, _ in heard] == list(range(1, 11))
    assert {total for _, total in heard} == {10}


def test_what_is_held_out_is_not_learnt_from(filtering: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    learnt: list[int] = []
    fit = distil.fit

    def seen(kind: Any, features: Any, values: Any, seed: int) -> Any:
        learnt.append(len(features))
        return fit(kind, features, values, seed)

    monkeypatch.setattr(distil, "fit", seen)
    ids = [f"p{n:03d}" for n in range(40)]
    features = np.array([fake_text.embed(prose(n) if n % 2 else listing(n)) for n in range(40)], np.float32)
    columns = {"model": "m", "prompt_id": "rating.v1", "call_id": "c"}
    rated = {i: Rated(9 if n % 2 else 1 + n % 3, "", "", columns, "") for n, i in enumerate(ids)}
    scores, said = distil._learn(distil.Embedded(ids, features, {}, "en"), rated, filtering)
    assert learnt == [36]
    assert said.startswith("40 ratings; rank correlation of rater and classifier on 4 held out")
    assert (scores[1::2] > scores[::2].max()).all()


def test_draws_are_nested_and_know_no_order() -> None:
    ids = [f"p{n}" for n in range(100)]
    few, many = drawn(ids, 10, 0, "x"), drawn(ids[::-1], 30, 0, "x")
    assert set(few) < set(many)
    assert set(few) != set(drawn(ids, 10, 0, "y"))
    assert set(few) != set(drawn(ids, 10, 1, "x"))
    assert drawn([], 5, 0, "x") == []


def test_another_embedder_is_another_stage(filtering: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(prose(1))

    def made(config: RunConfig) -> dict[str, Any]:
        stage = BY_NAME["documents"]
        return made_from(stage, config, PromptLibrary(), lambda entry: entry, {})

    roles = filtering.roles.model_copy(update={"embedder": "wordllama"})
    assert made(filtering)["models"] == {"rater": "fake", "embedder": "fake"}
    assert made(filtering.model_copy(update={"roles": roles}))["models"]["embedder"] == "wordllama"
    assert set(made(filtering)["prompts"]) == {"rating.v1", "document.v1"}
