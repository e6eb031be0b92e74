"""What an endpoint says in headers of its limits and of when to come again, in the usual spellings.

In: the headers of one answer, names in lower case. Out: seconds to wait, and for each kind of limit how much
is allowed, how much is left and when it will be whole again. Nothing here trusts our own clock more than the
endpoint's: a time of day is read against the `Date` of the same answer wherever there is one.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Literal, NamedTuple

Kind = Literal["requests", "tokens", "input_tokens", "output_tokens"]

DAY_S = 86_400.0
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?")
_PIECE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ms|us|µs|ns|d|h|m|s)")
_UNITS = {"d": DAY_S, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_MARKS = ("ratelimit", "rate-limit")
_LONGEST = 64


class Limit(NamedTuple):
    """One limit as told: so much in a period, so much of it left, whole again in so many seconds."""

    most: float | None = None
    left: float | None = None
    reset_s: float | None = None


def retry_after_s(headers: Mapping[str, str], wall: float) -> float | None:
    """Seconds that the endpoint asks to wait; `wall` is the time of day, used where it names none itself."""
    text = headers.get("retry-after-ms")
    if text is not None and _NUMBER.fullmatch(text.strip()):
        return float(text) / 1000
    text = headers.get("retry-after")
    return None if text is None else _seconds(text, _now(headers, wall))


def limits(headers: Mapping[str, str], wall: float) -> dict[Kind, Limit]:
    """Every limit that an answer tells; empty for the many endpoints that tell none."""
    found: dict[Kind, dict[str, float]] = {}
    for name, value in headers.items():
        if not any(mark in name for mark in _MARKS):
            continue
        field = next((f for f in ("limit", "remaining", "reset") if f in _words(name)), None)
        if field is None or len(value) > _LONGEST:
            continue
        number = _seconds(value, _now(headers, wall)) if field == "reset" else _number(value)
        if number is not None:
            found.setdefault(_kind(name), {})[field] = number
    return {k: Limit(f.get("limit"), f.get("remaining"), f.get("reset")) for k, f in found.items()}


def _words(name: str) -> list[str]:
    """The words of a name, without the two that all of them have."""
    for mark in _MARKS:
        name = name.replace(mark, "")
    return name.split("-")


def _kind(name: str) -> Kind:
    if "token" not in name:
        return "requests"
    if "input" in name or "prompt" in name:
        return "input_tokens"
    return "output_tokens" if "output" in name or "completion" in name else "tokens"


def _number(text: str) -> float | None:
    """A count; of `100, 100;w=60` the first."""
    found = _NUMBER.match(text.strip())
    return float(found[0]) if found else None


def _now(headers: Mapping[str, str], wall: float) -> float:
    """The time of day at the endpoint, so that two clocks that disagree do no harm."""
    said = headers.get("date")
    told = _date(said) if said else None
    return wall if told is None else told


def _seconds(text: str, now: float) -> float | None:
    """`30`, `1.5`, `6m0s`, `12ms`, a time since 1970 in seconds or milliseconds, or a date; from now on."""
    text = text.strip()[:_LONGEST]
    if _NUMBER.fullmatch(text):
        value = float(text)
        if value >= 1e12:
            value /= 1000
        return _bounded(value - now if value >= 1e9 else value)
    pieces = _PIECE.findall(text)
    if pieces and "".join(number + unit for number, unit in pieces) == text:
        return _bounded(sum(float(number) * _UNITS[unit] for number, unit in pieces))
    moment = _date(text)
    return None if moment is None else _bounded(moment - now)


def _bounded(seconds: float) -> float:
    return min(max(0.0, seconds), DAY_S)


def _date(text: str) -> float | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            return read(text).timestamp()
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
    return None
