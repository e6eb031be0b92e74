"""Plain values as JSON and back: what travels between code and its tests, which share no process.

In: None, booleans, numbers, text, bytes and containers of them. Out: JSON in which each kind is marked. No
other object travels, so none whose comparisons somebody wrote. This is run inside boxes too, and imports
nothing of ours.
"""

import json
from typing import Any

_KINDS: dict[Any, str] = {list: "l", tuple: "t", set: "s", frozenset: "f"}
_MAKERS = {mark: kind for kind, mark in _KINDS.items()}


class NotPlain(TypeError):
    """A value that does not travel."""


def dumps(value: Any) -> str:
    """A value as one line.

    Raises:
        NotPlain: it is, or holds, an object of another kind, or is nested too deeply.
    """
    try:
        return json.dumps(_packed(value))
    except RecursionError:
        raise NotPlain("it is nested too deeply") from None


def loads(line: str) -> Any:
    """The value of a line that `dumps` wrote.

    Raises:
        ValueError: it is no such line.
    """
    try:
        return _unpacked(json.loads(line))
    except (KeyError, TypeError, IndexError, RecursionError) as fault:
        raise ValueError(f"no plain value ({type(fault).__name__})") from None


def _packed(value: Any) -> Any:
    kind = type(value)  # a class derived from int may compare as it likes
    if value is None or kind in (bool, int, float, str):
        return value
    if kind in _KINDS:
        return {_KINDS[kind]: [_packed(one) for one in value]}
    if kind is dict:
        return {"d": [[_packed(key), _packed(one)] for key, one in value.items()]}
    if kind in (bytes, bytearray):
        return {"b": bytes(value).hex()}
    if kind is complex:
        return {"c": [value.real, value.imag]}
    if kind is range:
        return {"r": [value.start, value.stop, value.step]}
    raise NotPlain(f"a {kind.__name__} does not travel")


def _unpacked(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    ((mark, inside),) = tree.items()
    if mark in _MAKERS:
        return _MAKERS[mark](_unpacked(one) for one in inside)
    if mark == "d":
        return {_unpacked(key): _unpacked(one) for key, one in inside}
    if mark == "b":
        return bytes.fromhex(inside)
    if mark == "c":
        return complex(*inside)
    if mark == "r":
        return range(*inside)
    raise ValueError(f"no plain value ({mark!r})")
