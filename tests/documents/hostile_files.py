"""How a hostile file is written down: its content, and what has to become of it."""

import random
from collections.abc import Callable
from pathlib import Path

from tests.documents.tools import PROSE, put

MEGABYTE = 1_000_000

Outcome = str | Callable[[str], bool]
Outcomes = dict[str, Outcome]
# A reason begins so.
WHY = "!"


def holds(*parts: str) -> Callable[[str], bool]:
    return lambda text: all(part in text for part in parts)


def lacks(*parts: str) -> Callable[[str], bool]:
    return lambda text: bool(text) and not any(part in text for part in parts)


def short(limit: int = 3 * MEGABYTE) -> Callable[[str], bool]:
    return lambda text: 0 < len(text) < limit


def written(folder: Path, cases: dict[str, tuple[bytes | str, Outcome]]) -> Outcomes:
    for name, (content, _) in cases.items():
        put(folder, name, content)
    return {name: outcome for name, (_, outcome) in cases.items()}


def own(name: str) -> str:
    """Prose that no other file has."""
    rng = random.Random(name)
    return f"{name}: " + " ".join(
        rng.choice(PROSE.replace(",", "").split()) + str(rng.randrange(999)) for _ in range(60)
    )
