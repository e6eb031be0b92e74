"""`synth init` and `synth check`."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.testing import Result

from synth.config import ModelConfig, RunConfig
from synth.recipes.template import explanation, template
from synth.settings import load, read_recipe
from tests.endpoints import FakeEndpoint

Synth = Callable[..., Result]


def sections(config: BaseModel) -> Iterator[type[BaseModel]]:
    yield type(config)
    for name in type(config).model_fields:
        if isinstance(value := getattr(config, name), BaseModel):
            yield from sections(value)


def settings() -> Iterator[tuple[type[BaseModel], str]]:
    for section in {*sections(RunConfig()), ModelConfig}:
        for name, field in section.model_fields.items():
            if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
                yield section, name


def test_the_template_is_the_defaults(synth: Synth, tmp_path: Path) -> None:
    assert synth("init", "mine.toml").exit_code == 0
    tree = read_recipe(str(tmp_path / "mine.toml"))
    assert load(str(tmp_path / "mine.toml")) == RunConfig()
    # Each default stands there, so that a later default does not change a recipe that was written today.
    assert tree["combinations"]["epochs"] == RunConfig().combinations.epochs


def test_every_setting_stands_in_it_and_is_explained() -> None:
    text = template()
    for section, name in settings():
        assert len(explanation(section, name).split()) > 2, f"{section.__name__}.{name}"
        assert re.search(rf"^(# )?{name} = \S|^\[{name}\]", text, re.MULTILINE), f"{section.__name__}.{name}"
    assert max(map(len, text.splitlines())) <= 110


def test_what_is_commented_out_can_be_switched_on(tmp_path: Path) -> None:
    text = re.sub(r"^# (\w+ = |\[models\.big\])", r"\1", template(), flags=re.MULTILINE)
    text = text.replace("64 hexadecimal digits", "0" * 64)
    (tmp_path / "all.toml").write_text(text)
    config = load(str(tmp_path / "all.toml"))
    assert config.models["big"].max_in_flight == ModelConfig.model_fields["max_in_flight"].default
    assert config.documents.text_column == "text"


def test_a_recipe_is_not_overwritten_unless_it_is_asked_for(synth: Synth, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("mine")
    done = synth("init")
    assert done.exit_code == 2
    assert "--force" in done.stderr
    assert (tmp_path / "recipe.toml").read_text() == "mine"
    assert synth("init", "--force").exit_code == 0


def test_check_says_what_would_run_and_writes_nothing(synth: Synth, home: Path, documents: Path) -> None:
    done = synth("check", "synthllm-recommended", "--documents", documents, "--model", "fake", "--name", "n")
    assert done.exit_code == 0, done.output
    assert "3 files" in done.stdout
    assert "(new)" in done.stdout
    assert not home.exists()


def test_check_says_where_a_broker_would_be(
    synth: Synth,
    documents: Path,
    start_fake: Callable[..., FakeEndpoint],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("SYNTH_RUNTIME_DIR", "/nowhere/synth")
    entry = f'models.far={{base_url="{start_fake().url}", model="fake", broker=true}}'
    asked = ("check", "synthllm-recommended", "--documents", documents, "--set", entry, "--model", "far")
    done = synth(*asked)
    assert done.exit_code == 0, done.output
    assert "one process for all runs" in " ".join(done.stdout.split())
    monkeypatch.setenv("SYNTH_RUNTIME_DIR", str(tmp_path / ("x" * 100)))
    done = synth(*asked)
    assert done.exit_code == 2
    assert "models.far.broker: " in done.stderr
    none = 'models.far={base_url="fake:", model="fake", broker=true}'
    done = synth("check", "synthllm-recommended", "--documents", documents, "--set", none, "--model", "far")
    assert "the setting is ignored" in " ".join(done.stdout.split())


def test_check_finds_all_faults_at_once(synth: Synth, tmp_path: Path) -> None:
    recipe = tmp_path / "bad.toml"
    recipe.write_text(
        '[documents]\npaths = ["nowhere"]\n[screen]\nbenchmarks = ["nor_here"]\n'
        '[prompts]\nanswer = "none.v9"\n'
        '[models.m]\nbase_url = "ftp://x"\nmodel = "m"\n[roles]\ngenerator = "m"\n'
    )
    done = synth("check", recipe)
    assert done.exit_code == 2
    for fault in ("nowhere", "nor_here", "prompts.answer", "models.m: base_url"):
        assert fault in done.stderr
    assert len(done.stderr.splitlines()) == 4


@pytest.mark.parametrize("recipe", ["demo", "programming", "synthllm-faithful", "synthllm-recommended"])
def test_shipped_recipes_load(recipe: str) -> None:
    assert load(recipe).recipe == recipe
