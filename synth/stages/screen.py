"""Questions in, those that may be answered out, with the closest call of each check.

Checks go by cost: format rules, orders and personal data from the source, copies of
examples, contamination (6.5) of the question and of its passages, copies of the source, paraphrases of items
of benchmarks (6.5), exact duplicates, near-duplicates (6.4), the same in other words. A question that fails
is one rejected row with the first reason that applies. Of duplicates that one stays which copies least of its
sources, then the one with the smaller id; so the outcome does not depend on the order of rows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synth.ahead import Done, Report
from synth.config import ScreenConfig
from synth.config_publish import StoreConfig
from synth.dedup.benchmarks import Item
from synth.dedup.choosing import Rules
from synth.dedup.index import MANIFEST, Index
from synth.dedup.measuring import Gathered, Measured, Measurer, Scheme
from synth.dedup.near import Banding, Pairs, pairs_of
from synth.dedup.near import Pair as NearPair
from synth.dedup.normalise import comparable
from synth.dedup.paraphrases import Embed
from synth.dedup.shards import take
from synth.dedup.survivors import choose
from synth.dedup.tiers import Judge
from synth.errors import ConfigError, StoreError
from synth.numbers import uniques
from synth.stages.base import Output, ordered_table
from synth.stages.fallen import Fall, Fallen
from synth.stages.screen_benchmarks import fall as contaminated
from synth.stages.screen_benchmarks import tiers_of
from synth.stages.screen_checks import Checks, Passages, falls_of
from synth.stages.screen_meaning import fall as retold
from synth.stages.screen_meaning import same_meaning
from synth.stages.screen_shares import own_checks

# How like its nearest kept neighbour a kept question is, is reported from this similarity up.
REPORTED = 0.4
# Of an earlier question that a question repeats: it stands in no table of the run.
OF_INDEX = "of the index (screen.index)"
# So many texts are taken out of their column at once.
BATCH = 2_000

Chosen = NDArray[np.bool_]
# Of a question by its place among others: reason, detail, id of the clash. Of a seed: id and text.
Broken = dict[int, tuple[str, str, str]]
Known = Mapping[str, tuple[str, str]]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Field:
    """Questions that are still in, those that are preferred first: a column each, and their shingles.

    What is preferred copies less of its sources; of equals the smaller id.
    """

    questions: pa.Table
    places: Places
    own: pa.Table
    rows: Measured

    def __len__(self) -> int:
        return len(self.places)

    def text(self, n: int) -> str:
        """The text of one of them."""
        found: str = self.questions["question"][int(self.places[n])].as_py()
        return found

    def comparable(self, n: int) -> str:
        """The text of one of them once normalised."""
        return comparable(self.text(n))

    def name(self, n: int) -> str:
        """The id of one of them."""
        found: str = self.questions["question_id"][int(self.places[n])].as_py()
        return found

    def names(self) -> pa.ChunkedArray:
        """The ids of all."""
        return self.questions["question_id"].take(pa.array(self.places))

    def texts(self) -> list[str]:
        """The texts of all."""
        found: list[str] = self.questions["question"].take(pa.array(self.places)).to_pylist()
        return found

    def without(self, gone: Iterable[int]) -> "Field":
        """The others, in their order."""
        left = np.ones(len(self), np.bool_)
        left[list(gone)] = False
        if left.all():
            return self
        kept = np.flatnonzero(left)
        return Field(self.questions, self.places[left], self.own.take(pa.array(kept)), take(self.rows, kept))

    def falls(self, broken: Mapping[int, tuple[str, str, str]]) -> list[Fall]:
        """Those that fall, each with its reason, its detail, and the id that it clashes with."""
        return [Fall(int(self.places[n]), *said) for n, said in broken.items()]


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
    report: Report = lambda done, total: None,
    done: Done | None = None,
) -> Output:
    """The questions that pass; each of the others is one rejected row.

    `mask` names the kinds of personal data that no question may hold; `seeds` are problems (id -> text) that
    none may repeat; `embed` is there where paraphrases of items, or questions of the same meaning, are looked
    for, `judge` where a model decides on those; `index` and `store` hold questions of earlier runs that none
    may repeat either. `done` has own checks that were done before.
    """
    tiers = tiers_of(benchmarks, config, embed, judge)

    def make(sources: Passages) -> Checks:
        return Checks.of(sources, examples, tiers.words, config, mask)

    own = own_checks(questions, passages, make, report, done)
    falls = list(falls_of(own))
    own = own.filter(pc.is_null(own["reason"])).drop_columns(["reason", "detail", "clash_id", "evidence"])
    if tiers.embeds:
        texts = questions["question"].take(own["place"]).to_pylist()
        hits = list(zip(own["place"].to_pylist(), tiers.paraphrased(texts), strict=True))
        falls += [contaminated(place, hit) for place, hit in hits if hit]
        own = own.filter(pa.array([hit is None for _, hit in hits], pa.bool_()))
    field = _field(questions, own, config)
    known = {comparable(text): (name, text) for name, text in sorted((seeds or {}).items(), reverse=True)}
    steps: tuple[Callable[[Field], Broken], ...] = (
        lambda field: _same_as_seeds(field, known, config),
        _copies,
        lambda field: _like_seeds(field, known, config),
        lambda field: _like_earlier(field, index, config, OF_INDEX),
        lambda field: _like_earlier(field, store, config, "of the store"),
    )
    for step in steps:
        broken = step(field)
        falls += field.falls(broken)
        field = field.without(broken)
    near, pairs = _near(field, config)
    falls += field.falls(near)
    unlike = np.ones(len(field), np.bool_)
    unlike[list(near)] = False
    kept = np.flatnonzero(unlike)
    if config.semantic and embed is not None:
        texts = [field.text(n) for n in kept.tolist()]
        for at, same in sorted(same_meaning(texts, config, embed, judge).items()):
            assert same.place is not None  # no text is known beforehand
            other = field.name(int(kept[same.place]))
            falls.append(retold(int(field.places[kept[at]]), other, same))
            unlike[kept[at]] = False
    names = questions["question_id"].to_pylist()
    return Output(
        tables={"screened": _screened(field, pairs, unlike)},
        inputs=frozenset(names),
        parents=frozenset(names[place] for place in field.places[unlike].tolist()),
        rejected=Fallen(questions, "question_id", "combination_id", falls),
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


def _field(questions: pa.Table, own: pa.Table, config: ScreenConfig) -> Field:
    """The questions that passed, in the order of preference, measured."""
    names = questions["question_id"].take(own["place"])
    by = pa.table({"source": own["source"], "name": names})
    own = own.take(pc.sort_indices(by, [("source", "ascending"), ("name", "ascending")])).combine_chunks()
    places = own["place"].to_numpy()
    texts = questions["question"].cast(pa.large_string()).combine_chunks()
    measurer, scheme = Measurer(scheme_of(config)), scheme_of(config)
    gathered = Gathered(scheme, len(places))
    for start in range(0, len(places), BATCH):
        piece = texts.take(pa.array(places[start : start + BATCH]))
        for found in measurer.pieces(piece):
            gathered.add(found)
    return Field(questions, places, own, gathered.measured())


def _measured(texts: Sequence[str], config: ScreenConfig) -> Measured:
    return Measurer(scheme_of(config)).measure(texts)


def _same_as_seeds(field: Field, seeds: Known, config: ScreenConfig) -> Broken:
    """The questions that are a seed; `seeds` are comparable text -> id and text."""
    whole = _measured([text for _, text in seeds.values()], config).whole
    said = "the text of a seed problem"
    alike = np.flatnonzero(np.isin(field.rows.whole, whole)).tolist()  # equal texts have equal hashes
    found = ((n, seeds.get(field.comparable(n))) for n in alike)
    return {n: ("duplicate", said, seed[0]) for n, seed in found if seed}


def _copies(field: Field) -> Broken:
    """Of those that are equal once normalised all but the first."""
    _, groups, sizes = np.unique(field.rows.whole, return_inverse=True, return_counts=True)
    first: dict[str, int] = {}
    found = (
        (n, first.setdefault(field.comparable(n), n)) for n in np.flatnonzero(sizes[groups] > 1).tolist()
    )
    said = "the same text once normalised"
    return {n: ("duplicate", said, field.name(kept)) for n, kept in found if kept != n}


def _like_seeds(field: Field, seeds: Known, config: ScreenConfig) -> Broken:
    """The questions that are like a seed. No two of all these texts are equal."""
    if not seeds or not len(field):
        return {}
    both = Gathered(scheme_of(config), len(field) + len(seeds))
    both.add(field.rows)
    both.add(_measured([text for _, text in seeds.values()], config))
    pairs = _pairs(both.measured(), Banding(config.bands, config.rows, config.threshold))
    ids, first = [name for name, _ in seeds.values()], len(field)
    nearest: dict[int, tuple[float, str]] = {}
    mine = pairs.take((pairs.left < first) & (pairs.right >= first) & (pairs.jaccard >= config.threshold))
    for left, right, jaccard in zip(*(column.tolist() for column in mine), strict=True):
        found = (-jaccard, ids[right - first])
        nearest[left] = min(found, nearest.get(left, found))
    said = "Jaccard similarity {:.3f} to a seed problem"
    return {n: ("near_duplicate", said.format(-less), seed) for n, (less, seed) in nearest.items()}


def _like_earlier(field: Field, index: Index | None, config: ScreenConfig, where: str) -> Broken:
    """The questions that repeat one of an index; a question is no copy of itself there."""
    if index is None or not len(field):
        return {}
    names = field.names().to_pylist()
    found = index.search(field.rows, Rules(config.threshold, config.twins), own=names)
    said = f"Jaccard similarity {{:.3f}} to an earlier question {where}"
    return {n: ("near_duplicate", said.format(one.jaccard), one.id) for n, one in sorted(found.items())}


def _near(field: Field, config: ScreenConfig) -> tuple[Broken, Pairs]:
    """The questions that go for one that stays and is like them; and the pairs of all that were seen."""
    pairs = _pairs(field.rows, Banding(config.bands, config.rows, config.threshold, REPORTED))
    near = pairs.take(pairs.jaccard >= config.threshold)
    if config.twins == "keep":
        near = near.take(_worded_apart(field, near))
    # Whoever is in no pair stays, and keeps nobody out.
    places = uniques(np.concatenate([near.left, near.right]))
    ids = [field.name(n) for n in places.tolist()]
    order = {name: n for n, name in enumerate(ids)}
    found = (np.searchsorted(places, side).tolist() for side in (near.left, near.right))
    removed = choose(ids, order.__getitem__, map(NearPair, *found, near.jaccard.tolist()))
    said = "Jaccard similarity {:.3f}"
    fates = ((n, removed[name]) for n, name in zip(places.tolist(), ids, strict=True) if name in removed)
    return {n: ("near_duplicate", said.format(fate.jaccard), fate.kept_id) for n, fate in fates}, pairs


def _pairs(rows: Measured, banding: Banding) -> Pairs:
    sizes = np.diff(rows.starts)
    return pairs_of(rows.keys.T, sizes, rows.shingles, banding, np.flatnonzero(sizes))


def _worded_apart(field: Field, pairs: Pairs) -> Chosen:
    """Which pairs are of two wordings: others are twins, equal but for their numbers."""
    places, sides = np.unique(np.concatenate([pairs.left, pairs.right]), return_inverse=True)
    known: dict[str, int] = {}
    wordings = [known.setdefault(_wording(field.comparable(n)), len(known)) for n in places.tolist()]
    left, right = np.array(wordings, np.int64)[sides].reshape(2, -1)
    return np.asarray(left != right)


def _wording(comparable: str) -> str:
    """A normalised text with its numbers masked: questions of one wording are twins."""
    return " ".join("0" if token[0].isdigit() else token for token in comparable.split(" "))


def _screened(field: Field, pairs: Pairs, stays: Chosen) -> pa.Table:
    """The questions that stay, each with the one that is most like it, of equals that of the smaller id."""
    names = field.names()
    rank = np.empty(len(field), np.int64)
    rank[pc.sort_indices(names).to_numpy()] = np.arange(len(field))
    pairs = pairs.take(stays[pairs.left] & stays[pairs.right])
    mine, other = np.concatenate([pairs.left, pairs.right]), np.concatenate([pairs.right, pairs.left])
    jaccard = np.concatenate([pairs.jaccard, pairs.jaccard])
    order = np.lexsort((rank[other], -jaccard, mine))
    first = order[np.diff(mine[order], prepend=-1) != 0]
    nearest, alike = np.zeros(len(field), np.int64), np.zeros(len(field))
    nearest[mine[first]], alike[mine[first]] = other[first], jaccard[first]
    none = np.ones(len(field), np.bool_)
    none[mine[first]] = False
    columns = {
        "question_id": names,
        "nearest_id": names.take(pa.array(nearest, mask=none)),
        "nearest_jaccard": pa.array(alike, mask=none),
        **{f"{name}_overlap": field.own[name] for name in ("source", "example", "benchmark")},
    }
    return ordered_table("screened", pa.table(columns).filter(pa.array(stays)))
