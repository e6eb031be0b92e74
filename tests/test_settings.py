from pathlib import Path

import pytest

from synth.check import check
from synth.config import RunConfig
from synth.errors import ConfigError
from synth.runs import Run
from synth.settings import build, load, shipped_recipes, to_toml
from synth.standing import run_config
from tests import rolled


@pytest.mark.parametrize("recipe", shipped_recipes())
def test_every_shipped_recipe_loads(recipe: str, documents: Path) -> None:
    log = [str(rolled.write(documents / "log.jsonl"))]
    config = load(recipe, [str(documents)], rollouts=log)
    assert config.recipe == recipe
    check(load(recipe, [str(documents)], "fake", rollouts=log), Path())


def test_a_configuration_survives_being_written(tmp_path: Path) -> None:
    config = load("demo", overrides=["combinations.epochs=3", "domain=chemistry"])
    file = tmp_path / "again.toml"
    file.write_text(to_toml(config))
    assert load(str(file)).model_copy(update={"recipe": "demo"}) == config


def test_all_faults_are_told_at_once() -> None:
    tree = {"seed": "x", "colour": 1, "documents": {"passage_chars": 3}, "screen": {"bands": 99}}
    tree["combinations"] = {"topic_steps": [3, 1]}
    with pytest.raises(ConfigError) as caught:
        build(tree)
    assert len(caught.value.faults) == 5
    assert any(fault.startswith("colour: there is no such setting") for fault in caught.value.faults)


@pytest.mark.parametrize(
    ("recipe", "model", "overrides", "fault"),
    [
        ("models = 1", None, [], "models"),
        ("models = 1", "zz", [], "models"),
        ('roles = "x"', None, [], "roles"),
        ('roles = "x"', "zz", [], "roles"),
        ("roles = {generator = []}", "zz", [], "roles.generator"),
        ("", "zz", ["models.zz=1"], "models.zz"),
        ("", None, ["models=[1]"], "models"),
        (
            'models.a = {base_url = "fake:", model = "m", extra_body = {x = nan}}',
            None,
            [],
            "models.a.extra_body.x",
        ),
        ('models.a = {base_url = "fake:", model = "m", extra_body = {x = inf}}', None, [], "nan and inf"),
        ('models.a = {base_url = "fake:", model = "m", timeout_s = inf}', None, [], "models.a.timeout_s"),
    ],
)
def test_sections_of_the_wrong_kind_are_told(
    recipe: str, model: str | None, overrides: list[str], fault: str, tmp_path: Path
) -> None:
    (tmp_path / "r.toml").write_text(f"seed = -0.5\n{recipe}\n")
    with pytest.raises(ConfigError) as caught:
        load(str(tmp_path / "r.toml"), model=model, overrides=overrides)
    assert len(caught.value.faults) == 2  # the seed as well: all at once
    assert any(fault in told for told in caught.value.faults)


def test_a_recipe_that_is_not_utf_8_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_bytes('domain = "géométrie"'.encode("latin-1"))
    with pytest.raises(ConfigError, match="r.toml is not UTF-8"):
        load(str(tmp_path / "r.toml"))


def test_a_recipe_whose_name_is_no_name_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "my recipe.toml").write_text("seed = 1")
    with pytest.raises(ConfigError, match="rename the file") as caught:
        load(str(tmp_path / "my recipe.toml"))
    assert "[A-Za-z" not in str(caught.value)
    (tmp_path / "my recipe.toml").write_text('recipe = "mine"')
    assert load(str(tmp_path / "my recipe.toml")).recipe == "mine"


def test_a_run_can_be_resumed_from_any_folder(
    tmp_path: Path, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bench.jsonl").write_text('{"question": "What is it?"}')
    overrides = [
        "screen.benchmarks=['bench.jsonl']",
        "screen.index=seen",
        "models.own={base_url='embedded:w.gguf', model='m'}",
    ]
    config = load("synthllm-recommended", [documents.name, "docu*"], "fake", overrides=overrides)
    with Run.open(config, tmp_path / "runs", "r"):
        pass
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    kept = run_config(tmp_path / "runs" / "r")
    assert kept.documents.paths == (str(documents), str(tmp_path / "docu*"))
    assert kept.screen.benchmarks == (str(tmp_path / "bench.jsonl"),)
    assert kept.screen.index == str(tmp_path / "seen")
    assert kept.models["own"].base_url == f"embedded:{tmp_path / 'w.gguf'}"


def test_a_role_needs_an_entry() -> None:
    with pytest.raises(ConfigError, match="'big'"):
        build({"roles": {"generator": "big"}})


@pytest.mark.parametrize(
    "override", ["epochs", "=3", "seed.deep=1"], ids=["no value", "no key", "below a value"]
)
def test_a_wrong_override_is_told(override: str) -> None:
    with pytest.raises(ConfigError, match="--set|seed"):
        load("demo", overrides=["seed=1", override])


def test_model_option_sets_the_three_roles() -> None:
    config = load(
        "demo", model="some-model", overrides=['models.some-model.base_url="http://127.0.0.1:1/v1"']
    )
    assert {config.roles.generator, config.roles.extractor, config.roles.solver} == {"some-model"}
    assert config.models["some-model"].model == "some-model"


def test_the_small_model_gets_what_it_can_follow() -> None:
    small = load("synthllm-recommended", model="embedded")
    assert small.prompts.level1 == "level1_compact.v1"
    assert small.concepts.grounded
    assert small.screen.copied_source == load("synthllm-recommended", model="fake").screen.copied_source
    kept = load("synthllm-recommended", model="embedded", overrides=['prompts.level1="level1.v1"'])
    assert kept.prompts.level1 == "level1.v1"
    larger = load("demo", overrides=['models.embedded={base_url="embedded:/x.gguf", model="x"}'])
    assert larger.prompts.level1 == "level1.v1"


def test_unknown_recipe_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="synthllm-faithful"):
        load("nothing")


def test_a_recipe_that_is_no_toml(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("a = = 1")
    with pytest.raises(ConfigError, match="not TOML"):
        load(str(tmp_path / "x.toml"))


def test_check_finds_everything_before_the_first_call(tmp_path: Path) -> None:
    config = build(
        {
            "documents": {"paths": [str(tmp_path / "missing")]},
            "screen": {"benchmarks": [str(tmp_path / "none.jsonl")], "index": str(tmp_path / "nowhere")},
            "combinations": {"level1": "off", "level2": "off", "level3": "off"},
            "prompts": {"level1": "level1.v99"},
            "models": {
                "a": {"base_url": "http://user:secret@127.0.0.1:1/v1", "model": "m"},
                "b": {"base_url": "http://127.0.0.1:1/v1", "model": "m", "api_key_env": "UNSET_KEY"},
                "c": {"base_url": "ftp://127.0.0.1", "model": "m"},
            },
            "roles": {"generator": "a", "extractor": "b", "solver": "c"},
        }
    )
    with pytest.raises(ConfigError) as caught:
        check(config, tmp_path)
    text = "\n".join(caught.value.faults)
    for part in (
        "missing",
        "none.jsonl",
        "nowhere: there is no index here",
        "all three levels",
        "level1.v99",
        "UNSET_KEY",
        "models.c: base_url must begin",
    ):
        assert part in text
    assert "secret" not in text


def test_an_endpoint_that_is_not_there_is_told(documents: Path, tmp_path: Path) -> None:
    config: RunConfig = load(
        "synthllm-recommended",
        [str(documents)],
        "far",
        overrides=['models.far.base_url="http://127.0.0.1:9/v1"'],
    )
    with pytest.raises(ConfigError, match=r"models\.far"):
        check(config, tmp_path)
