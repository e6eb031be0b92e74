"""Prompt files: front matter (id, version, variables, reply, examples) and Jinja2 sections.

A file has the sections `# System`, `# User` and, where a reply has a structure, `# Tags`, which is
added for endpoints without structured output. Examples are rendered by the same `# User` section,
so they stand constant at the head of every prompt and an endpoint's prefix cache serves them.
A published version is never edited; a change is a new file with the next number.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import yaml
from jinja2 import meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import Field, ValidationError

from synth.config import Config
from synth.errors import ConfigError
from synth.prompts import replies
from synth.prompts.marks import CHAT_MARKS

_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.DOTALL)
_SECTION = re.compile(r"^# (System|User|Tags)\s*$", re.MULTILINE)
# Tags that delimit data. Text of documents and models must not be able to close or open one.
_DELIMITER = re.compile(
    r"<(\s*+(?:/\s*+)*+(?:passage|concepts|question|problem|item|kind|level|subject|unsuitable|topics|key_concepts"
    r"|solution|final_answer|seed|categories|category|summary|reasons|relevance|clarity|language_quality|overall|outline|assessment|question_format"
    r"|factual_accuracy|difficulty_alignment|concept_coverage|solvability|verdict|givens|sought|outcome|draft)\b)",
    re.IGNORECASE,
)

Message = dict[str, str]


def as_data(value: Any) -> Any:
    """A value as it may stand in a prompt: text cannot close the tag or the turn it stands in."""
    if not isinstance(value, str):
        return value
    return CHAT_MARKS.sub(lambda mark: f"‹{mark[0][1:]}", _DELIMITER.sub(r"‹\1", value))


def opening(text: str, chars: int) -> str:
    """The beginning of a text, whole sentences of it as far as that goes: for models that read little."""
    if len(text) <= chars:
        return text
    cut = text[:chars]
    ends = [end.end() for end in re.finditer(r"[.!?](?=\s)", cut)]
    return cut[: ends[-1]] if ends and ends[-1] > chars // 2 else cut.rstrip()


class FrontMatter(Config):
    """The head of a prompt file."""

    id: str
    version: int = Field(ge=1)
    variables: tuple[str, ...]
    reply: str | None = None
    refine: dict[str, dict[str, Any]] = Field(default_factory=dict)
    examples: dict[str, tuple[dict[str, Any], ...]] = Field(default_factory=dict)


class Prompt:
    """One prompt file."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.sha = hashlib.sha256(text.encode()).hexdigest()
        self.front, self.sections = _read(name, text)

    def __repr__(self) -> str:
        return f"Prompt({self.name!r}, {self.sha[:8]})"

    @cached_property
    def _templates(self) -> dict[str, jinja2.Template]:
        environment = _environment()
        return {head: environment.from_string(body) for head, body in self.sections.items()}

    def examples(self, domain: str, count: int) -> tuple[dict[str, Any], ...]:
        """Examples of a domain, else those marked `any`."""
        return self.front.examples.get(domain, self.front.examples.get("any", ()))[:count]

    def schema(self, levels: tuple[str, ...]) -> dict[str, Any] | None:
        """JSON schema of the reply, with the recipe's levels as the choice of `level`."""
        if self.front.reply is None:
            return None
        refine = {"level": {"type": "string", "enum": [*levels, "other"]}, **self.front.refine}
        return replies.json_schema(self.front.reply, refine)

    def render(self, form: str, examples: int, variables: Mapping[str, Any]) -> tuple[Message, ...]:
        """The messages of one call; `form` decides how the reply is described and exemplified."""
        messages = [{"role": "system", "content": self._system(form, variables)}]
        for example in self.examples(str(variables.get("domain", "any")), examples):
            given = {**variables, **{k: v for k, v in example.items() if k != "reply"}}
            messages.append({"role": "user", "content": self._section("User", given)})
            messages.append({"role": "assistant", "content": _example_reply(example["reply"], form)})
        messages.append({"role": "user", "content": self._section("User", variables)})
        return tuple(messages)

    def _system(self, form: str, variables: Mapping[str, Any]) -> str:
        system = self._section("System", variables)
        if form == "tags" and "Tags" in self.sections:
            return f"{system}\n\n{self._section('Tags', variables)}"
        if form == "json_object" and self.front.reply:
            schema = json.dumps(self.schema(tuple(variables["levels"])), ensure_ascii=False)
            return f"{system}\n\nReply with one JSON object that fits this JSON schema:\n{schema}"
        return system

    def _section(self, head: str, variables: Mapping[str, Any]) -> str:
        try:
            return self._templates[head].render(**variables).strip()
        except jinja2.TemplateError as fault:
            raise ConfigError(f"Prompt {self.name}, section {head}: {fault}.") from fault


@lru_cache(maxsize=128)
def prompt_of(name: str, text: str) -> Prompt:
    """The prompt of a file's text: every run asks for the same, and compiling them takes half a second."""
    return Prompt(name, text)


class PromptLibrary:
    """The prompt files of the package, each replaced by the file of its name in `folder`."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._prompts: dict[str, Prompt] = {}

    def get(self, name: str) -> Prompt:
        """A prompt by name and version, for example `concepts.v1`.

        Raises:
            ConfigError: there is no such file, or it is not a prompt.
        """
        if name not in self._prompts:
            self._prompts[name] = prompt_of(name, self._text(name))
        return self._prompts[name]

    def names(self) -> list[str]:
        """All prompts that ship with the package."""
        files = resources.files("synth.prompts").iterdir()
        return sorted(f.name.removesuffix(".md") for f in files if f.name.endswith(".md"))

    def unused(self, used: Collection[str]) -> list[str]:
        """Files of the folder that look like prompts and have a name that nothing asks for.

        Another version of a prompt that is in use may lie beside it, to be compared.
        """
        files = sorted(self.folder.iterdir()) if self.folder else []
        known = {*self.names(), *used}
        own = {name.partition(".v")[0] for name in {*used} - {*self.names()}}
        named = [file for file in files if _is_prompt(file) and file.name.removesuffix(".md") not in known]
        return [file.name for file in named if file.name.partition(".v")[0] not in own]

    def _text(self, name: str) -> str:
        own = self.folder / f"{name}.md" if self.folder else None
        try:
            if own is not None and own.is_file():
                return own.read_text(encoding="utf-8")
            return resources.files("synth.prompts").joinpath(f"{name}.md").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            known = ", ".join(self.names())
            raise ConfigError(f"There is no prompt {name!r}; those that ship are {known}.") from fault


def _is_prompt(file: Path) -> bool:
    try:
        return file.is_file() and file.read_text(encoding="utf-8").startswith("---\n")
    except (OSError, UnicodeDecodeError):
        return False


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        finalize=as_data,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    environment.filters["opening"] = opening
    return environment


def _read(name: str, text: str) -> tuple[FrontMatter, dict[str, str]]:
    split = _FRONT.match(text)
    if split is None:
        raise ConfigError(f"Prompt {name}: the file does not begin with front matter between `---` lines.")
    try:
        front = FrontMatter.model_validate(yaml.safe_load(split[1]))
    except (yaml.YAMLError, ValueError) as fault:
        raise ConfigError(f"Prompt {name}: {_front_fault(fault)}; correct its front matter.") from fault
    pieces = _SECTION.split(split[2])
    sections = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    if faults := _faults(front, sections):
        raise ConfigError(*(f"Prompt {name}: {fault_text}." for fault_text in faults))
    return front, sections


def _front_fault(fault: yaml.YAMLError | ValueError) -> str:
    """What is wrong with a front matter, on one line."""
    if isinstance(fault, ValidationError):
        return ", ".join(
            f"`{'.'.join(map(str, error['loc'])) or 'front matter'}`: {error['msg']}"
            for error in fault.errors()
        )
    return " ".join(str(fault).split())


def _faults(front: FrontMatter, sections: dict[str, str]) -> list[str]:
    faults = [f"section `# {head}` is missing" for head in ("System", "User") if head not in sections]
    if front.reply is not None and front.reply not in replies.REPLIES:
        faults.append(f"reply {front.reply!r} is none of {', '.join(replies.REPLIES)}")
    try:
        environment = _environment()
        used = set().union(*(meta.find_undeclared_variables(environment.parse(s)) for s in sections.values()))
        for source in sections.values():
            environment.from_string(source)  # an unknown filter is only found here
    except jinja2.TemplateSyntaxError as fault:
        return [*faults, f"line {fault.lineno}: {fault.message}"]
    if unknown := used - set(front.variables):
        faults.append(f"variables {', '.join(sorted(unknown))} are used and not declared")
    if unused := set(front.variables) - used:
        faults.append(f"variables {', '.join(sorted(unused))} are declared and not used")
    return faults


def _example_reply(reply: Any, form: str) -> str:
    if isinstance(reply, str):
        return reply.strip()
    return _as_tags(reply) if form == "tags" else json.dumps(reply, ensure_ascii=False)


def _as_tags(reply: dict[str, Any]) -> str:
    if "topics" in reply:
        heads = [f"<{tag}>{reply[tag]}</{tag}>" for tag in ("level", "subject") if reply.get(tag)]
        topics = [f"{i}. {topic['name']}" for i, topic in enumerate(reply["topics"], 1)]
        concepts = [
            f"{i}.{j}. {name}"
            for i, topic in enumerate(reply["topics"], 1)
            for j, name in enumerate(topic["key_concepts"], 1)
        ]
        blocks = ["<topics>", *topics, "</topics>", "<key_concepts>", *concepts, "</key_concepts>"]
        return "\n".join([*heads, *blocks])
    if "questions" not in reply:
        return "\n".join(f"<{tag}>{_lines(text)}</{tag}>" for tag, text in reply.items())
    return "\n".join(_item_tags(item) for item in reply["questions"])


def _lines(value: Any) -> str:
    """Text as it is, a list as one line for each of its items."""
    return "\n".join(["", *(f"- {item}" for item in value), ""]) if isinstance(value, list) else str(value)


def _item_tags(item: dict[str, Any]) -> str:
    lines = ["<item>"]
    if "concepts" in item:
        lines.append(f"<concepts>{'; '.join(item['concepts'])}</concepts>")
    lines += [f"<{tag}>{item[tag]}</{tag}>" for tag in ("question", "kind", "level") if tag in item]
    return "\n".join([*lines, "</item>"])
