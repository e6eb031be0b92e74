"""A classifier that learns from a rater (SynthLLM, filtering): rate some, learn, rate the rest, twice.

In: the ids of all passages, sorted, and a way through their texts. Out: a predicted score for each.
Memory holds one embedding for each passage, and the texts of a thousand. Departs from the paper in what
costs calls: a round rates `filter.sample` passages, half of the set so far and the rest of the whole
corpus, not the whole of the set; and ratings of earlier rounds are learnt from again.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.config import RunConfig
from synth.documents.survey import Judged, Mark, Verdict
from synth.errors import EndpointError
from synth.filter.cold_start import first_set
from synth.filter.draw import drawn
from synth.filter.ratings import AT_ONCE, STAGE, Passages, Rated, chunks, rate
from synth.filter.regress import Features, Values, fit, rank_correlation
from synth.llm.client import Reply
from synth.llm.embeddings import Embedder
from synth.stages.calls import Services

# Scores are rounded so that the last bits of a processor's sums decide nothing.
DIGITS = 3


class Embedded(NamedTuple):
    """Passages that have an embedding (ids sorted, n x d), those that have none, and the usual language."""

    ids: list[str]
    rows: Features
    failed: dict[str, Reply]
    language: str


def distil(ids: Sequence[str], passages: Passages, config: RunConfig, services: Services) -> Judged:
    """Marks and verdicts of all passages.

    Raises:
        EndpointError: not one rating could be used, so nothing can be learnt.
    """
    embedded = embed(ids, passages, config, services)
    judged = Judged()
    for passage_id, reply in embedded.failed.items():
        judged.fallen[passage_id] = Verdict(reply.reason or "", f"no embedding: {reply.detail}")
    if not embedded.ids:
        return judged
    rated = dict[str, Rated]()
    kept, written = first_set(embedded.ids, embedded.rows, embedded.language, config, services)
    services.say(
        f"Filter, first set: {written:,} documents were written as examples; "
        f"{len(kept):,} of {len(ids):,} passages resemble them."
    )
    scores: Values = np.zeros(0)
    for number in range(1, config.filter.rounds + 1):
        new = _chosen(embedded.ids, kept, rated, number, config)
        if not new and len(scores):
            break  # all have been rated, so nothing more can be learnt
        rated.update(rate(passages, frozenset(new), len(new), config, services))
        scores, said = _learn(embedded, rated, config)
        above = scores > config.filter.threshold
        kept = frozenset(np.array(embedded.ids)[above].tolist())
        share = len(kept) / len(ids)
        services.say(f"Filter, round {number}: {said}; {len(kept):,} passages kept ({share:.0%}).")
    _mark(judged, embedded.ids, scores, rated, config)
    return judged


def embed(ids: Sequence[str], passages: Passages, config: RunConfig, services: Services) -> Embedded:
    """The embeddings of the passages, in the order of their ids wherever they lie."""
    entry = config.roles.embedder
    embedder = Embedder(entry, config.endpoints()[entry], services.client, STAGE, services.calls.take)
    places = {passage_id: place for place, passage_id in enumerate(ids)}
    rows: Features | None = None
    failed, languages, done = dict[str, Reply](), Counter[str](), 0
    for some in chunks(passages(), AT_ONCE):
        languages.update(row["language"] for row in some)
        for row, found in zip(some, embedder.embed([row["text"] for row in some]), strict=True):
            if isinstance(found, Reply):
                failed[row["passage_id"]] = found
                continue
            rows = np.zeros((len(ids), len(found)), np.float32) if rows is None else rows
            rows[places[row["passage_id"]]] = found
        done += len(some)
        services.report(done, len(ids))
    usual = min(languages, key=lambda code: (-languages[code], code), default="en")
    if rows is None or failed:
        whole = [places[passage_id] for passage_id in ids if passage_id not in failed]
        rows = np.zeros((0, 0), np.float32) if rows is None else rows[whole]
    return Embedded([i for i in ids if i not in failed], rows, failed, usual)


def _chosen(
    ids: Sequence[str], kept: frozenset[str], rated: dict[str, Rated], number: int, config: RunConfig
) -> list[str]:
    """Half from the set so far, the rest from the whole corpus; none that was asked for before."""
    size, seed = config.filter.sample, config.seed
    inside = drawn((i for i in ids if i in kept and i not in rated), size // 2, seed, f"kept {number}")
    taken = {*rated, *inside}
    return inside + drawn((i for i in ids if i not in taken), size - len(inside), seed, f"all {number}")


def _learn(embedded: Embedded, rated: Mapping[str, Rated], config: RunConfig) -> tuple[Values, str]:
    """The score of every passage, and in words what was learnt from and how well."""
    useful = sorted(passage_id for passage_id, one in rated.items() if one.rating is not None)
    if not useful:
        one = rated[min(rated)]
        raise EndpointError(
            f"filter: none of {len(rated)} ratings could be used, one for example being {one.reason} "
            f"({one.detail}); look at the rater and its prompt."
        )
    held = set(drawn(useful, int(config.filter.held_out * len(useful)), config.seed, "held out"))
    rest = [passage_id for passage_id in useful if passage_id not in held]
    predict = fit(config.filter.regressor, _rows(embedded, rest), _ratings(rated, rest), config.seed)
    scores = np.clip(np.round(predict(embedded.rows), DIGITS), 1.0, 10.0)
    failed = len(rated) - len(useful)
    said = f"{len(useful):,} ratings" + (f", {failed:,} more could not be used" if failed else "")
    return scores, f"{said}; {_agreement(scores, embedded, rated, sorted(held))}"


def _agreement(scores: Values, embedded: Embedded, rated: Mapping[str, Rated], held: Sequence[str]) -> str:
    """How far the classifier ranks passages that it did not learn from as the rater does."""
    found = rank_correlation(scores[_places(embedded, held)], _ratings(rated, held))
    if found is None:
        return f"no rank correlation, as the {len(held)} ratings held out are too few or all alike"
    return f"rank correlation of rater and classifier on {len(held)} held out {found:.2f}"


def _places(embedded: Embedded, ids: Sequence[str]) -> NDArray[np.intp]:
    return np.searchsorted(np.array(embedded.ids), list(ids)) if ids else np.zeros(0, np.intp)


def _rows(embedded: Embedded, ids: Sequence[str]) -> Features:
    return embedded.rows[_places(embedded, ids)]


def _ratings(rated: Mapping[str, Rated], ids: Sequence[str]) -> Values:
    return np.array([rated[passage_id].rating for passage_id in ids], np.float64)


def _mark(
    judged: Judged, ids: Sequence[str], scores: Values, rated: Mapping[str, Rated], config: RunConfig
) -> None:
    """A mark on every passage, also where the rater itself has not read it, and a verdict on the low ones."""
    of = next(one.columns for _, one in sorted(rated.items()) if one.rating is not None)
    for passage_id, score in zip(ids, scores.tolist(), strict=True):
        one = rated.get(passage_id)
        rating = one.rating if one else None
        call_id = one.columns["call_id"] if one and rating is not None else None
        judged.marks[passage_id] = Mark(score, rating, of["model"], of["prompt_id"], call_id)
        if score <= config.filter.threshold:
            detail = f"predicted {score:.1f}, not above {config.filter.threshold:g}"
            judged.fallen[passage_id] = Verdict("low_rating", detail)
