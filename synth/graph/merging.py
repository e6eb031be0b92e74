"""Names that mean one concept: in, concepts with their counts; out, which is taken for which.

Two concepts of a kind may be one where their names differ by plurals, hyphens and spaces only (`x < y` is
not `x > y`), or, when asked, where their vectors are near. That alone says little: `metric space` is near
`metric`, and `unweighted graph` near `weighted graph`. So near names must say the same words (`rule of
derivatives`, `derivative rules`), or share words and all numbers and be one concept to a model. Each is
compared with the one it is taken for and with nothing else, so no chain leads from one meaning to another;
and a concept takes in no more names than a cap. What was merged is a table, so it can be undone.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from synth.graph.names import canonical, stems
from synth.graph.pool import Vectors

SPELLING, SIMILAR, MODEL = "spelling", "similar", "model"
# Says for each pair of names whether they are one concept.
Confirm = Callable[[Sequence[tuple[str, str]]], Sequence[bool]]
Row = dict[str, Any]
BLOCK, SLACK, DIGITS = 512, 1e-4, 6
_WORD, _NUMBER = re.compile(r"\w+"), re.compile(r"\d+")
_SIGN = re.compile(r"[^\w\s]")
# A hyphen joins words (`well-ordered`, `p-value`, `2-norm`); between letters or before a digit it is a minus.
_HYPHEN = re.compile(r"(?<=[^\W_])[-‐‑–](?=[^\W\d_]{2})|(?<=[^\W\d_]{2})[-‐‑–](?=[^\W\d_])")
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])['’](?=[^\W\d_])")
# All but that between two numbers.
_SPACE = re.compile(r"(?<!\d)\s+|\s+(?!\d)")
_BRITISH = re.compile(r"(\w{3}[iy])s(e|ed|er|ing|ation|ations)$")
ARTICLES = frozenset({"a", "an", "the"})
# They end as plurals do and are none; statistics are no statistic either, nor physics a physic.
NO_PLURALS = frozenset({"https", "lens", "news"})


class Concept(NamedTuple):
    """A concept as it was extracted, with how many passages have it."""

    concept_id: str
    kind: str
    name: str
    passages: int


class Merge(NamedTuple):
    """A concept that is taken for another of its kind, how that came about, and the cosine (else 1)."""

    merged_id: str
    concept_id: str
    kind: str
    merged_name: str
    name: str
    how: str
    score: float


def merges(
    concepts: Sequence[Concept],
    vectors: Vectors | None,
    least: float,
    most_names: int,
    confirm: Confirm | None = None,
) -> list[Merge]:
    """What is taken for what: the rarer for the more frequent, then the larger id for the smaller.

    Row `i` of `vectors`, of length one or zero, is of `concepts[i]`; without them spelling alone decides.
    `confirm` is asked at most once for each concept, with the nearest that shares words with it.
    """
    order = sorted(range(len(concepts)), key=lambda i: (-concepts[i].passages, concepts[i].concept_id))
    ordered = [concepts[i] for i in order]
    pairs: dict[int, list[tuple[float, int, str]]] = defaultdict(list)
    for one, other in _spelled_alike(ordered):
        pairs[other].append((-1.0, one, SPELLING))
    if vectors is not None:
        asked: dict[int, tuple[float, int]] = {}
        for one, other, cosine in _near(vectors[order], least):
            mine, theirs = ordered[one], ordered[other]
            if mine.kind != theirs.kind:
                continue
            if wording(mine.name) == wording(theirs.name):
                pairs[other].append((-cosine, one, SIMILAR))
            elif agree(mine.name, theirs.name):
                asked[other] = min(asked.get(other, (0.0, one)), (-cosine, one))
        _confirmed(
            {other: pair for other, pair in asked.items() if not pairs[other]}, ordered, confirm, pairs
        )
    found, names = dict[int, tuple[int, str, float]](), [1] * len(ordered)
    for place in range(len(ordered)):
        for score, leader, how in sorted(pairs[place]):
            # A leader that was itself merged would make a chain.
            if leader not in found and names[leader] < most_names:
                found[place], names[leader] = (leader, how, -score), names[leader] + 1
                break
    return [_merge(ordered[i], ordered[j], how, score) for i, (j, how, score) in sorted(found.items())]


def _confirmed(
    asked: Mapping[int, tuple[float, int]],
    ordered: Sequence[Concept],
    confirm: Confirm | None,
    pairs: Mapping[int, list[tuple[float, int, str]]],
) -> None:
    """Add what a model takes for one concept."""
    if confirm is None or not asked:
        return
    said = confirm([(ordered[other].name, ordered[one].name) for other, (_, one) in asked.items()])
    for (other, (score, one)), same in zip(asked.items(), said, strict=True):
        if same:
            pairs[other].append((score, one, MODEL))


def _merge(merged: Concept, into: Concept, how: str, score: float) -> Merge:
    return Merge(merged.concept_id, into.concept_id, into.kind, merged.name, into.name, how, score)


def spelling(name: str) -> str:
    """What names that differ by plurals, hyphens and spaces have in common; signs tell names apart."""
    return _SPACE.sub("", _WORD.sub(lambda word: _singular(word[0]), _unjoined(canonical(name))))


def wording(name: str) -> tuple[str, ...]:
    """The words of a name in the singular, then its signs; `rule of derivatives` is `derivative rule`.

    Nothing is left out but articles, so that no name is taken for a wider one.
    """
    known = canonical(name).replace("'s ", " ").replace("’s ", " ")
    parts = re.split(r"\s(?:of|for)\s", known)
    words = (word for part in reversed(parts) for word in _WORD.findall(part) if word not in ARTICLES)
    signs = _SIGN.findall(_unjoined(known).replace(",", " "))
    return *(_singular(_BRITISH.sub(r"\1z\2", word)) for word in words), *signs


def _unjoined(name: str) -> str:
    """A name with blanks for what only joins words."""
    return _APOSTROPHE.sub(" ", _HYPHEN.sub(" ", name.replace("_", " ")))


def _singular(word: str) -> str:
    if word in NO_PLURALS or word.endswith("ics"):
        return word
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ses", "xes", "zes", "ches", "shes")):
        return word[:-2]
    return (
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word
    )


def agree(one: str, other: str) -> bool:
    """Whether two names share all numbers, and half of the words of the longer one, by their beginnings."""
    if sorted(_NUMBER.findall(one)) != sorted(_NUMBER.findall(other)):
        return False
    mine, theirs = stems([one]), stems([other])
    return 2 * len(mine & theirs) >= max(len(mine), len(theirs), 1)


def _spelled_alike(concepts: Sequence[Concept]) -> Iterator[tuple[int, int]]:
    first: dict[tuple[str, str], int] = {}
    for place, concept in enumerate(concepts):
        key = (concept.kind, spelling(concept.name) or concept.name)
        if first.setdefault(key, place) != place:
            yield first[key], place


def _near(vectors: Vectors, least: float) -> Iterator[tuple[int, int, float]]:
    """Pairs of rows whose cosine is at least so much, the earlier first; worked out in full precision."""
    for begin in range(0, len(vectors), BLOCK):
        block = vectors[begin : begin + BLOCK]
        others, ones = np.nonzero(block @ vectors[: begin + len(block)].T >= least - SLACK)
        keep = ones < others + begin
        ones, others = ones[keep], others[keep]
        exact = np.einsum("ij,ij->i", vectors[ones].astype(np.float64), block[others].astype(np.float64))
        for one, other, cosine in zip(
            ones.tolist(), others.tolist(), exact.round(DIGITS).tolist(), strict=True
        ):
            if cosine >= least:
                yield one, other + begin, cosine


def relabelled(rows: Iterable[Row], taken_for: Mapping[str, Merge]) -> list[Row]:
    """Mentions with the concepts that theirs are taken for; a passage may mention one more than once then."""
    made: list[Row] = []
    for row in rows:
        merge, under, new = (
            taken_for.get(row["concept_id"]),
            taken_for.get(row.get("topic_id", "")),
            dict(row),
        )
        if merge is not None:
            new |= {"concept_id": merge.concept_id, "name": merge.name}
        if under is not None:
            new |= {"topic_id": under.concept_id}
        made.append(new)
    return made
