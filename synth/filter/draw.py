"""Draws that depend on seed, purpose and id alone: on no order, part or worker."""

import heapq
from collections.abc import Iterable

from synth.ids import digest


def drawn(ids: Iterable[str], size: int, seed: int, purpose: str) -> list[str]:
    """At most `size` of the ids, drawn; those of a smaller draw are among those of a larger one."""
    return heapq.nsmallest(size, ids, key=lambda item: digest("filter", seed, purpose, item))
