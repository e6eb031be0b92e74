"""What the stages that call models share: rendering, asking, and turning failures into rejected rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from synth.config import Role, RunConfig, Sampling
from synth.llm.client import Client, Request
from synth.llm.client import Reply as CallReply
from synth.prompts.library import Message, Prompt, PromptLibrary
from synth.prompts.replies import Parsed, Reply, parse, parse_one
from synth.stages.base import Rejected
from synth.stages.tally import Tally

# An echo is told by this many characters of the instructions standing in the reply.
ECHO_CHARS = 60


@dataclass(frozen=True, slots=True)
class Services:
    """What is passed in to a stage: a model client, prompts, and the folder in which it may keep things.

    `report` hears (done, in all): of calls, or of files. `say` hears what a person wants to know of the
    result beyond counts of rows, in sentences. `calls` counts what the calls of the part take. `key` is that
    of the part, under which shares of it may have been done (`synth.ahead`).
    """

    client: Client
    prompts: PromptLibrary
    folder: Path
    report: Callable[[int, int], None] = lambda done, total: None
    say: Callable[[str], None] = lambda sentence: None
    calls: Tally = field(default_factory=Tally)
    key: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """One call to be made for one row."""

    row_id: str
    prompt: Prompt
    variables: Mapping[str, Any]
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """A call with its reply; `columns` are those that every row made of it carries."""

    ask: Ask
    reply: CallReply
    form: str

    @property
    def columns(self) -> dict[str, str]:
        """Call, prompt and model, as they stand in tables."""
        prompt = self.ask.prompt
        return {
            "call_id": self.reply.call_id,
            "prompt_id": prompt.name,
            "prompt_sha": prompt.sha,
            "model": self.reply.model,
        }

    def reject(self, row_id: str, source: str, reason: str, detail: str) -> Rejected:
        """A rejected row that keeps the raw reply."""
        row = {**self.columns, "reply": self.reply.text}
        return Rejected(row_id, source, reason, detail, None, row)

    def parse(self) -> Parsed:
        """The structured reply.

        Raises:
            Unparseable: nothing in it can be used.
        """
        return parse(str(self.ask.prompt.front.reply), self.form, self.reply.text)

    def parse_one(self) -> Reply:
        """The structured reply, where it holds no list.

        Raises:
            Unparseable: it is not in the form that was asked for.
        """
        return parse_one(str(self.ask.prompt.front.reply), self.form, self.reply.text)

    def fault(self) -> tuple[str, str] | None:
        """Reason and detail where the reply as a whole cannot be used."""
        if self.reply.reason:
            return self.reply.reason, self.reply.detail
        return None


def ask_all(
    asks: Sequence[Ask],
    stage: str,
    role: Role,
    sampling: Sampling,
    config: RunConfig,
    services: Services,
    entry: str | None = None,
) -> Iterator[Answered]:
    """Make all calls at once, as far as the endpoint's limits allow; answers in the order of the asks.

    `entry` says who is asked where several play the role.
    """
    entry = entry or config.roles.of(role)
    form = services.client.form(entry) if asks else "text"
    forms = ["text" if ask.prompt.front.reply is None else form for ask in asks]
    messages = [_messages(ask, used, config) for ask, used in zip(asks, forms, strict=True)]
    requests = [
        _request(ask, used, turns, stage, sampling, config)
        for ask, used, turns in zip(asks, forms, messages, strict=True)
    ]
    done = 0

    def count(_: CallReply) -> None:
        nonlocal done
        done += 1
        services.report(done, len(requests))

    replies = services.client.complete(entry, requests, count)
    services.calls.take(replies)
    for ask, used, turns, reply in zip(asks, forms, messages, replies, strict=True):
        yield Answered(ask, _unless_echo(reply, turns), used)


def requests_of(asks: Iterable[Ask], stage: str, sampling: Sampling, config: RunConfig) -> Iterator[Request]:
    """Requests for plain text, made as they are read: the very ones that `ask_all` makes of these asks."""
    return (_request(ask, "text", _messages(ask, "text", config), stage, sampling, config) for ask in asks)


def _messages(ask: Ask, form: str, config: RunConfig) -> tuple[Message, ...]:
    common = {"domain": config.domain, "levels": config.levels}
    return ask.prompt.render(form, config.prompts.examples, {**common, **ask.variables})


def _request(
    ask: Ask, form: Any, messages: tuple[Message, ...], stage: str, sampling: Sampling, config: RunConfig
) -> Request:
    schema = ask.prompt.schema(config.levels) if form == "json_schema" else None
    name = ask.prompt.front.reply if schema else None
    return Request(messages, sampling, stage, ask.sample, form, name, schema)


def _unless_echo(reply: CallReply, messages: tuple[Message, ...]) -> CallReply:
    """A reply that repeats its instructions is told apart from one that is merely unreadable."""
    start = messages[0]["content"][:ECHO_CHARS]
    if reply.reason is None and len(start) == ECHO_CHARS and start in reply.text:
        return replace(
            reply, reason="echoed_prompt", detail="the reply holds the beginning of its instructions"
        )
    return reply
