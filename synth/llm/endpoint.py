"""One entry of `models` at work: its identity, its transport made on first use, and how it takes failure."""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from synth.config import ModelConfig
from synth.errors import ConfigError, EndpointError
from synth.llm import address, embedded, files, weights, wire
from synth.llm.admission import Admission, State
from synth.llm.aimd import Aimd, Fixed
from synth.llm.breaker import FAILURES, Breaker
from synth.llm.direct import DirectTransport
from synth.llm.fake import FakeModel
from synth.llm.fake_student import ability_of
from synth.llm.knee import Knee
from synth.llm.limiter import Limiter
from synth.llm.limits import Answered, Backoff, Tally, is_quota
from synth.llm.openai_transport import OpenAITransport
from synth.llm.rate import Rate
from synth.llm.transport import FakeTransport, HttpReply, Transport
from synth.llm.turns import Down

# So many calls in a row, given up with not one success between them, are no accident of single rows.
FAILURES_IN_A_ROW = 20
LEAST_SECRET = 8
# So many refusals, and no reply ever: the requests are wrong, not the rows.
FIRST_REFUSALS = 5
CONTROLS: dict[str, type[Fixed]] = {"fixed": Fixed, "aimd": Aimd, "queue": Knee}


@dataclass(slots=True)
class Health:
    """What the endpoint has shown so far: `answered` now, or `known` from the journal to have done so."""

    answered: bool = False
    known: bool = False
    failures: int = 0


@dataclass(eq=False)
class Endpoint:
    """An entry, by name. Nothing is opened, loaded or fetched before it is needed."""

    name: str
    config: ModelConfig
    backoff: Backoff
    fake: FakeModel | None = None
    health: Health = field(default_factory=Health)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    form: wire.Form | None = None
    renames_limit: bool = False
    alarm: Callable[[str], None] = lambda _: None
    # Where the variable of the key is looked up: a broker has keys that its environment has not.
    keys: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @cached_property
    def kind(self) -> str:
        """`fake`, `embedded`, `wordllama` or `http`."""
        return wire.kind_of(self.config)

    @cached_property
    def identity(self) -> str:
        """Who is asked; for the embedded model its weights must be there, but are not loaded."""
        if self.kind != "embedded" or self.config.identity:
            return wire.identity_of(self.config)
        spec = weights.parse_spec(self.config.base_url, self.config.sha256)
        return wire.identity_of(self.config, spec.sha256 or weights.digest_of(spec.path()))

    @cached_property
    def model(self) -> str:
        """What goes into the column `model`."""
        if self.kind != "embedded" or self.config.identity:
            return f"{self.identity}#{self.config.model}"
        name = weights.parse_spec(self.config.base_url, self.config.sha256).file
        return f"embedded/{name}@{self.identity}"

    @cached_property
    def transport(self) -> Transport:
        """The way to the endpoint.

        Raises:
            ConfigError: the address cannot be used, the variable with its key is not set, or more files would
                be open at one time than the system allows.
        """
        if self.kind == "fake":
            return FakeTransport(self.fake or self._fake())
        if self.kind == "embedded":
            return embedded.EmbeddedTransport(self.config)
        if self.kind == "wordllama":
            raise ConfigError(f"models.{self.name}: gives embeddings only; name another entry for the role.")
        self._check_address()
        config, key = self.config, self.key()
        if config.transport == "direct":
            return DirectTransport(config.base_url, key, config.timeout_s)
        return OpenAITransport(config.base_url, key, config.timeout_s, config.max_in_flight)

    @cached_property
    def limiter(self) -> Limiter:
        """The turns and tries of all calls to this entry."""
        config = self.config
        patience_s = config.timeout_s * config.max_tries
        return Limiter(
            self.transport,
            self._admission(patience_s),
            tries=config.max_tries,
            patience_s=patience_s,
            backoff=self.backoff,
            deadline_s=config.max_call_s,
            hedge=config.hedge,
            alarm=lambda said: self.alarm(f"models.{self.name}: {said}."),
        )

    def _admission(self, patience_s: float) -> Admission:
        """What is known of the endpoint's limits: nothing yet, but what is configured."""
        config = self.config
        # With one slot a reply depends on nothing asked before; a second slot would not be faster.
        most = 1 if self.kind == "embedded" else config.max_in_flight
        control = CONTROLS[config.control](most) if self.kind == "http" else Fixed(most)
        rate = Rate(
            {
                "requests": config.requests_per_minute,
                "tokens": config.tokens_per_minute,
                "input_tokens": config.input_tokens_per_minute,
                "output_tokens": config.output_tokens_per_minute,
            }
        )
        failures = min(FAILURES, most + 1)  # no more calls than these can fail one after the other
        breaker = Breaker(self.backoff.wait_s, config.max_outage_s, config.max_tries, failures)
        return Admission(control, rate, breaker, patience_s)

    def body_of(self, request: wire.Request) -> dict[str, Any]:
        """A request as this endpoint is known to take it."""
        body = wire.body_of(self.config, request)
        if self.renames_limit:
            wire.rename_limit(body)
        return body

    async def call(self, body: dict[str, Any], tally: Tally | None = None) -> Answered:
        """One call with all its tries, counted in `tally`.

        On the loop: limiter and transport are made once, whoever comes first.

        Where the endpoint knows the length of a reply by its newer name only, `body` gets that name.

        Raises:
            EndpointError: the endpoint was down for too long.
            GaveUp: this call got no answer.
        """
        try:
            answer = await self.limiter.call(body, tally)
            if wire.wants_renamed(answer.reply.status, answer.reply.body) and wire.rename_limit(body):
                self.renames_limit = True
                answer = await self.limiter.call(body, tally)
            return answer
        except Down as down:
            detail = self.scrub(str(down))
        where = wire.identity_of(self.config)
        if detail.startswith("HTTP 200"):
            said = "answers, but not with what was asked for; check `base_url`, and any proxy on the way"
        elif not self.health.answered:
            said = f"cannot be reached ({detail}); see that it runs"
        else:
            said = f"did not come back ({detail}); see that it works, then resume the run"
        raise EndpointError(f"models.{self.name}: {where} {said}.")

    def state(self, now: float) -> State | None:
        """How the endpoint is doing, by the loop's clock; None before its first call."""
        return self.limiter.admission.state(now) if "limiter" in vars(self) else None

    async def models(self) -> HttpReply:
        """Which models are served, as the endpoint says it."""
        return await self.transport.models()

    def key(self) -> str | None:
        """The API key, looked up each time and kept nowhere else here.

        Raises:
            ConfigError: the variable is named but not set.
        """
        variable = self.config.api_key_env
        if variable is None:
            return None
        key = self.keys.get(variable)
        if not key and (fault := address.fault_of_variable(variable)):
            raise ConfigError(f"models.{self.name}: api_key_env {fault}.")
        if not key:
            raise ConfigError(
                f"models.{self.name}: the variable {variable} is not set; export the API key in it."
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigError(
                f"models.{self.name}: the variable {variable} holds what no key can (a space, a line end); "
                "export the key again."
            )
        return key

    def scrub(self, text: str) -> str:
        """The text without the API key, should the endpoint have repeated it."""
        variable = self.config.api_key_env
        key = self.keys.get(variable, "") if variable else ""
        # A placeholder such as `x` is no secret, and would be found in every word.
        return text.replace(key, "[key]") if len(key) >= LEAST_SECRET else text

    def fatal(self, answer: Answered) -> EndpointError | None:
        """What an answer says of the whole endpoint, not of the one call."""
        reply, name = answer.reply, f"models.{self.name}"
        said = self.scrub(wire.error_text(reply.body))
        where = "the embedded model" if self.kind == "embedded" else wire.identity_of(self.config)
        # A 403 of an endpoint that has answered others is about this text (moderation), not about the key.
        if reply.status == 401 or (reply.status == 403 and not self.health.answered):
            variable = self.config.api_key_env
            fix = (
                f"check the key in {variable}"
                if variable
                else "set api_key_env to the variable that holds a key"
            )
            did = "refused the key" if variable else "asks for a key"
            return EndpointError(f"{name}: {where} {did} (HTTP {reply.status}: {said}); {fix}.")
        if reply.status == 404:
            fix = "check `base_url`, which usually ends in /v1, and `model`"
            return EndpointError(f"{name}: {where} has no model {self.config.model!r} ({said}); {fix}.")
        field = None if self.health.answered else wire.not_taken(reply.status, reply.body)
        if field is not None and field not in self.config.omit:
            return EndpointError(
                f'{name}: {where} does not take `{field}` ({said}); leave it out with omit = ["{field}"].'
            )
        if 300 <= reply.status < 400:
            fix = 'correct `base_url`, or set transport = "openai", which follows'
            return EndpointError(f"{name}: {where} sends elsewhere (HTTP {reply.status}); {fix}.")
        if reply.status == 402 or is_quota(reply):
            return EndpointError(
                f"{name}: {where} says that the account is used up ({said}); top it up and resume."
            )
        return None

    def failed(self, detail: str, *, refused: bool = False) -> EndpointError | None:
        """Count a call that was given up; an error where the endpoint itself seems to be gone.

        Refusals of an endpoint that has answered others are about their rows, however many come in a row: a
        resumed run begins with just those that were refused before.
        """
        if refused and (self.health.answered or self.health.known):
            return None
        self.health.failures += 1
        if self.health.failures >= (FIRST_REFUSALS if refused else FAILURES_IN_A_ROW):
            said = f"{self.health.failures} calls in a row failed, the last with: {detail}"
            return EndpointError(
                f"models.{self.name}: {said}; see that the endpoint works, then resume the run."
            )
        return None

    def unreachable(self, detail: str) -> EndpointError | None:
        """The same for a call without any answer: at the very first, there is no endpoint."""
        if self.health.answered:
            return self.failed(detail)
        where = "the embedded model" if self.kind == "embedded" else wire.identity_of(self.config)
        return EndpointError(f"models.{self.name}: {where} cannot be reached ({detail}); see that it runs.")

    def succeeded(self) -> None:
        """A call was answered."""
        self.health.answered = True
        self.health.failures = 0

    def _check_address(self) -> None:
        if fault := address.fault_of(self.config.base_url):
            raise ConfigError(f"models.{self.name}: base_url {fault}.")
        if fault := files.fault_of(self.config.max_in_flight):
            raise ConfigError(f"models.{self.name}: {fault}.")

    def _fake(self) -> FakeModel:
        """`fake:` alone, or with shares of faults and abilities: `fake:?empty=0.1&ability=geometry=0.2`."""
        query = parse_qsl(self.config.base_url.partition("?")[2])
        abilities = [ability for name, ability in query if name == "ability"]
        try:
            faults = {name: float(share) for name, share in query if name != "ability"}
            return FakeModel(faults=faults, abilities=[*map(ability_of, abilities)])
        except ValueError as fault:
            raise ConfigError(
                f"models.{self.name}: {self.config.base_url} is no fake model ({fault})."
            ) from fault
