"""Duplicates in tables of any kind: `synth dedup`.

In: tables, the column of texts, rules, and an index of what was kept before where one is named. Out:
`kept.parquet`, the rows that stay, in their order; `removed.parquet`, the others, each with the row that it
repeats (`dup_of`), their Jaccard similarity and how it repeats it. The better row stays, then the longer
one, then that with the smaller id: so the outcome does not depend on the order of rows.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synth.dedup.choosing import Chosen, Rules
from synth.dedup.index import Found, Index
from synth.dedup.input import Columns, read, rows_of
from synth.dedup.meanings import Bounds, Known, Meanings
from synth.dedup.measuring import Gathered, Measured, Measurer, Numbers, Scheme
from synth.dedup.ngrams import Hashes
from synth.dedup.output import HOW, KEPT, REMOVED, Fate, write
from synth.dedup.plan import Plan, scratch_in
from synth.dedup.probing import Match
from synth.dedup.retold import same_meaning
from synth.dedup.segments import Meant
from synth.dedup.shards import take
from synth.dedup.twins import first_twins
from synth.errors import ConfigError
from synth.ids import digest
from synth.text import file_sha256
from synth.verify.tables import check, write_rejected

if TYPE_CHECKING:
    from synth.dedup.embedding import Asked

Progress = Callable[[int], None]
# More rows than this do not lie in memory at once: about two gigabytes.
MEMORY_ROWS = 1_500_000
CLUSTERS = 10


class Options(NamedTuple):
    """What a table is searched by."""

    columns: Columns
    scheme: Scheme = Scheme()
    rules: Rules = Rules()
    store: Path | None = None
    memory_rows: int = MEMORY_ROWS
    force: bool = False
    bounds: Bounds = Bounds()


class Summary(NamedTuple):
    """What came of it.

    `known`: rows that the index had; `stored`: how many it has now. `clusters`: the rows that stay for most
    others, and how many rows that makes. `compared`, `crowded`, `left_out`: see `choosing`; the last two with
    what the index left out, where a row that both left out counts twice.
    `same_id`: rows whose id another has; `own_id`: rows that go for a stored one of their own id. `rejected`:
    lines that are no rows, beside them.
    """

    kept_path: Path
    removed_path: Path
    rows: int
    kept: int
    removed: int
    how: dict[str, int]
    twins: int
    without_text: int
    known: int
    stored: int | None
    compared: int
    crowded: int
    left_out: int
    clusters: list[tuple[str, int]]
    renamed: dict[str, str]
    asked: int
    same_id: int
    own_id: int
    rejected: int


def deduplicate(
    paths: Sequence[Path],
    out: Path,
    options: Options,
    progress: Progress = lambda rows: None,
    asked: "Asked | None" = None,
) -> Summary:
    """Write what stays and what goes; rows of the same meaning go where somebody is `asked` who embeds them.

    Raises:
        ConfigError: a file cannot be read or lacks a column; `out` is a file, or holds results and `force`
            was not given; the index was made in another way, or is no index.
        StoreError: the index is damaged, or another process writes it or into `out`.
    """
    schema = check(paths, options.columns.needed)
    index = Index(options.store, options.scheme) if options.store else None
    check_out(out, options.force, options.store)
    source = source_of(paths, options) if index is not None else ""
    with ExitStack() as stack:
        if index is not None:  # another that adds to it meanwhile could add the same texts
            stack.enter_context(index.held())
        out.mkdir(parents=True, exist_ok=True)
        scratch = stack.enter_context(scratch_in(out, (KEPT, REMOVED)))
        plan = Plan(options.scheme, scratch, rows_of(paths) or 0, options.memory_rows)
        ids, quality = _measured(paths, options, plan, progress)
        stored = _stored(plan, index, source, options.rules)
        hashes = plan.hashes()
        order = order_of(ids, hashes[0], quality)
        chosen = plan.choose(order[~_there(len(ids), stored.matches)[order]], options.rules)
        ended = Ended(hashes, order, chosen, stored)
        return finish(paths, schema, out, options, ids, ended, plan.tables, index, source, asked)


class Ended(NamedTuple):
    """What comparing has found: hashes of all rows, their order of preference, who goes for whom.

    `stored` is what the index has of them.
    """

    hashes: tuple[NDArray[np.int32], Hashes, Hashes]
    order: Numbers
    chosen: Chosen
    stored: Found


def finish(
    paths: Sequence[Path],
    schema: pa.Schema,
    out: Path,
    options: Options,
    ids: pa.Array,
    ended: Ended,
    tables: Callable[[], Iterable[Measured]],
    index: Index | None,
    source: str,
    asked: "Asked | None" = None,
) -> Summary:
    """The last steps: meanings, both tables, the index."""
    fate, meant, count = _decided(ids, ended), None, 0
    if asked is not None:
        meanings = Meanings(asked.embed, options.bounds, asked.judge, _known(index, source, asked))
        fate, known = same_meaning(paths, options.columns, fate, ended.order, meanings)
        meant, count = Meant(asked.embedder, known), meanings.asked
    tokens, _, template = ended.hashes
    fate = fate._replace(twin_of=first_twins(template, tokens, ~fate.removed, ended.order))
    renamed = write(paths, schema, out, fate)
    if index is not None:
        _remember(index, source, options.scheme, tables(), fate, meant)
    stored = None if index is None else index.rows
    chosen = _with_crowded(ended, fate, index, source, options.rules)
    summary = _summary(out, fate, chosen, tokens, stored, renamed, count)
    return summary._replace(rejected=write_rejected(paths, out))


def _with_crowded(ended: Ended, fate: Fate, index: Index | None, source: str, rules: Rules) -> Chosen:
    """The counts of choosing, with the crowded buckets of the index and the rows that those left out."""
    kept = int((~fate.removed[ended.stored.left_out]).sum())
    if index is None or not kept:
        return ended.chosen
    crowded = ended.chosen.crowded + index.crowded(rules, source)
    return ended.chosen._replace(crowded=crowded, left_out=ended.chosen.left_out + kept)


def _known(index: Index | None, source: str, asked: "Asked") -> Known | None:
    return None if index is None else index.known(asked.embedder, source)


def _there(rows: int, stored: Collection[int]) -> NDArray[np.bool_]:
    found = np.zeros(rows, np.bool_)
    found[list(stored)] = True
    return found


def check_out(out: Path, force: bool, store: Path | None = None) -> None:
    """Whether results may be written there.

    Raises:
        ConfigError: `out` is a file, or holds results and `force` was not given; it is the index, or in it.
    """
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out}: this is a file; name a folder.")
    if store is not None and out.resolve().is_relative_to(store.resolve()):
        raise ConfigError(
            f"--out {out} lies in the index {store}, which holds nothing else; name another folder."
        )
    for name in (KEPT, REMOVED):
        if (out / name).exists() and not force:
            raise ConfigError(
                f"{out / name} exists already; choose another --out, or overwrite it with --force."
            )


def source_of(paths: Sequence[Path], options: Options) -> str:
    """What these rows are called in the index: the same command again finds its own rows to be its own."""
    files = [[path.name, file_sha256(path)] for path in paths]
    return digest("dedup", files, options.columns.needed)


def _measured(
    paths: Sequence[Path], options: Options, plan: Plan, progress: Progress
) -> tuple[pa.Array, NDArray[np.float64] | None]:
    """The ids and quality of all rows, which the plan has taken in."""
    measurer = Measurer(options.scheme)
    ids: list[pa.Array] = [pa.array([], pa.large_string())]
    quality: list[NDArray[np.float64]] = []
    rows = 0
    for piece in read(paths, options.columns):
        for found in measurer.pieces(piece.texts):
            plan.add(found)
        ids.append(piece.ids)
        if piece.quality is not None:
            quality.append(piece.quality)
        rows += len(piece.ids)
        progress(rows)
    return pa.concat_arrays(ids), np.concatenate(quality) if quality else None


def _stored(plan: Plan, index: Index | None, source: str, rules: Rules) -> Found:
    """Rows that repeat one of the index, by their place."""
    found: dict[int, Match] = {}
    left_out = [np.empty(0, np.int64)]
    before = 0
    for table in plan.tables() if index is not None and index.rows else ():
        assert index is not None
        here = index.searched(table, rules, source)
        found |= {before + row: match for row, match in here.matches.items()}
        left_out.append(before + here.left_out)
        before += len(table.tokens)
    return Found(found, np.concatenate(left_out))


def _decided(ids: pa.Array, ended: Ended) -> Fate:
    """The fate of each row by its words."""
    (_, whole, template), chosen, stored = ended.hashes, ended.chosen, ended.stored.matches
    there = _there(len(ids), stored)
    gone = chosen.dup_of >= 0
    names = ids.take(pa.array(np.maximum(chosen.dup_of, 0), mask=~gone))
    how = np.zeros(len(ids), np.int8)
    how[gone] = _how(whole, template, np.flatnonzero(gone), chosen.dup_of[gone])
    jaccard = chosen.jaccard.copy()
    if stored:
        places = np.array(list(stored), np.int64)
        jaccard[places] = [match.jaccard for match in stored.values()]
        how[places] = [HOW.index(match.how) for match in stored.values()]
        listed = names.to_pylist()
        for place, match in stored.items():
            listed[place] = match.id
        names = pa.array(listed, pa.large_string())
    nothing = np.full(len(ids), -1, np.int64)
    return Fate(ids, names, jaccard, np.full(len(ids), np.nan), how, there, nothing)


def order_of(ids: pa.Array, tokens: NDArray[np.int32], quality: NDArray[np.float64] | None) -> Numbers:
    """Rows from the most preferred on: better, longer, smaller id, and of one id the first."""
    by_id = np.asarray(pc.sort_indices(ids), np.int64)
    keys: list[NDArray[Any]] = [-tokens[by_id].astype(np.int64)]
    if quality is not None:
        keys.append(-quality[by_id])
    return by_id[np.lexsort(keys)]


def _how(whole: Hashes, template: Hashes, rows: Numbers, others: Numbers) -> NDArray[np.int8]:
    equal, twin = whole[rows] == whole[others], template[rows] == template[others]
    return np.where(equal, HOW.index("equal"), np.where(twin, HOW.index("twin"), HOW.index("near"))).astype(
        np.int8
    )


def _remember(
    index: Index, source: str, scheme: Scheme, tables: Iterable[Measured], fate: Fate, meant: Meant | None
) -> None:
    """Add what stays to the index, in one segment."""
    kept = ~fate.removed
    gathered, before = Gathered(scheme, int(kept.sum())), 0
    for table in tables:
        mine = np.flatnonzero(kept[before : before + len(table.tokens)])
        if len(mine):
            gathered.add(take(table, mine))
        before += len(table.tokens)
    index.add(source, fate.ids.filter(pa.array(kept)).to_pylist(), gathered.measured(), meant)


def _sharing(ids: pa.Array) -> int:
    """How many rows have an id that another has as well: of those `dup_of` names several."""
    counts = pc.value_counts(ids).field("counts")
    return int(pc.sum(counts.filter(pc.greater(counts, 1)), min_count=0).as_py())


def _own(fate: Fate) -> int:
    """Rows that the index has under their own id, as where a table is taken in again under another name."""
    stored = pa.array(fate.stored & fate.removed)
    return int(pc.sum(pc.equal(fate.dup_of.filter(stored), fate.ids.filter(stored))).as_py() or 0)


def _summary(
    out: Path,
    fate: Fate,
    chosen: Chosen,
    tokens: NDArray[np.int32],
    stored: int | None,
    renamed: dict[str, str],
    asked: int,
) -> Summary:
    removed = fate.removed
    how = Counter(HOW[code] for code in fate.how[removed].tolist())
    gone = chosen.dup_of[chosen.dup_of >= 0]
    places, counts = np.unique(gone, return_counts=True)
    largest = np.lexsort((places, -counts))[:CLUSTERS]
    return Summary(
        out / KEPT, out / REMOVED, len(removed), int((~removed).sum()), int(removed.sum()),
        {name: how[name] for name in HOW}, int((fate.twin_of >= 0).sum()), int((tokens == 0).sum()),
        int(fate.stored.sum()), stored, chosen.compared, chosen.crowded, chosen.left_out,
        [(fate.ids[int(places[i])].as_py(), int(counts[i]) + 1) for i in largest], renamed, asked,
        _sharing(fate.ids), _own(fate), 0,
    )  # fmt: skip
