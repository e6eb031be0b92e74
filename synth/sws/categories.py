"""Categories: one spelling for each name, failure rates, and a budget by normalised rate (SwS, categories).

In: weaknesses, or counts. Out: the table `categories`. Rates and not counts are normalised: a small category
that is failed often receives a lot. Budgets are worked out in whole numbers and fractions, so they are the
same on every machine.
"""

import re
import unicodedata
from collections.abc import Mapping
from fractions import Fraction
from math import comb
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from synth.errors import ConfigError
from synth.stages.orders import find_order
from synth.sws.tables import CATEGORIES
from synth.text import cut_marks

UNKNOWN = "Uncategorised"
_SMALL = frozenset(("a", "an", "and", "as", "at", "by", "for", "in", "of", "on", "or", "the", "to", "with"))
_JOINTS = re.compile(r"[\s_\-–—/]+")
# A name stands in prompts and tables: what is longer, or orders something, is none.
MOST_CHARS, MOST_WORDS = 100, 15
_LONGEST = 1_000  # of a spelling, before anything is done with it
_MOST = 1 << 40  # of a budget or a number of problems: sums of these are whole numbers of 64 bits
CONCEPTS = 5  # of one combination (SwS, sampling)


def category_name(spelling: str) -> str | None:
    """The one spelling of a category: `counting_and_probability` is `Counting and Probability`.

    It is made of this spelling alone, so that it is the same in every round; null where nothing is left, and
    where it is no name but a text, or an order to a model.
    """
    if len(spelling) > _LONGEST:
        return None
    text = unicodedata.normalize("NFKC", cut_marks(_seen(spelling))).casefold().replace("&", " and ")
    words = [word.strip(".,;:'\"()[]") for word in _JOINTS.split(text)]
    words = [word for word in words if word]
    named = [word if n and word in _SMALL else word[:1].upper() + word[1:] for n, word in enumerate(words)]
    name = " ".join(named)
    if len(name) > MOST_CHARS or len(named) > MOST_WORDS:
        return None
    if find_order(spelling) or find_order(name):
        return None
    return name or None


def _seen(text: str) -> str:
    """The text without signs that cannot be seen: some turn the lines of a terminal around, or clear it."""
    return "".join(c for c in text if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf"))


def supported(concepts: int, size: int = CONCEPTS, shared: int = 2) -> int:
    """The most combinations of `size` concepts of which no two share more than `shared`.

    It is a bound: any `shared + 1` concepts stand together in one combination at most, which has
    comb(size, shared + 1) such groups; 40 concepts give 988 combinations of 5 that share 2.
    """
    if concepts < size:
        return int(concepts > 0)
    group = min(shared + 1, size)
    return comb(concepts, group) // comb(size, group)


class Share(NamedTuple):
    """What one category gets."""

    share: Fraction
    budget: int
    capped: bool


def budgets(
    counts: Mapping[str, tuple[int, int]], total: int, caps: Mapping[str, int] | None = None
) -> dict[str, Share]:
    """`total` problems over categories with (failed, all) problems, by largest remainder, in order of names.

    What a category cannot take beyond its cap goes to the others by their rates. Less than `total` is given
    out where nothing failed, or where all categories that failed something are at their caps.
    """
    names = sorted(counts)
    rates = {name: Fraction(counts[name][0], counts[name][1] or 1) for name in names}
    whole = sum(rates.values())
    shares = {name: rates[name] / whole if whole else Fraction(0) for name in names}
    given = dict.fromkeys(names, 0)
    capped: set[str] = set()
    left, open_ = total, [name for name in names if rates[name]]
    while open_ and left:
        placed = _largest_remainder({name: rates[name] for name in open_}, left)
        full = [name for name in open_ if caps and placed[name] > caps.get(name, placed[name])]
        if not full:
            given |= placed
            break
        for name in full:
            given[name] = (caps or {})[name]
            left -= given[name]
        capped |= set(full)
        open_ = [name for name in open_ if name not in capped]
    return {name: Share(shares[name], given[name], name in capped) for name in names}


def _largest_remainder(rates: Mapping[str, Fraction], total: int) -> dict[str, int]:
    whole = sum(rates.values())
    exact = {name: total * rate / whole for name, rate in rates.items()}
    placed = {name: int(share) for name, share in exact.items()}
    by_rest = sorted(exact, key=lambda name: (placed[name] - exact[name], name))
    for name in by_rest[: total - sum(placed.values())]:
        placed[name] += 1
    return placed


def categories(
    weaknesses: pa.Table, budget: int, *, totals: Mapping[str, int] | None = None,
    concepts: Mapping[str, int] | None = None, shared: int = 2,
) -> pa.Table:  # fmt: skip
    """The table `categories` of some weaknesses.

    `totals` are problems of a category where the log names its failures only; `concepts` are distinct
    concepts of each category, whose combinations bound its budget. A problem with several histories failed
    where it failed in all.

    Raises:
        ConfigError: a total names no category of the log, or is lower than its problems; it or the budget is
            too large.
    """
    for said, value in (
        ("--budget", budget),
        *((f"--total {name}", n) for name, n in (totals or {}).items()),
    ):
        if value > _MOST:
            raise ConfigError(f"{said}: give at most {_MOST:,} problems.")
    counts = _counts(weaknesses)
    for given, value in (totals or {}).items():
        name = category_name(given) or UNKNOWN
        if name not in counts:
            raise ConfigError(f"--total {given}: the log has no such category; it has {', '.join(counts)}.")
        if value < counts[name][1]:
            raise ConfigError(
                f"--total {given}: the log has {counts[name][1]:,} problems of it; give as many."
            )
        counts[name] = (counts[name][0], value)
    caps = {
        category_name(name) or UNKNOWN: supported(n, shared=shared) for name, n in (concepts or {}).items()
    }
    return table(counts, budgets(counts, budget, caps))


def table(counts: Mapping[str, tuple[int, int]], shares: Mapping[str, Share]) -> pa.Table:
    """The table `categories` of counts and what they were given."""
    rows = [
        {
            "category": name,
            "problems": counts[name][1],
            "failed": counts[name][0],
            "rate": counts[name][0] / (counts[name][1] or 1),
            "share": float(found.share),
            "budget": found.budget,
            "capped": found.capped,
        }
        for name, found in shares.items()
    ]
    return pa.Table.from_pylist(rows, schema=CATEGORIES.schema)


def _counts(weaknesses: pa.Table) -> dict[str, tuple[int, int]]:
    """Failed and all problems of each category, in order of names."""
    named = weaknesses.select(["problem_id", "is_weakness"]).append_column(
        "category", pc.fill_null(weaknesses["category"], UNKNOWN)
    )
    each = named.group_by(["category", "problem_id"]).aggregate([("is_weakness", "all")])
    counted = each.group_by("category").aggregate([("is_weakness_all", "sum"), ("problem_id", "count")])
    found = {
        row["category"]: (row["is_weakness_all_sum"], row["problem_id_count"]) for row in counted.to_pylist()
    }
    return dict(sorted(found.items()))
