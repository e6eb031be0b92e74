"""JSON in and out at the speed of calls: orjson where it says the same as the standard library, else that.

Lone surrogates, which models do send, and integers of more than 64 bits are what orjson cannot carry.
"""

import json
from typing import Any

import orjson

# Nothing but plain JSON values: what the standard library refuses is refused here too.
PLAIN = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


def write_json(value: Any) -> bytes:
    """A value as JSON on one line; what orjson cannot carry begins with a blank, for `read_json` to know.

    A number that is none (`nan`, infinity) becomes null.

    Raises:
        TypeError: the value holds something that JSON has no form for.
    """
    try:
        return orjson.dumps(value, option=PLAIN)
    except orjson.JSONEncodeError:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return b" " + text.encode("utf-8", errors="surrogatepass")


def read_json(text: bytes) -> Any:
    """What `write_json` wrote, value for value.

    Raises:
        ValueError: it is not JSON.
    """
    if text[:1] != b" ":
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass  # written before there was a mark
    return json.loads(text.decode("utf-8", errors="surrogatepass"))


def loads(text: str) -> Any:
    """Any JSON that the standard library reads; integers of more than 64 bits may come as floats.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deep.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)
