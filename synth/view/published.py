"""Figures that were published with a dataset. In: `stats.json`, with anything in it. Out: what pages show.

A figure that is not what it should be is left out, and the others are shown.
"""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

# So that each can be divided, and written out.
Count = Annotated[int, Field(ge=0, le=2**53, strict=True)]


class _Spread(BaseModel):
    """How many words texts have: of so many percent at most so many."""

    p5: FiniteFloat
    p25: FiniteFloat
    p50: FiniteFloat
    p75: FiniteFloat
    p95: FiniteFloat


class _Stage(BaseModel):
    """What went into a stage, and came out of it."""

    model_config = ConfigDict(extra="ignore")

    stage: str
    inputs: Count
    outputs: Count
    rejected: Count
    reasons: dict[str, Count]


_COUNT = TypeAdapter(Count)
_KNOWN: dict[str, TypeAdapter[Any]] = {
    **dict.fromkeys(("rows", "sources", "concepts_used", "concepts_found", "cross_document"), _COUNT),
    "words": TypeAdapter(dict[str, _Spread]),
    "funnel": TypeAdapter(list[_Stage]),
}


def figures(path: Path) -> dict[str, Any]:
    """The figures of a file by their names; empty where it is none."""
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    found = {}
    for name, form in _KNOWN.items() if isinstance(told, dict) else ():
        try:
            found[name] = form.dump_python(form.validate_python(told[name]))
        except (KeyError, ValidationError):
            continue
    return found
