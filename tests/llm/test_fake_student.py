"""A fake student as it is scripted: weak where it was told to be, for the model that it was told of."""

import pytest

from synth.config import ModelConfig
from synth.errors import ConfigError
from synth.llm.endpoint import Endpoint
from synth.llm.fake import FakeModel
from synth.llm.fake_student import Ability, ability_of
from synth.llm.limits import Backoff
from synth.verify.final_answer import final_answer

RIGHT = "17"  # of 3 · 4 + 5


def rate(model: FakeModel, subject: str, name: str = "step1", tries: int = 200) -> float:
    problem = f"<problem>\nIn {subject}, 3 boxes hold 4 balls each and 5 lie beside. How many?\n</problem>"
    messages = [{"role": "user", "content": problem}]
    bodies = [{"model": name, "messages": messages, "seed": seed} for seed in range(tries)]
    return sum(final_answer(model.reply(body).content or "") == RIGHT for body in bodies) / tries


@pytest.mark.parametrize(
    ("text", "ability"),
    [
        ("0.9", Ability(0.9)),
        ("geometry=0", Ability(0.0, "geometry")),
        ("plane geometry @ step200 = 0.8", Ability(0.8, "plane geometry", "step200")),
        ("@step200=1", Ability(1.0, "", "step200")),
        ("a=b@c=0.5", Ability(0.5, "a=b", "c")),
    ],
)
def test_an_ability_as_it_is_written(text: str, ability: Ability) -> None:
    assert ability_of(text) == ability


@pytest.mark.parametrize("text", ["", "geometry", "geometry=", "2", "x=-0.1", "x=nan"])
def test_what_is_no_ability(text: str) -> None:
    with pytest.raises(ValueError, match="is not WORDS@MODEL=SHARE"):
        ability_of(text)
    entry = ModelConfig(base_url=f"fake:?ability={text or '='}", model="m")
    with pytest.raises(ConfigError, match=r"models\.m: .* is no fake model"):
        _ = Endpoint("m", entry, Backoff(), None).transport


def test_the_last_ability_that_fits_counts() -> None:
    model = FakeModel(abilities=[*map(ability_of, ("1", "Geometry=0", "geometry@step2=0.5"))])
    assert rate(model, "algebra") == rate(model, "algebra", "step2") == 1
    assert rate(model, "geometry") == 0
    assert 0.4 < rate(model, "geometry", "step2") < 0.6
    assert rate(model, "geometry", "step2") == rate(
        FakeModel(abilities=model._abilities), "geometry", "step2"
    )


def test_without_abilities_a_student_is_what_it_was() -> None:
    drawn = [rate(FakeModel(), subject, tries=40) for subject in ("a", "b", "c", "d", "e", "f")]
    assert len(set(drawn)) > 3
    other = [ability_of("geometry=0.1")]
    assert [rate(FakeModel(abilities=other), s, tries=40) for s in ("a", "b", "c", "d", "e", "f")] == drawn
