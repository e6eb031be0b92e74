"""The first set of passages, before anything is rated (SynthLLM, cold start).

The rater writes documents that are typical of the domain; they are told apart from as many passages drawn
at random, by a classifier on embeddings; the passages that it takes for such documents are the first set.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from synth.config import RunConfig
from synth.filter.draw import drawn
from synth.filter.ratings import STAGE
from synth.filter.regress import Features, fit
from synth.ids import digest
from synth.llm.client import Reply
from synth.llm.embeddings import Embedder
from synth.stages.calls import Ask, Services, ask_all
from synth.text import normalise

KINDS = ("blog post", "exam paper", "textbook passage")
# Of the domains that recipes ship for; another domain is its own one subject.
SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "mathematics": (
        "algebra",
        "geometry",
        "number theory",
        "combinatorics and probability",
        "calculus and analysis",
        "linear algebra",
        "statistics",
        "discrete mathematics",
    ),
    "programming": (
        "algorithms",
        "data structures",
        "programming languages",
        "databases",
        "operating systems and networks",
        "software design and testing",
    ),
}


class FirstSet(NamedTuple):
    """The ids of the passages in it, and of how many documents it was made."""

    ids: frozenset[str]
    written: int


def first_set(
    ids: Sequence[str], rows: Features, language: str, config: RunConfig, services: Services
) -> FirstSet:
    """The passages that resemble documents of the domain; `rows` are the embeddings of `ids`, sorted."""
    positives = _embedded([*documents(language, config, services)], rows.shape[1], config, services)
    if not len(positives):
        return FirstSet(frozenset(), 0)
    chosen = sorted(drawn(ids, len(positives), config.seed, "negatives"))
    negatives = rows[np.searchsorted(ids, chosen)]
    labels = np.concatenate([np.ones(len(positives)), np.zeros(len(negatives))])
    predict = fit(config.filter.regressor, np.vstack([positives, negatives]), labels, config.seed)
    taken = np.round(predict(rows), 6) > 0.5
    return FirstSet(frozenset(np.array(ids)[taken].tolist()), len(positives))


def subjects_of(config: RunConfig) -> tuple[str, ...]:
    """The subjects that documents are written of: as configured, of the domain, or the domain itself."""
    return config.filter.subjects or SUBJECTS.get(config.domain, (config.domain,))


def _asks(language: str, config: RunConfig, services: Services) -> list[Ask]:
    """One call for each document; kinds take turns."""
    prompt = services.prompts.get(config.prompts.document)
    said = config.language if config.language != "source" else f"the language with the ISO code {language}"
    return [
        Ask(
            digest("document", subject, number),
            prompt,
            {"subject": subject, "kind": KINDS[number % len(KINDS)], "language": said},
            number,
        )
        for subject in subjects_of(config)
        for number in range(config.filter.positives)
    ]


def documents(language: str, config: RunConfig, services: Services) -> Iterator[str]:
    """The documents that were written; calls that failed are none."""
    asks = _asks(language, config, services)
    for answered in ask_all(asks, STAGE, "rater", config.prompts.documents_sampling, config, services):
        text = normalise(answered.reply.text)[: config.documents.passage_chars]
        if answered.fault() is None and text:
            yield text


def _embedded(texts: Sequence[str], size: int, config: RunConfig, services: Services) -> Features:
    entry = config.roles.embedder
    embedder = Embedder(entry, config.endpoints()[entry], services.client, STAGE, services.calls.take)
    found = [vector for vector in embedder.embed(texts) if not isinstance(vector, Reply)]
    return np.array(found, np.float32).reshape(len(found), size)
