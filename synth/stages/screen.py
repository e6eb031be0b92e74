"""Questions in, those that may be answered out, with the closest call of each check.

Checks go by cost (METHOD 6.8): format rules, orders and personal data from the source (6.9), copies of
examples, contamination (6.5) of the question and of its passages, copies of the source, paraphrases of items
of benchmarks (6.5), exact duplicates, near-duplicates (6.4), the same in other words. A question that fails
is one rejected row with the first reason that applies. Of duplicates that one stays which copies least of its
sources, then the one with the smaller id; so the outcome does not depend on the order of rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from synth.config import ScreenConfig
from synth.config_publish import StoreConfig
from synth.dedup.benchmarks import Item
from synth.dedup.choosing import Rules
from synth.dedup.contamination import Decontaminator, Hit
from synth.dedup.index import MANIFEST, Index
from synth.dedup.measuring import Measurer, Scheme
from synth.dedup.near import Pair, find_pairs
from synth.dedup.normalise import spoken, tokens
from synth.dedup.overlap import Best, Overlap
from synth.dedup.paraphrases import Embed
from synth.dedup.survivors import Kept, choose
from synth.dedup.tiers import Judge, Tiers
from synth.documents.privacy import find_personal
from synth.errors import ConfigError, StoreError
from synth.schemas import TABLES
from synth.stages.base import Output, Rejected, make_table
from synth.stages.orders import copied_order
from synth.stages.screen_benchmarks import PASSAGE, passages_with_items, tiers_of
from synth.stages.screen_benchmarks import reject as contaminated
from synth.stages.screen_meaning import without_same
from synth.stages.screen_rules import Broken, broken_rule

# How like its nearest kept neighbour a kept question is, is reported from this similarity up.
REPORTED = 0.4
# Of an earlier question that a question repeats: it stands in no table of the run.
OF_INDEX = "of the index (screen.index)"
_PERSONAL = {"email": "an e-mail address", "phone": "a telephone number", "person": "the name of a person"}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """A question that passed every check of its own, and how close it came."""

    row: Row
    comparable: str
    source: float
    example: float
    benchmark: float

    @property
    def preference(self) -> tuple[float, str]:
        """Smaller stays: fewer n-grams of its sources, then the smaller id."""
        return self.source, self.row["question_id"]


@dataclass(frozen=True, slots=True)
class Checks:
    """What a question is compared with on its own."""

    config: ScreenConfig
    passages: Overlap
    examples: Overlap
    benchmarks: Decontaminator
    leaking: Mapping[str, Hit]  # passages that hold an item
    sources: Mapping[str, Sequence[str]]  # title and text of each passage
    mask: Sequence[str]

    def measure(self, row: Row) -> Measured | Rejected:
        """The closest calls of a question, or the first reason against it."""
        if broken := broken_rule(row["question"], row["language"], self.config):
            return _reject(row, broken)
        if broken := self._unwanted(row):
            return _reject(row, broken)
        found = tokens(row["question"])
        said = spoken(found)
        example = self.examples.best_of_words(said)
        if example.text_id and example.share >= self.config.copied_example:
            return _reject(row, Broken("copied_example", self._holds("an example", example)))
        if hit := self.benchmarks.check_tokens(found):
            return contaminated(row, hit)
        if held := next((self.leaking[key] for key in row["references"] if key in self.leaking), None):
            return contaminated(row, held, PASSAGE)
        source = self.passages.best_of_words(said, row["references"])
        if self.config.copied_source < 1 and source.share > self.config.copied_source:
            return _reject(row, Broken("copied_source", self._holds("a passage", source)), source.text_id)
        benchmark = self.benchmarks.overlap_tokens(found)
        return Measured(row, " ".join(found), source.share, example.share, benchmark)

    def _unwanted(self, row: Row) -> Broken | None:
        """What a document has smuggled in: an order to the model, or data of a person."""
        given = (text for key in row["references"] for text in self.sources.get(key, ()))
        if order := copied_order(row["question"], given):
            return Broken("instruction", f"says `{order[:60]}`")
        if kind := find_personal(row["question"], self.mask):
            return Broken("personal_data", f"holds what looks like {_PERSONAL[kind]}")
        return None

    def _holds(self, what: str, best: Best) -> str:
        return f"{what} holds {best.share:.2f} of its {self.config.copy_ngram}-grams"


def screen_questions(
    questions: pa.Table,
    passages: pa.Table | None,
    examples: Sequence[str],
    benchmarks: Sequence[Item],
    config: ScreenConfig,
    mask: Sequence[str] = (),
    seeds: Mapping[str, str] | None = None,
    embed: Embed | None = None,
    judge: Judge | None = None,
    index: Index | None = None,
    store: Index | None = None,
) -> Output:
    """The questions that pass; each of the others is one rejected row.

    `mask` names the kinds of personal data that no question may hold; `seeds` are problems (id -> text) that
    none may repeat; `embed` is there where paraphrases of items, or questions of the same meaning, are looked
    for, `judge` where a model decides on those; `index` and `store` hold questions of earlier runs that none
    may repeat either.
    """
    rows = questions.to_pylist()
    tiers = tiers_of(benchmarks, config, embed, judge)
    checks = _checks(rows, passages, examples, tiers, config, mask)
    results = [checks.measure(row) for row in rows]
    rejected = [result for result in results if isinstance(result, Rejected)]
    passed, paraphrased = _without_paraphrases([r for r in results if isinstance(r, Measured)], tiers)
    measured = sorted(passed, key=lambda m: m.preference)
    known = {" ".join(tokens(text)): name for name, text in sorted((seeds or {}).items(), reverse=True)}
    new, same = _same_as_seeds(measured, known)
    distinct, copies = _without_copies(new)
    unlike, like = _like_seeds(distinct, known, config)
    unlike, earlier = _like_earlier(unlike, index, config, OF_INDEX)
    unlike, of_store = _like_earlier(unlike, store, config, "of the store")
    kept, near, pairs = _without_near(unlike, config)
    kept, same_meaning = without_same(kept, config, embed, judge)
    nearest = _nearest([m.row["question_id"] for m in unlike], pairs, kept)
    return Output(
        tables={"screened": make_table("screened", (_screened(m, nearest) for m in kept))},
        inputs=frozenset(row["question_id"] for row in rows),
        parents=frozenset(m.row["question_id"] for m in kept),
        rejected=[*rejected, *paraphrased, *same, *copies, *like, *earlier, *of_store, *near, *same_meaning],
    )


def open_index(config: ScreenConfig) -> Index | None:
    """The index of earlier questions that is named, which must be there.

    Raises:
        ConfigError: it is not there, or was made by other settings.
    """
    if not config.index:
        return None
    folder = Path(config.index).expanduser()
    if not (folder / MANIFEST).is_file():
        raise ConfigError(f"screen.index {folder}: there is no index here; make it by `synth dedup --index`.")
    return Index(folder, scheme_of(config))


def open_store(store: StoreConfig, config: ScreenConfig) -> Index | None:
    """Of the index of a store the runs that were there before this one; None where there is no store.

    Raises:
        ConfigError: it was made by other settings.
        StoreError: an earlier run is not in it.
    """
    if not store.index:
        return None
    index = Index(Path(store.index), scheme_of(config))
    if lost := sorted(set(store.runs) - set(index.sources)):
        raise StoreError(
            f"{store.index}: the run {lost[0]} is not in this index of the store; run the store once more"
            " (`synth run --store`), which builds it anew."
        )
    return index.only(store.runs)


def scheme_of(config: ScreenConfig) -> Scheme:
    """What questions are measured by."""
    return Scheme(config.shingle_words, config.permutations, config.bands, config.rows)


def _checks(
    rows: Sequence[Row],
    passages: pa.Table | None,
    examples: Sequence[str],
    tiers: Tiers,
    config: ScreenConfig,
    mask: Sequence[str],
) -> Checks:
    used = {reference for row in rows for reference in row["references"]}
    passages = TABLES["passages"].schema.empty_table() if passages is None else passages
    columns = (passages[name].to_pylist() for name in ("passage_id", "title", "text"))
    sources = {row_id: (title, text) for row_id, title, text in zip(*columns, strict=True) if row_id in used}
    known = {f"{place:06d}": text for place, text in enumerate(examples)}
    texts = {row_id: text for row_id, (_, text) in sources.items()}
    return Checks(
        config,
        Overlap(texts, config.copy_ngram),
        Overlap(known, config.copy_ngram),
        tiers.words,
        passages_with_items(tiers, texts),
        sources,
        mask,
    )


def _without_paraphrases(measured: Sequence[Measured], tiers: Tiers) -> tuple[list[Measured], list[Rejected]]:
    """The questions that say what no item says, and the others as rejected rows."""
    hits = tiers.paraphrased([one.row["question"] for one in measured])
    kept = [one for one, hit in zip(measured, hits, strict=True) if hit is None]
    return kept, [contaminated(one.row, hit) for one, hit in zip(measured, hits, strict=True) if hit]


def _same_as_seeds(
    measured: Sequence[Measured], seeds: Mapping[str, str]
) -> tuple[list[Measured], list[Rejected]]:
    """The questions that are no seed, and the others; `seeds` are comparable text -> id."""
    kept = [one for one in measured if one.comparable not in seeds]
    broken = Broken("duplicate", "the text of a seed problem")
    same = [one for one in measured if one.comparable in seeds]
    return kept, [_reject(one.row, broken, seeds[one.comparable]) for one in same]


def _like_seeds(
    distinct: Sequence[Measured], seeds: Mapping[str, str], config: ScreenConfig
) -> tuple[list[Measured], list[Rejected]]:
    """The questions that are unlike all seeds, and the others. No two of all these texts are equal."""
    if not seeds or not distinct:
        return list(distinct), []
    pairs = find_pairs(
        [*(one.comparable for one in distinct), *seeds],
        config.shingle_words,
        config.permutations,
        config.bands,
        config.rows,
        config.threshold,
        split=str.split,
    )
    ids, first = list(seeds.values()), len(distinct)
    nearest: dict[int, tuple[float, str]] = {}
    for left, right, jaccard in pairs:
        if left < first <= right and jaccard >= config.threshold:
            found = (-jaccard, ids[right - first])
            nearest[left] = min(found, nearest.get(left, found))
    kept = [one for place, one in enumerate(distinct) if place not in nearest]
    said = "Jaccard similarity {:.3f} to a seed problem"
    return kept, [
        _reject(distinct[place].row, Broken("near_duplicate", said.format(-less)), seed)
        for place, (less, seed) in nearest.items()
    ]


def _like_earlier(
    unlike: Sequence[Measured], index: Index | None, config: ScreenConfig, where: str
) -> tuple[list[Measured], list[Rejected]]:
    """The questions that repeat none of an index, and the others; a question is no copy of itself there."""
    if index is None or not unlike:
        return list(unlike), []
    measured = Measurer(index.scheme).measure([one.row["question"] for one in unlike])
    ids = [one.row["question_id"] for one in unlike]
    found = index.search(measured, Rules(config.threshold, config.twins), own=ids)
    kept = [one for place, one in enumerate(unlike) if place not in found]
    said = f"Jaccard similarity {{:.3f}} to an earlier question {where}"
    return kept, [
        _reject(unlike[place].row, Broken("near_duplicate", said.format(match.jaccard)), match.id)
        for place, match in sorted(found.items())
    ]


def _without_copies(measured: Sequence[Measured]) -> tuple[list[Measured], list[Rejected]]:
    """The first of those that are equal once normalised, and the others as rejected rows."""
    first: dict[str, Measured] = {}
    copies: list[Rejected] = []
    for one in measured:
        kept = first.setdefault(one.comparable, one)
        if kept is not one:
            broken = Broken("duplicate", "the same text once normalised")
            copies.append(_reject(one.row, broken, kept.row["question_id"]))
    return list(first.values()), copies


def _without_near(
    measured: Sequence[Measured], config: ScreenConfig
) -> tuple[list[Measured], list[Rejected], list[Pair]]:
    """The survivors, the others as rejected rows, and the pairs of all that were seen."""
    ids = [m.row["question_id"] for m in measured]
    order = {m.row["question_id"]: m.preference for m in measured}
    pairs = find_pairs(
        [m.comparable for m in measured],
        config.shingle_words,
        config.permutations,
        config.bands,
        config.rows,
        config.threshold,
        floor=REPORTED,
        split=str.split,
    )
    wordings = [_wording(m.comparable) for m in measured] if config.twins == "keep" else range(len(ids))
    near = (p for p in pairs if p.jaccard >= config.threshold and wordings[p.left] != wordings[p.right])
    removed = choose(ids, order.__getitem__, near)
    kept = [m for m in measured if m.row["question_id"] not in removed]
    rejected = [
        _reject(m.row, Broken("near_duplicate", f"Jaccard similarity {fate.jaccard:.3f}"), fate.kept_id)
        for m in measured
        if (fate := removed.get(m.row["question_id"]))
    ]
    return kept, rejected, pairs


def _wording(comparable: str) -> str:
    """A normalised text with its numbers masked: questions of one wording are twins."""
    return " ".join("0" if token[0].isdigit() else token for token in comparable.split(" "))


def _nearest(ids: Sequence[str], pairs: Sequence[Pair], kept: Sequence[Measured]) -> dict[str, Kept]:
    """For each survivor the survivor most like it, the smaller id of equals; pairs name places in `ids`."""
    nearest: dict[str, Kept] = {}
    stays = {one.row["question_id"] for one in kept}
    for mine, other, jaccard in _both_ways(ids, pairs):
        if mine not in stays or other not in stays:
            continue
        known = nearest.get(mine)
        if known is None or (-jaccard, other) < (-known.jaccard, known.kept_id):
            nearest[mine] = Kept(other, jaccard)
    return nearest


def _both_ways(ids: Sequence[str], pairs: Sequence[Pair]) -> Iterator[tuple[str, str, float]]:
    for left, right, jaccard in pairs:
        yield ids[left], ids[right], jaccard
        yield ids[right], ids[left], jaccard


def _screened(one: Measured, nearest: dict[str, Kept]) -> Row:
    near = nearest.get(one.row["question_id"])
    return {
        "question_id": one.row["question_id"],
        "nearest_id": near.kept_id if near else None,
        "nearest_jaccard": near.jaccard if near else None,
        "source_overlap": one.source,
        "example_overlap": one.example,
        "benchmark_overlap": one.benchmark,
    }


def _reject(row: Row, broken: Broken, clash_id: str | None = None) -> Rejected:
    return Rejected(row["question_id"], row["combination_id"], broken.reason, broken.detail, clash_id, row)
