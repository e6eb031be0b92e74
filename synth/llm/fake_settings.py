"""What a fake endpoint is asked to be: latency, slots, limits, shares of faults; each explained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from synth.ids import stream
from synth.llm.fake import CONTENT_FAULTS, STATUS_FAULTS
from synth.llm.fake_student import Ability

# Of the way back, so only over HTTP: drawn for each try, like the faults of status. The value: what is wrong.
WIRE_FAULTS = {
    "reset_before": "the connection is reset before any work",
    "reset_after": "the same after the work, which is paid",
    "stall": "the work is done and nothing is sent",
    "trickle": "the answer comes byte by byte",
    "cut": "half an answer, then the end",
    "wrong_type": "a sound answer that calls itself text/html",
    "html_page": "a page of a proxy instead of an answer",
    "error_200": "an error under status 200",
    "no_usage": "no count of tokens",
    "double_usage": "two counts of tokens",
}
# Of batches only.
BATCH_FAULTS = {
    "batch_line": "a line of a batch fails, and is not paid",
    "batch_expire": "a batch ends when half of it is answered",
}
FAULTS = (*CONTENT_FAULTS, *STATUS_FAULTS, *WIRE_FAULTS, *BATCH_FAULTS)

HELP = {
    "latency": "Typical time of one reply, the median.",
    "sigma": "Spread of that time: log-normal; 0 makes all equal.",
    "slots": "Calls worked on at one time; others wait. 0: no limit.",
    "queue": "Calls that may wait for a slot; more are refused.",
    "full_status": "Status of what is refused for a full queue: 429 or 503.",
    "retry_after": "Seconds named in Retry-After for a full queue; 0 names none.",
    "rpm": "Requests allowed in a minute.",
    "tpm": "Tokens allowed in a minute, of prompts and replies together.",
    "burst": "Seconds of a limit by minute that may be used at once.",
    "stall": "Seconds until a stalled call is closed.",
    "trickle": "Seconds between two bytes of a trickle.",
    "idle": "Seconds after which an idle connection is closed; 0: never.",
    "batch_s": "Seconds until a batch is answered.",
    "batch_most": "Batches that may be under way at one time; more of them fail.",
    "faults": "Share of faulty replies, for example empty=0.1; may be given several times. Kinds: "
    + ", ".join(FAULTS) + ".",
    "ability": "How often it is right as a student, as 0.9, geometry=0.1 or geometry@step200=0.8: at problems"
    " with these words, by the model of this name; of several the last that fits.",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """One fake endpoint; times in seconds. `refuse` names forms of reply and fields that it does not know."""

    latency: float = 0.0
    sigma: float = 0.4  # with equal latencies all calls would come back in waves
    slots: int = 0
    queue: int | None = None
    full_status: int = 429
    retry_after: float = 0.0
    rpm: int | None = None
    tpm: int | None = None
    burst: float = 1.0
    stall: float = 3600.0
    trickle: float = 0.2
    idle: float = 0.0
    batch_s: float = 0.0
    batch_most: int | None = None
    faults: Mapping[str, float] = field(default_factory=dict)
    api_key: str | None = None
    models: Sequence[str] | None = None
    refuse: Sequence[str] = ()
    abilities: Sequence[Ability] = ()

    def __post_init__(self) -> None:
        unknown = sorted(set(self.faults) - set(FAULTS))
        if unknown:
            raise ValueError(f"unknown faults: {', '.join(unknown)}")
        if any(not 0 <= share <= 1 for share in self.faults.values()):
            raise ValueError("shares of faults are from 0 to 1")
        if self.full_status not in (429, 503):
            raise ValueError("the status of what is refused is 429 or 503")

    def of_the_model(self) -> dict[str, float]:
        """The faults that the fake model itself draws."""
        of_model = {*CONTENT_FAULTS, *STATUS_FAULTS}
        return {name: share for name, share in self.faults.items() if name in of_model}

    def wire_fault(self, name: str, attempt: int) -> str:
        """What goes wrong on the way back of a body (by its hash) at this attempt, or nothing."""
        wanted = [kind for kind in WIRE_FAULTS if self.faults.get(kind)]
        if not wanted:
            return ""
        draw = stream(attempt, "fake-wire", name).random()
        for kind in wanted:
            if draw < self.faults[kind]:
                return kind
            draw -= self.faults[kind]
        return ""


def share_of(text: str) -> tuple[str, float]:
    """`KIND=SHARE` as a pair.

    Raises:
        ValueError: it is none.
    """
    kind, equals, share = text.partition("=")
    if not equals or not 0 <= float(share) <= 1:
        raise ValueError(f"{text!r} is not KIND=SHARE with a share from 0 to 1")
    return kind.strip(), float(share)
