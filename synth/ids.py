"""Content ids and named random streams: nothing here knows a clock, a run or a row number.

An id is a prefix and 96 bits of BLAKE2b over the canonical JSON of what it names, so the same
content has the same id on any machine; at ten million rows the odds of one clash are below 1e-15.
"""

import hashlib
import json
import random
from typing import Any

DIGEST_BYTES = 12


def canonical_json(value: Any) -> bytes:
    """The one way that a value is written before it is hashed.

    Raises:
        TypeError: the value holds something that has no single written form (a set, an object).
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8", errors="surrogatepass")


def digest(*parts: Any, size: int = DIGEST_BYTES) -> str:
    """Hexadecimal BLAKE2b of the parts, each told apart from its neighbour."""
    return hashlib.blake2b(canonical_json(parts), digest_size=size).hexdigest()


def content_id(prefix: str, *parts: Any) -> str:
    """The id of what `parts` describe, for example `q_5f0c…`."""
    return f"{prefix}_{digest(*parts)}"


def stream(seed: int, stage: str, item: str) -> random.Random:
    """The random stream of one item of one stage: independent of part, shard, worker and order."""
    return random.Random(int(digest("stream", seed, stage, item, size=16), 16))
