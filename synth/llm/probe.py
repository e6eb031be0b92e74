"""What an endpoint can do, and whether it is there: found out with as little as possible.

The form of replies changes prompts and so rows: what was found is journaled, and a resumed run is not
surprised by an endpoint that has learnt something meanwhile. Checks only ask for the list of models, which
costs nothing.
"""

import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlsplit

from synth.config import Sampling
from synth.errors import EndpointError, SynthError
from synth.ids import content_id
from synth.llm import weights, wire
from synth.llm.endpoint import Endpoint
from synth.llm.journal import Journal
from synth.llm.limits import Answered, GaveUp
from synth.llm.transport import HttpReply, NoAnswer
from synth.llm.wire import Form, Request

Run = Callable[[Coroutine[Any, Any, Any]], Any]

# These say that the request is not understood; anything else says that something is broken.
UNSUPPORTED = frozenset({400, 404, 422})

PLAIN = Request(
    messages=({"role": "user", "content": 'Reply with this JSON object and nothing else: {"ok": true}'},),
    sampling=Sampling(temperature=0.0, max_tokens=64),
    stage="probe",
    schema_name="probe",
    schema={
        "type": "object",
        "properties": {"ok": {"type": "boolean"}},
        "required": ["ok"],
        "additionalProperties": False,
    },
)


def form_of(endpoint: Endpoint, journal: Journal, run: Run) -> Form:
    """As configured, as known of our own models, as found before, or as found now.

    Raises:
        EndpointError: the endpoint refuses even a plain request.
    """
    if endpoint.config.structured != "auto":
        return endpoint.config.structured
    if endpoint.kind in ("fake", "embedded"):
        return "json_schema"
    key = key_of(endpoint)
    known = journal.get(key)
    if known is None:
        known = _probe(endpoint, key, run)
        journal.append(key, known)
    return cast(Form, known["form"])


def key_of(endpoint: Endpoint) -> str:
    """Under which key the journal keeps what was found."""
    return content_id("probe", endpoint.identity, endpoint.config.model, endpoint.config.beside)


def _probe(endpoint: Endpoint, key: str, run: Run) -> dict[str, Any]:
    """Try the forms in order; the record of the first that works."""
    answers: list[dict[str, Any]] = []
    forms: tuple[Form, ...] = ("json_schema", "json_object", "text")
    for form in forms:
        body = wire.body_of(endpoint.config, replace(PLAIN, form=form))
        answer = _ask(endpoint, body, run)
        text = endpoint.scrub(answer.reply.body)
        answers.append({"request": body, "status": answer.reply.status, "response": text})
        if _took(form, answer.reply):
            endpoint.succeeded()
            found = "tags" if form == "text" else form
            return {"key": key, "stage": "probe", "model": endpoint.model, "form": found, "answers": answers}
        if answer.reply.status != 200 and answer.reply.status not in UNSUPPORTED:
            break
    fault = endpoint.fatal(answer)
    said = f"HTTP {answer.reply.status}: {wire.error_text(answer.reply.body)}"
    raise fault or EndpointError(
        f"models.{endpoint.name}: {endpoint.identity} refuses a plain request "
        f"({endpoint.scrub(said)}); check `base_url`, `model`, `omit` and `extra_body`."
    )


def _ask(endpoint: Endpoint, body: dict[str, Any], run: Run) -> Answered:
    try:
        return cast(Answered, run(endpoint.call(body)))
    except GaveUp as silence:
        detail = endpoint.scrub(str(silence))
        fault = endpoint.unreachable(detail) or EndpointError(f"models.{endpoint.name}: {detail}; try again.")
    raise fault


def _took(form: Form, reply: HttpReply) -> bool:
    """Whether the reply has the form; one that was cut short shows only that the form was accepted."""
    if reply.status != 200:
        return False
    answer = wire.parse(reply.body)
    if answer is None:
        return False
    text, reason, _ = wire.read(answer)
    if form == "text" or reason is not None:
        return True
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def fault_of(endpoint: Endpoint, run: Run) -> str | None:
    """What is wrong with an entry, in one sentence, or None; no call is paid."""
    try:
        if endpoint.kind == "embedded":
            return weights.fault_of(endpoint.config.base_url, endpoint.config.sha256)
        if endpoint.kind == "wordllama":
            return None  # whether it is installed is looked at with the roles
        reply = cast(HttpReply, run(endpoint.models()))
    except SynthError as fault:
        return str(fault)
    except NoAnswer as silence:
        return _sentence(endpoint, f"cannot be reached ({endpoint.scrub(str(silence))}); see that it runs")
    if reply.status in (401, 403):
        return str(endpoint.fatal(Answered(reply, 1)))
    rooted = endpoint.kind == "http" and not urlsplit(endpoint.config.base_url).path.strip("/")
    if reply.status == 404 and rooted:
        # Some have no list of models; but hardly any has its routes at the root of a host.
        return _sentence(endpoint, "has no list of models there; `base_url` usually ends in /v1")
    served = _served(reply)
    if served and endpoint.config.model not in served:
        some = ", ".join(sorted(served)[:5])
        return _sentence(endpoint, f"does not serve {endpoint.config.model!r}, but for example {some}")
    return None


def _served(reply: HttpReply) -> set[str]:
    """Names of the models that are served, where the endpoint tells."""
    if reply.status != 200:
        return set()
    try:
        return {str(m["id"]) for m in json.loads(reply.body)["data"]}
    except (ValueError, TypeError, KeyError):
        return set()


def _sentence(endpoint: Endpoint, fault: str) -> str:
    return f"models.{endpoint.name}: {wire.identity_of(endpoint.config)} {fault}."
