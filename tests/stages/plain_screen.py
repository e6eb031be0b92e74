"""The screen as it reads in one go, one Python row a question: what `screen_questions` has to agree with."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from synth.config import ScreenConfig
from synth.dedup.benchmarks import Item
from synth.dedup.contamination import SHARE, Hit
from synth.dedup.near import find_pairs
from synth.dedup.normalise import comparable, words
from synth.dedup.survivors import choose
from synth.documents.privacy import find_personal
from synth.stages.base import Rejected, make_table, rejected_table
from synth.stages.orders import copied_order
from synth.stages.screen_benchmarks import tiers_of
from synth.stages.screen_rules import broken_rule

Row = dict[str, Any]
Texts = Mapping[str, tuple[str, str]]
PERSONAL = {"email": "an e-mail address", "phone": "a telephone number", "person": "the name of a person"}


class Passed(NamedTuple):
    row: Row
    comparable: str
    source: float
    example: float
    benchmark: float


def plain_screen(
    questions: pa.Table, passages: pa.Table, examples: Sequence[str], items: Sequence[Item],
    config: ScreenConfig, mask: Sequence[str] = (), seeds: Mapping[str, str] | None = None,
) -> tuple[pa.Table, pa.Table]:  # fmt: skip
    """The tables `screened` and `rejected`."""
    given = {row["passage_id"]: (row["title"], row["text"]) for row in passages.to_pylist()}
    words_of = tiers_of(items, config).words
    found = [own(row, given, examples, words_of, config, mask) for row in questions.to_pylist()]
    fallen = [one for one in found if isinstance(one, Rejected)]
    left = sorted(
        (one for one in found if isinstance(one, Passed)), key=lambda p: (p.source, p.row["question_id"])
    )
    known = {comparable(text): name for name, text in sorted((seeds or {}).items(), reverse=True)}
    first: dict[str, Passed] = {}
    for one in left:
        if one.comparable in known:
            clash = known[one.comparable]
            fallen.append(fall(one.row, "duplicate", "the text of a seed problem", clash))
        elif first.setdefault(one.comparable, one) is not one:
            clash = first[one.comparable].row["question_id"]
            fallen.append(fall(one.row, "duplicate", "the same text once normalised", clash))
    distinct, like = like_seeds(list(first.values()), known, config)
    fallen += like
    kept, near, pairs = without_near(distinct, config)
    nearest: dict[str, tuple[float, str]] = {}
    stays = {one.row["question_id"] for one in kept}
    for left_, right, jaccard in pairs:
        ids = [distinct[place].row["question_id"] for place in (left_, right)]
        if stays.issuperset(ids):
            for mine, other in (ids, ids[::-1]):
                nearest[mine] = min((-jaccard, other), nearest.get(mine, (0.0, "")))
    return make_table("screened", [screened(one, nearest) for one in kept]), rejected_table(
        "screen", [*fallen, *near]
    )


def own(
    row: Row, given: Texts, examples: Sequence[str], items: Any, config: ScreenConfig, mask: Sequence[str]
) -> Passed | Rejected:
    """The first reason against a question by itself, or how close it comes."""
    text = row["question"]
    if broken := broken_rule(text, row["language"], config):
        return fall(row, *broken)
    sources = {key: given[key] for key in dict.fromkeys(row["references"]) if key in given}
    if order := copied_order(text, [one for both in sources.values() for one in both]):
        return fall(row, "instruction", f"says `{order[:60]}`")
    if kind := find_personal(text, mask):
        return fall(row, "personal_data", f"holds what looks like {PERSONAL[kind]}")
    n = config.copy_ngram
    example, _ = best(text, {f"{at:06d}": shown for at, shown in enumerate(examples)}, n)
    if example and example >= config.copied_example:
        return fall(row, "copied_example", f"an example holds {example:.2f} of its {n}-grams")
    if hit := items.check(text):
        return contaminated(row, hit, "question")
    for _, passage in sources.values():
        if (hit := items.check(passage)) and hit.score >= SHARE:
            return contaminated(row, hit, "passage")
    source, name = best(text, {key: passage for key, (_, passage) in sources.items()}, n)
    if config.copied_source < 1 and source > config.copied_source:
        return fall(row, "copied_source", f"a passage holds {source:.2f} of its {n}-grams", name)
    return Passed(row, comparable(text), source, example, items.overlap(text))


def best(text: str, others: Mapping[str, str], n: int) -> tuple[float, str | None]:
    """The largest share of n-grams that stands in one of the texts, and the first that has it."""
    mine = words(text)
    n = min(n, len(mine))
    found: tuple[float, str | None] = (0.0, None)
    for name, other in others.items() if n else ():
        both = runs(mine, n) & runs(words(other), n)
        share = len(both) / len(runs(mine, n))
        found = (share, name) if share > found[0] else found
    return found


def runs(found: Sequence[str], n: int) -> set[tuple[str, ...]]:
    return {tuple(found[at : at + n]) for at in range(len(found) - n + 1)}


def like_seeds(
    distinct: Sequence[Passed], seeds: Mapping[str, str], config: ScreenConfig
) -> tuple[list[Passed], list[Rejected]]:
    pairs = near_pairs([*(one.comparable for one in distinct), *seeds], config)
    ids, first, nearest = list(seeds.values()), len(distinct), dict[int, tuple[float, str]]()
    for left, right, jaccard in pairs:
        if left < first <= right:
            nearest[left] = min((-jaccard, ids[right - first]), nearest.get(left, (0.0, "")))
    said = "Jaccard similarity {:.3f} to a seed problem"
    fallen = [
        fall(distinct[at].row, "near_duplicate", said.format(-less), seed)
        for at, (less, seed) in nearest.items()
    ]
    return [one for at, one in enumerate(distinct) if at not in nearest], fallen


def without_near(
    left: Sequence[Passed], config: ScreenConfig
) -> tuple[list[Passed], list[Rejected], list[Any]]:
    pairs = near_pairs([one.comparable for one in left], config, 0.4)
    wordings = [re_numbered(one.comparable) for one in left] if config.twins == "keep" else range(len(left))
    order = {one.row["question_id"]: (one.source, one.row["question_id"]) for one in left}
    near = (p for p in pairs if p.jaccard >= config.threshold and wordings[p.left] != wordings[p.right])
    removed = choose([one.row["question_id"] for one in left], order.__getitem__, near)
    fallen = [
        fall(one.row, "near_duplicate", f"Jaccard similarity {fate.jaccard:.3f}", fate.kept_id)
        for one in left
        if (fate := removed.get(one.row["question_id"]))
    ]
    return [one for one in left if one.row["question_id"] not in removed], fallen, pairs


def near_pairs(texts: Sequence[str], config: ScreenConfig, floor: float | None = None) -> list[Any]:
    sizes = (config.shingle_words, config.permutations, config.bands, config.rows, config.threshold)
    return find_pairs(texts, *sizes, floor=floor, split=str.split)


def re_numbered(text: str) -> str:
    return " ".join("0" if token[0].isdigit() else token for token in text.split(" "))


def screened(one: Passed, nearest: Mapping[str, tuple[float, str]]) -> Row:
    less, other = nearest.get(one.row["question_id"], (None, None))
    return {
        "question_id": one.row["question_id"],
        "nearest_id": other,
        "nearest_jaccard": None if less is None else -less,
        "source_overlap": one.source,
        "example_overlap": one.example,
        "benchmark_overlap": one.benchmark,
    }


def contaminated(row: Row, hit: Hit, where: str) -> Rejected:
    said = f"{hit.benchmark}, item {hit.item}, tier {hit.tier}, score {hit.score:.2f}"
    detail = said if where == "question" else f"a {where} in its prompt: {said}"
    kept = {**row, "contamination": {**hit._asdict(), "where": where}}
    return fall(kept, "contaminated", detail, f"{hit.benchmark}/{hit.item}")


def fall(row: Row, reason: str, detail: str, clash: str | None = None) -> Rejected:
    return Rejected(row["question_id"], row["combination_id"], reason, detail, clash, row)


def tables_of(outputs: Iterable[pa.Table]) -> list[bytes]:
    """Tables as bytes, to be compared."""
    found = []
    for table in outputs:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        found.append(sink.getvalue().to_pybytes())
    return found
