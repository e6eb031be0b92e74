"""The key of a call, fast: the same bytes are hashed as `content_id` hashes, most of them written before.

In: who is asked, and a request. Out: its key. What requests have in common (schema, sampling settings, model)
is written once and remembered by its content, never by the object: who changes a schema gets a new key.
"""

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from synth.config import ModelConfig
from synth.ids import DIGEST_BYTES, canonical_json, content_id
from synth.llm.notation import PLAIN

if TYPE_CHECKING:
    from synth.llm.wire import Request

MOST_KNOWN = 512
_SORTED = PLAIN | orjson.OPT_SORT_KEYS
# What stands before the messages or inputs, and what after them, by its content.
_known: dict[bytes, tuple[bytes, bytes]] = {}


def call_key(identity: str, config: ModelConfig, request: "Request") -> str:
    """The call's id: the hash of the whole request and of who is asked."""
    varying = request.inputs or request.messages
    try:
        before, after = _around(identity, config, request)
        written = _texts(varying)
    except orjson.JSONEncodeError:  # lone surrogates, or values of other kinds: rare, and slow
        return content_id("call", *_parts(identity, config, request, list(varying)))
    last = b"]" if request.inputs else b"%d]" % request.sample
    return f"call_{blake2b(before + written + after + last, digest_size=DIGEST_BYTES).hexdigest()}"


def _parts(identity: str, config: ModelConfig, request: "Request", varying: list[Any]) -> list[Any]:
    """What a key is the hash of; `varying` is third."""
    if request.inputs:
        return [identity, config.model, varying, config.beside]
    form = [request.form, request.schema_name, request.schema]
    sampling = request.sampling.model_dump()
    return [identity, config.model, varying, form, sampling, config.beside, request.sample]


def _texts(varying: tuple[Any, ...]) -> bytes:
    """Messages or inputs in canonical form, which orjson has for texts but not for every number."""
    for item in varying:
        texts = item.values() if type(item) is dict else (item,)
        if not all(type(text) is str for text in texts):
            raise orjson.JSONEncodeError("not a text")
    return orjson.dumps(varying, option=_SORTED)


def _around(identity: str, config: ModelConfig, request: "Request") -> tuple[bytes, bytes]:
    settings = None if request.inputs else request.sampling.__dict__
    form = (request.form, request.schema_name, request.schema)
    shared = (identity, config.model, config.beside, form, settings)
    content = orjson.dumps(shared, option=PLAIN)
    if (found := _known.get(content)) is None:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        found = _known[content] = _written(_parts(identity, config, request, []), bool(request.inputs))
    return found


def _written(parts: list[Any], is_embedding: bool) -> tuple[bytes, bytes]:
    """Canonical JSON of the parts without the third and, of a completion, without the sample number."""
    before = canonical_json(parts[:2])[:-1] + b","
    after = canonical_json(parts[3:] if is_embedding else parts[3:-1])
    return before, b"," + (after[1:-1] if is_embedding else after[1:-1] + b",")
