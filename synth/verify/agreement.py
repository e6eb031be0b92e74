"""How far two judges agree beyond what chance alone would give: Cohen's kappa."""

from collections import Counter
from collections.abc import Sequence


def observed(pairs: Sequence[tuple[str, str]]) -> float | None:
    """The share of pairs whose two verdicts are the same; None where there is no pair."""
    return sum(one == other for one, other in pairs) / len(pairs) if pairs else None


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa of two judges, from 1 (always agree) over 0 (as chance would) to below 0.

    None where it is undefined: without a pair, and where both always say the same one thing, so that
    chance alone would make them agree.
    """
    share = observed(pairs)
    if share is None:
        return None
    first, second = (Counter(verdicts) for verdicts in zip(*pairs, strict=True))
    # In whole numbers, so that a chance of exactly one is seen as such.
    by_chance = sum(count * second[verdict] for verdict, count in first.items())
    if by_chance == len(pairs) ** 2:
        return None
    chance = by_chance / len(pairs) ** 2
    return (share - chance) / (1 - chance)
