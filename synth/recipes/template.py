"""An editable recipe with every setting explained, made from the configuration itself.

In: the tree of `synth.config`. Out: TOML whose comments are the titles, descriptions and limits of the
fields, whose values are the defaults; what has no default is a comment. Reading it gives the defaults.
"""

import textwrap
from collections.abc import Iterator
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import tomlkit
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from tomlkit.items import Array, Table

from synth.config import ModelConfig, PromptsConfig, RolesConfig, RunConfig, Sampling

HEAD = """\
A recipe of synth: every setting, with its default and what it does.
Change what you need and delete the rest; what is not said keeps its default.
Check it with `synth check FILE`, run it with `synth run FILE`.
"""
WIDTH = 100
# What the fields of these sections leave unsaid.
SECTIONS: dict[type[BaseModel], str] = {
    PromptsConfig: "Which prompt file each stage uses (name and version), and how its calls are sampled.",
    RolesConfig: "Who does what: `embedded`, `fake`, or the name of an entry in [models].",
    Sampling: "How these calls are sampled.",
}
EXAMPLES: dict[str, Any] = {
    "base_url": "http://127.0.0.1:8000/v1",
    "model": "qwen3-32b",
    "api_key_env": "OPENAI_API_KEY",
    "identity": "my-replicas",
    "sha256": "64 hexadecimal digits",
    "requests_per_minute": 4800,
    "tokens_per_minute": 2_000_000,
    "input_tokens_per_minute": 1_500_000,
    "output_tokens_per_minute": 500_000,
    "max_call_s": 1800,
    "text_column": "text",
    "benchmark_column": "problem_text",
    "dir": "prompts/",
    "name": "my-questions",
    "dataset": "my-questions",
    "extractor": "big",
    "solver": "big",
    "rater": "big",
    "price": {"input": 0.5, "output": 1.5, "cached_input": 0.05, "batch": 0.5},
    "prices": "prices.toml",
    "mirror": "s3://bucket/runs",
    "checker": "big",
    "student": "big",
    "right_at": 1.0,
    "scale": [0.0, 100.0],
}


def template() -> str:
    """The whole recipe as TOML."""
    document = tomlkit.document()
    for line in HEAD.splitlines():
        document.add(tomlkit.comment(line))
    _fill(document, RunConfig())
    document.add("models", _models())
    return tomlkit.dumps(document)


def explanation(model: type[BaseModel], name: str) -> str:
    """Title, description and limits of one setting, in one line."""
    field = model.model_fields[name]
    said = field.description or ""
    title = f"{field.title}: " if field.title and said else field.title or ""
    return f"{title}{said}{_limits(field)}"


def _fill(into: tomlkit.TOMLDocument | Table, config: BaseModel) -> None:
    """Settings first, then sections, as TOML wants them."""
    kind = type(config)
    for name, field in kind.model_fields.items():
        value = getattr(config, name)
        if not isinstance(value, BaseModel) and name != "models":
            _setting(into, kind, name, field, value)
    for name in kind.model_fields:
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            section = tomlkit.table()
            for line in _wrapped(SECTIONS.get(type(value)) or (type(value).__doc__ or "").strip()):
                section.add(tomlkit.comment(line))
            _fill(section, value)
            into.add(name, section)


def _setting(
    into: tomlkit.TOMLDocument | Table, kind: type[BaseModel], name: str, field: FieldInfo, value: Any
) -> None:
    into.add(tomlkit.nl())
    for line in _wrapped(explanation(kind, name)):
        into.add(tomlkit.comment(line))
    if value is None:
        into.add(tomlkit.comment(_line(name, EXAMPLES[name])))
    else:
        # A table would take every setting below it for its own.
        inline = tomlkit.inline_table() if value == {} else value
        into.add(name, _array(name, value) if isinstance(value, tuple) else inline)


def _array(name: str, values: tuple[Any, ...]) -> Array:
    """On one line if it fits there, else one line for each item."""
    array: Array = tomlkit.item(list(values))
    array.multiline(len(f"{name} = {array.as_string()}") > WIDTH)
    return array


def _models() -> Table:
    """No entry, but one to copy: comments only, so that nothing has to be deleted."""
    section = tomlkit.table()
    for line in _wrapped(
        "Endpoints by name; a role names one of them. `embedded` and `fake` are always there."
    ):
        section.add(tomlkit.comment(line))
    section.add(tomlkit.nl())
    section.add(tomlkit.comment("[models.big]"))
    for name, field in ModelConfig.model_fields.items():
        for line in _wrapped(explanation(ModelConfig, name)):
            section.add(tomlkit.comment(line))
        value = EXAMPLES.get(name, field.get_default(call_default_factory=True))
        section.add(tomlkit.comment(_line(name, value)))
    return section


def _line(name: str, value: Any) -> str:
    item = tomlkit.item(value)
    if isinstance(value, dict):
        item = tomlkit.inline_table()
        item.update(value)
    return f"{name} = {item.as_string()}"


def _limits(field: FieldInfo) -> str:
    """Choices and bounds, in brackets."""
    choices = list(_choices(field.annotation))
    said = [" or ".join(f"`{choice}`" for choice in choices)] if choices else []
    for bound in _metadata(field):
        if isinstance(bound, Ge | Gt):
            said.append(f"at least {bound.ge:,}" if isinstance(bound, Ge) else f"more than {bound.gt:,}")
        elif isinstance(bound, Le | Lt):
            said.append(f"at most {bound.le:,}" if isinstance(bound, Le) else f"less than {bound.lt:,}")
    return f" ({', '.join(said)})" if said else ""


def _metadata(field: FieldInfo) -> Iterator[Any]:
    for part in field.metadata:
        yield from getattr(part, "metadata", (part,))


def _choices(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Literal:
        yield from get_args(annotation)
    elif origin in (UnionType, Union):
        for member in get_args(annotation):
            yield from _choices(member)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(" ".join(text.split()), WIDTH - 2)
