"""Recipes: TOML files that become a `RunConfig`, with every fault found at once."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import BaseModel, ValidationError

from synth.config import BUILT_IN, RolesConfig, RunConfig
from synth.config_publish import StoreConfig
from synth.config_screen import ScreenConfig
from synth.errors import ConfigError, without_secrets
from synth.sample import sample_folder

Tree = dict[str, Any]
SAMPLE = "sample:"
PUBLIC_ENDPOINT = "https://api.openai.com/v1"


def shipped_recipes() -> list[str]:
    """Names of the recipes that come with the package."""
    files = resources.files("synth.recipes").iterdir()
    return sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml"))


def read_recipe(recipe: str) -> Tree:
    """The settings of a recipe: a file, or the name of a shipped one.

    Raises:
        ConfigError: there is no such recipe, or it is not TOML.
    """
    shipped = recipe in shipped_recipes()
    file = resources.files("synth.recipes").joinpath(f"{recipe}.toml") if shipped else Path(recipe)
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as fault:
        raise ConfigError(f"Recipe {recipe} is not TOML: {fault}.") from fault
    except UnicodeDecodeError as fault:
        raise ConfigError(f"Recipe {recipe} is not UTF-8; save it in that encoding.") from fault
    except (OSError, ValueError) as fault:  # a value error: no path at all
        known = ", ".join(shipped_recipes())
        raise ConfigError(f"There is no recipe {recipe!r}; give a TOML file, or one of {known}.") from fault
    return {"recipe": recipe if shipped else Path(recipe).stem, **tree}


def load(
    recipe: str | None = None,
    documents: Sequence[str] = (),
    model: str | None = None,
    sample: int | None = None,
    overrides: Sequence[str] = (),
    rollouts: Sequence[str] = (),
) -> RunConfig:
    """The configuration of a run: a recipe, then the options of the command line, then `a.b=c` overrides.

    Raises:
        ConfigError: with every fault that was found.
    """
    return build(asked_of(recipe, documents, model, sample, overrides, rollouts))


def asked_of(
    recipe: str | None = None,
    documents: Sequence[str] = (),
    model: str | None = None,
    sample: int | None = None,
    overrides: Sequence[str] = (),
    rollouts: Sequence[str] = (),
) -> Tree:
    """The settings that were asked for, as they were written; all others have their defaults.

    Raises:
        ConfigError: there is no such recipe, or an override is no setting.
    """
    tree = read_recipe(recipe) if recipe else {}
    if documents:
        _set(tree, "documents.paths", list(documents))
    if rollouts:
        _set(tree, "rollouts.paths", list(rollouts))
    if sample is not None:
        _set(tree, "documents.sample", sample)
    # Entries first, so that --model can name one; the rest after it, so that it can correct a role.
    entries = [override for override in overrides if override.startswith("models.")]
    faults = [_override(tree, override) for override in entries]
    shaped = _is_shaped(tree)
    if model and shaped:
        use_model(tree, model)
    if shaped and _is_small(tree):
        tree = _merged(_overlay("small"), tree)
    faults += [_override(tree, override) for override in overrides if override not in entries]
    if told := [fault for fault in faults if fault]:
        raise ConfigError(*told)
    return tree


def build(tree: Mapping[str, Any]) -> RunConfig:
    """A `RunConfig` of a nested mapping.

    Raises:
        ConfigError: with every fault that was found.
    """
    try:
        config = RunConfig.model_validate(tree)
    except ValidationError as fault:
        raise ConfigError(*(_sentence(error) for error in fault.errors())) from fault
    return resolved(config)


def resolved(config: RunConfig) -> RunConfig:
    """The same with the folder of sample data in the place of `sample:`; form and YAML have it as written."""
    paths = {
        "documents": config.documents.model_copy(update={"paths": _resolve(config.documents.paths)}),
        "rollouts": config.rollouts.model_copy(update={"paths": _resolve(config.rollouts.paths)}),
        "rounds": config.rounds.model_copy(update={"seeds": _resolve(config.rounds.seeds)}),
        "screen": config.screen.model_copy(update={"benchmarks": _resolve(config.screen.benchmarks)}),
    }
    return config.model_copy(update=paths)


def use_model(tree: Tree, model: str) -> None:
    """`--model`: `fake` plays every role; any other model all but judges and student."""
    models = tree.setdefault("models", {})
    if model not in models and model not in BUILT_IN:
        address = os.environ.get("OPENAI_BASE_URL", PUBLIC_ENDPOINT)
        entry = {"base_url": address}
        if address == PUBLIC_ENDPOINT or os.environ.get("OPENAI_API_KEY"):
            entry["api_key_env"] = "OPENAI_API_KEY"
        generator = models.get(tree.get("roles", {}).get("generator", ""))
        models[model] = {**(generator or entry), "model": model}
    elif model in models:
        models[model].setdefault("model", model)
    kept = _beside(tree.get("roles", {}), model)
    tree["roles"] = {"generator": model, "extractor": model, "solver": model, **kept}


def _beside(roles: Tree, model: str) -> Tree:
    """Roles that `--model` leaves as they are; `fake` takes them too, with as many judges as before."""
    kept = {role: roles[role] for role in ("embedder", "judge", "checker", "student") if roles.get(role)}
    if model != "fake":
        return kept
    played: Tree = {"embedder": model}
    for role, named in kept.items():
        played[role] = [model] * len(named) if isinstance(named, list) else model
    return played


def _is_shaped(tree: Tree) -> bool:
    """Whether entries and roles are sections, so that they can be looked into; if not, `build` says so."""
    models, roles = tree.get("models", {}), tree.get("roles", {})
    if not isinstance(models, dict) or not isinstance(roles, dict):
        return False
    named = roles.get("generator", "")
    return isinstance(named, str) and all(isinstance(entry, dict) for entry in models.values())


def _is_small(tree: Tree) -> bool:
    """Whether the generator is the built-in embedded model, which needs short prompts and few calls."""
    generator = tree.get("roles", {}).get("generator", RolesConfig().generator)
    return bool(generator == "embedded" and "embedded" not in tree.get("models", {}))


def _overlay(name: str) -> Tree:
    return tomllib.loads(
        resources.files("synth.recipes").joinpath(f"overlays/{name}.toml").read_text("utf-8")
    )


def _merged(under: Tree, over: Tree) -> Tree:
    """Two trees as one; where both have a value, that of `over` stands."""
    both = {
        key: _merged(under[key], over[key])
        for key in under.keys() & over.keys()
        if isinstance(under[key], dict) and isinstance(over[key], dict)
    }
    return {**under, **over, **both}


def to_toml(config: BaseModel) -> str:
    """A configuration as TOML; what is not set is left out, as TOML has no null."""
    return tomlkit.dumps(config.model_dump(mode="json", exclude_none=True))


def anchored(config: RunConfig) -> RunConfig:
    """The same with paths that lead to the same files from any folder: a run may be resumed from another."""
    documents, prompts = config.documents, config.prompts
    folder = {"dir": _absolute(prompts.dir)} if prompts.dir else {}
    entries = {
        name: entry.model_copy(update={"base_url": _absolute_weights(entry.base_url)})
        for name, entry in config.models.items()
    }
    update = {
        "documents": documents.model_copy(update={"paths": tuple(map(_absolute, documents.paths))}),
        "rollouts": config.rollouts.model_copy(
            update={"paths": tuple(map(_absolute, config.rollouts.paths))}
        ),
        "rounds": config.rounds.model_copy(update={"seeds": tuple(map(_absolute, config.rounds.seeds))}),
        "screen": _anchored_screen(config.screen),
        "store": _anchored_store(config.store),
        "prompts": prompts.model_copy(update=folder),
        "models": entries,
        "prices": _absolute(config.prices) if config.prices else None,
        "reuse": tuple(_absolute(run) if Path(run).is_dir() else run for run in config.reuse),
    }
    return config.model_copy(update=update)


def _anchored_screen(screen: ScreenConfig) -> ScreenConfig:
    index = {"index": _absolute(screen.index)} if screen.index else {}
    return screen.model_copy(update={"benchmarks": tuple(map(_absolute, screen.benchmarks)), **index})


def _anchored_store(store: StoreConfig) -> StoreConfig:
    index = _absolute(store.index) if store.index else ""
    return store.model_copy(update={"seen": tuple(map(_absolute, store.seen)), "index": index})


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111  (follows no link, leaves ~nobody)


def _absolute_weights(base_url: str) -> str:
    scheme, _, path = base_url.partition(":")
    is_file = scheme == "embedded" and path and not path.startswith("hf://")
    return f"{scheme}:{_absolute(path)}" if is_file else base_url


def _resolve(paths: tuple[str, ...]) -> tuple[str, ...]:
    """`sample:` stands for the folder of sample data, wherever the package lies."""
    return tuple(
        str(sample_folder() / path.removeprefix(SAMPLE)) if path.startswith(SAMPLE) else path
        for path in paths
    )


def _override(tree: Tree, override: str) -> str | None:
    key, equals, value = override.partition("=")
    if not equals or not key.strip():
        return f"--set {override}: give it as key=value, for example combinations.epochs=2."
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value  # a bare word is text
    return _set(tree, key.strip(), parsed)


def _set(tree: Tree, key: str, value: Any) -> str | None:
    *sections, last = key.split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
        if not isinstance(tree, dict):
            return f"--set {key}: {section} is a value, not a section."
    tree[last] = value
    return None


def _sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "the recipe"
    if error["type"] == "extra_forbidden":
        return f"{where}: there is no such setting; `synth init` writes a recipe with all of them."
    if error["type"] == "string_pattern_mismatch":
        said = "a name has letters, digits, `.`, `_` and `-` only, at most 100, the first of them no sign"
        if where == "recipe":
            said += "; rename the file, or set `recipe` in it"
    else:
        said = error["msg"].removeprefix("Value error, ")
    given = error.get("input")
    # A whole section may hold anything, keys as well.
    if isinstance(given, dict | list | tuple):
        return f"{where}: {said}."
    return f"{where}: {said} (given: {without_secrets(str(given))[:80]!r})."
