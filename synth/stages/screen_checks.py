"""A question's own checks: whatever decides about it without a look at other questions.

In: questions and passages as columns, and places of questions. Out: for each place the first reason against
it with its evidence, or how close it came; a table of `SCHEMA`. Questions become Python some at a time;
those in a row mostly share their passages, of which the last are held. A question has the same row whatever
others are measured with it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synth.config import ScreenConfig
from synth.dedup.contamination import Decontaminator, Hit
from synth.dedup.ngrams import Hashes
from synth.dedup.overlap import Best, Overlap
from synth.documents.privacy import find_personal
from synth.stages.fallen import Fall
from synth.stages.orders import copied_order
from synth.stages.screen_benchmarks import PASSAGE, fall, holding
from synth.stages.screen_rules import Broken, broken_rule

# So many questions are Python objects at one time.
BATCH = 1_000
COLUMNS = ("question_id", "question", "language", "references")
OF_PASSAGES = ("passage_id", "title", "text")
_PERSONAL = {"email": "an e-mail address", "phone": "a telephone number", "person": "the name of a person"}
_NUMBERS = ("source", "example", "benchmark")

SCHEMA = pa.schema(
    [
        pa.field("place", pa.int64(), False),
        *(pa.field(name, pa.string()) for name in ("reason", "detail", "clash_id", "evidence")),
        *(pa.field(name, pa.float64(), False) for name in _NUMBERS),
    ]
)

Row = dict[str, Any]
Places = NDArray[np.int64]
Report = Callable[[int, int], None]


class Close(NamedTuple):
    """How close a question came that passed: shares of its n-grams."""

    source: float = 0.0
    example: float = 0.0
    benchmark: float = 0.0


class Passages(Mapping[str, tuple[str, str]]):
    """Title and text of the passages that are named, each read out of its columns when it is asked for."""

    def __init__(self, table: pa.Table, ids: pa.Array) -> None:
        places = pc.index_in(ids, value_set=table["passage_id"].combine_chunks())
        there = pc.is_valid(places)
        names, rows = ids.filter(there).to_pylist(), places.filter(there).to_pylist()
        self._table, self._places = table, dict(zip(names, rows, strict=True))

    def __getitem__(self, key: str) -> tuple[str, str]:
        row = self._places[key]
        return self._table["title"][row].as_py(), self._table["text"][row].as_py()

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class _Texts(Mapping[str, str]):
    """The texts of passages alone."""

    def __init__(self, passages: Passages) -> None:
        self._passages = passages

    def __getitem__(self, key: str) -> str:
        return self._passages[key][1]

    def __contains__(self, key: object) -> bool:
        return key in self._passages

    def __iter__(self) -> Iterator[str]:
        return iter(self._passages)

    def __len__(self) -> int:
        return len(self._passages)


@dataclass(slots=True)
class Checks:
    """What a question is compared with on its own."""

    config: ScreenConfig
    passages: Passages
    sources: Overlap
    examples: Overlap
    benchmarks: Decontaminator
    mask: Sequence[str]
    _leaking: dict[str, Hit] = field(default_factory=dict)  # passages that hold an item
    _looked_at: set[str] = field(default_factory=set)

    @classmethod
    def of(
        cls,
        passages: Passages,
        examples: Sequence[str],
        benchmarks: Decontaminator,
        config: ScreenConfig,
        mask: Sequence[str],
    ) -> "Checks":
        """Against these passages, examples of prompts, and items."""
        known = {f"{place:06d}": text for place, text in enumerate(examples)}
        sources, shown = (Overlap(texts, config.copy_ngram) for texts in (_Texts(passages), known))
        return cls(config, passages, sources, shown, benchmarks, mask)

    def measure(self, rows: Sequence[Row], places: Sequence[int]) -> list[Fall | Close]:
        """The closest calls of each question, or the first reason against it."""
        found: list[Fall | Close | None] = [
            self._by_itself(row, at) for row, at in zip(rows, places, strict=True)
        ]
        left = [n for n, one in enumerate(found) if one is None]
        read = self.benchmarks.read([rows[n]["question"] for n in left])
        hits = self.benchmarks.hits(read)
        self._hold([key for n in left for key in rows[n]["references"]])
        for at, n in enumerate(left):
            found[n] = self._compared(rows[n], places[n], read.said.of(at), hits[at])
        return [one for one in found if one is not None]

    def _by_itself(self, row: Row, place: int) -> Fall | None:
        broken = broken_rule(row["question"], row["language"], self.config) or self._unwanted(row)
        return Fall(place, *broken) if broken else None

    def _unwanted(self, row: Row) -> Broken | None:
        """What a document has smuggled in: an order to the model, or data of a person."""
        known = (self.passages[key] for key in row["references"] if key in self.passages)
        if order := copied_order(row["question"], (text for both in known for text in both)):
            return Broken("instruction", f"says `{order[:60]}`")
        if kind := find_personal(row["question"], self.mask):
            return Broken("personal_data", f"holds what looks like {_PERSONAL[kind]}")
        return None

    def _compared(self, row: Row, place: int, said: Hashes, hit: Hit | None) -> Fall | Close:
        example = self.examples.best_of(said)
        if example.text_id and example.share >= self.config.copied_example:
            return Fall(place, "copied_example", self._holds("an example", example))
        if hit:
            return fall(place, hit)
        if held := next((self._leaking[key] for key in row["references"] if key in self._leaking), None):
            return fall(place, held, PASSAGE)
        source = self.sources.best_of(said, row["references"])
        if self.config.copied_source < 1 and source.share > self.config.copied_source:
            return Fall(place, "copied_source", self._holds("a passage", source), source.text_id)
        return Close(source.share, example.share, self.benchmarks.share_of(said))

    def _hold(self, references: Sequence[str]) -> None:
        """Read the passages of some questions, and look at those that no question had before."""
        known = self.sources.hold(references)
        new = [key for key in known if key not in self._looked_at] if self.benchmarks.items else []
        self._looked_at.update(new)
        self._leaking |= holding(self.benchmarks, {key: self.passages[key][1] for key in new})

    def _holds(self, what: str, best: Best) -> str:
        return f"{what} holds {best.share:.2f} of its {self.config.copy_ngram}-grams"


def order_of(questions: pa.Table, passages: pa.Table | None) -> Places:
    """The places of all questions, those of one passage in a row: so it is read once or twice."""
    lengths = pc.fill_null(pc.list_value_length(questions["references"]), 0).to_numpy()
    first = np.full(len(lengths), -1, np.int64)
    if passages is not None and lengths.sum():
        named = pc.list_flatten(questions["references"])
        rows = pc.fill_null(pc.index_in(named, value_set=passages["passage_id"].combine_chunks()), -1)
        begins = np.cumsum(lengths) - lengths
        first[lengths > 0] = rows.to_numpy()[begins[lengths > 0]]
    return np.argsort(first, kind="stable")


def measured(
    questions: pa.Table,
    passages: pa.Table | None,
    places: Places,
    make: Callable[[Passages], Checks],
    report: Report,
) -> pa.Table:
    """The own checks of the questions at some places, in that order."""
    if passages is None:
        passages = pa.table({name: pa.array([], pa.string()) for name in OF_PASSAGES})
    whole = questions.select(COLUMNS).combine_chunks()
    named = pc.unique(pc.list_flatten(whole["references"].take(pa.array(places)))).cast(pa.string())
    checks = make(Passages(passages, named))
    tables = []
    for start in range(0, len(places), BATCH):
        mine = places[start : start + BATCH].tolist()
        found = checks.measure(whole.take(pa.array(mine, pa.int64())).to_pylist(), mine)
        tables.append(_table(mine, found))
        report(start + len(mine), len(places))
    return pa.concat_tables([SCHEMA.empty_table(), *tables])


def _table(places: Sequence[int], found: Sequence[Fall | Close]) -> pa.Table:
    rows = []
    for place, one in zip(places, found, strict=True):
        if isinstance(one, Fall):
            evidence = json.dumps(one.evidence) if one.evidence else None
            said = {
                "reason": one.reason,
                "detail": one.detail,
                "clash_id": one.clash_id,
                "evidence": evidence,
            }
            rows.append({"place": place, **said, **Close()._asdict()})
        else:
            rows.append({"place": place, **one._asdict()})
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def falls_of(own: pa.Table) -> Iterator[Fall]:
    """The questions that fell, in the order of their places."""
    for batch in own.filter(pc.is_valid(own["reason"])).sort_by("place").to_batches(BATCH):
        for row in batch.to_pylist():
            evidence = json.loads(row["evidence"]) if row["evidence"] else {}
            yield Fall(row["place"], row["reason"], row["detail"], row["clash_id"], evidence)
