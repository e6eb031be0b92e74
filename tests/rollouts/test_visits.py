"""Who is asked: entries of a recipe, of settings, or models by name; every fault before a call."""

from pathlib import Path

import pytest

from synth.errors import ConfigError
from synth.rollouts.visits import visits_of

RECIPE = """
[models.step100]
base_url = "fake:"
model = "mine-100"

[models.step200]
base_url = "fake:"
model = "mine-200"

[difficulty]
attempts = 12

[prompts.attempts_sampling]
temperature = 0.6
"""


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "checkpoints.toml"
    path.write_text(RECIPE)
    return str(path)


def test_the_entries_of_a_recipe_are_the_visits(recipe: str) -> None:
    visits = visits_of(recipe=recipe)
    assert visits.entries == ("step100", "step200")
    assert (visits.attempts, visits.sampling.temperature) == (12, 0.6)
    assert visits_of(["step200"], recipe).entries == ("step200",)
    other = visits_of(recipe=recipe, attempts=4, sampling={"temperature": 1.0, "max_tokens": 99})
    assert (other.attempts, other.sampling.temperature, other.sampling.max_tokens) == (4, 1.0, 99)


def test_a_recipe_with_a_student_has_one_visit(recipe: str) -> None:
    student = ['roles.student="step200"', 'roles.generator="step100"']
    assert visits_of(recipe=recipe, overrides=student).entries == ("step200",)


def test_models_by_name_lie_at_the_address_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    visits = visits_of(["qwen2.5-step100", "qwen2.5-step200"])
    found = [visits.config.models[name] for name in visits.entries]
    assert [entry.model for entry in found] == ["qwen2.5-step100", "qwen2.5-step200"]
    assert {entry.base_url for entry in found} == {"http://127.0.0.1:9/v1"}


@pytest.mark.parametrize(
    ("models", "overrides", "said"),
    [
        ([], [], "There is no visit; name a model"),
        (["gpt"], [], "models.gpt.api_key_env: the variable OPENAI_API_KEY is not set"),
        (["wordllama"], [], "--model wordllama: it gives embeddings only"),
        (["fake", "fake"], [], "--model fake: it is named twice"),
        (["b"], ['models.a={base_url="fake:", model="a"}'], "--model b: there is no such entry in [models]"),
        ([], ['models.a={base_url="ftp:x", model="a"}'], "models.a: base_url must begin with"),
        (
            [],
            ['models.a={base_url="fake:", model="a"}', 'models.b={base_url="fake:", model="a"}'],
            "models.b: it asks the very same as models.a",
        ),
        (
            [],
            ['models.a={base_url="http://127.0.0.1:9/v1", model="a"}', "budget.money=1"],
            "budget.money: the price of models.a is not known",
        ),
        (["fake"], ["prompts.attempt=attempt.v9"], "prompts.attempt: "),
    ],
)
def test_faults_are_told_in_one_sentence(models: list[str], overrides: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        visits_of(models, overrides=overrides)
    assert said in str(caught.value)
    assert len(caught.value.faults) == 1


@pytest.mark.parametrize("attempts", [0, 1001])
def test_attempts_have_bounds(attempts: int) -> None:
    with pytest.raises(ConfigError, match="give 1 to 1,000"):
        visits_of(["fake"], attempts=attempts)


def test_checkpoints_behind_one_address_are_told_apart_by_what_they_are_asked_with() -> None:
    same = 'base_url="http://127.0.0.1:9/v1", model="a"'
    told = [f"models.a={{{same}}}", f'models.b={{{same}, identity="second"}}']
    assert visits_of(overrides=told).entries == ("a", "b")
    adapters = [f"models.{name}={{{same}, extra_body={{adapter={n}}}}}" for n, name in enumerate("ab")]
    assert visits_of(overrides=adapters).entries == ("a", "b")
