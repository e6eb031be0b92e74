"""Which documents and passages stay, over all of them at once and whatever order they were read in.

In: a shelf, gone through without its texts. Out: a verdict on each document and on each passage that
falls. Equal texts, near-duplicates, licences and the sample are decided here; about a kilobyte for each
document is all that is held.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from synth.config import RunConfig
from synth.documents.clusters import Member, Outline, cluster
from synth.documents.licences import Cards, Licences
from synth.documents.seen import DETAIL, REASON, Seen, read_seen
from synth.documents.shelf import Shelf, Shelved, pieces_of, sketch_of
from synth.errors import StoreError
from synth.ids import stream

# Formats whose documents are rows, which the card of a data set speaks for.
TABLES = frozenset({"jsonl", "json", "csv", "parquet", "arrow"})


NO_SKETCH = (b"", 0, b"")


class Verdict(NamedTuple):
    """Why a document or passage falls."""

    reason: str
    detail: str
    clash_id: str | None = None


class Mark(NamedTuple):
    """What the filter says of a passage: its score, and the rating and its call where the rater read it."""

    score: float | None
    rating: int | None
    rater: str | None
    rubric: str | None
    call_id: str | None = None


UNMARKED = Mark(None, None, None, None)


@dataclass(slots=True)
class Judged:
    """What the filter makes of passages, by id; `replies` are those that could not be used."""

    marks: dict[str, Mark] = field(default_factory=dict)
    fallen: dict[str, Verdict] = field(default_factory=dict)
    replies: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def said(self, passage_id: str) -> dict[str, Any]:
        """All that is known of a passage that falls, its call as well."""
        mark = self.marks.get(passage_id, UNMARKED)
        known = {**mark._asdict(), "call_id": mark.call_id, **self.replies.get(passage_id, {})}
        return {name: value for name, value in known.items() if value is not None}


@dataclass(slots=True)
class Entry:
    """One document without its text: where it stands on the shelf, and what is decided of it."""

    source: str
    place: tuple[int, int]
    document_id: str
    chars: int
    format: str
    licence: str | None
    sketch: tuple[bytes, int, bytes]
    pieces: tuple[tuple[str, int], ...]
    verdict: Verdict | None = None
    member: Member | None = None


@dataclass(slots=True)
class Survey:
    """All documents by source, the passages that fall by (source, position), and those that are drawn."""

    entries: dict[str, Entry]
    fallen: dict[tuple[str, int], Verdict] = field(default_factory=dict)
    passages: int = 0
    drawn: frozenset[str] | None = None
    judged: Judged = field(default_factory=Judged)

    def of_passage(self, source: str, position: int, passage_id: str) -> Verdict | None:
        """Why a passage falls; None where it stays."""
        verdict = self.fallen.get((source, position))
        if verdict is None and self.drawn is not None and passage_id not in self.drawn:
            return Verdict("not_sampled", f"not among the {len(self.drawn)} drawn of {self.passages}")
        return verdict or self.judged.fallen.get(passage_id)

    def standing(self) -> list[str]:
        """The ids of the passages that stay so far."""
        return [key for _, _, key in self.kept() if self.drawn is None or key in self.drawn]

    def kept(self) -> Iterator[tuple[Entry, int, str]]:
        """Each passage that no other one and no limit has ruled out, by source and position."""
        for entry in self.entries.values():
            if entry.verdict is None:
                for position, (passage_id, _) in enumerate(entry.pieces):
                    if (entry.source, position) not in self.fallen:
                        yield entry, position, passage_id


def survey(shelf: Shelf, names: Mapping[str, Sequence[str]], config: RunConfig) -> Survey:
    """The verdicts; `names` are the sources that have the file of each key."""
    licences = Licences(config.licences)
    entries = sorted(_entries(shelf, names), key=lambda entry: entry.source)
    _licensed(entries, licences)
    for entry in entries:
        entry.verdict = entry.verdict or _alone(entry, licences, config)
    seen = read_seen(config.store.seen)
    _seen(entries, seen)
    _distinct(entries)
    _near(entries, shelf, config)
    found = Survey({entry.source: entry for entry in entries})
    _passages(found, config.documents.min_chars, seen.passages)
    _draw(found, config.documents.sample, config.seed)
    return found


def _entries(shelf: Shelf, names: Mapping[str, Sequence[str]]) -> Iterator[Entry]:
    """The documents of all files.

    Raises:
        StoreError: the shelf says that it has a file, and has nothing of it.
    """
    found: set[str] = set()
    for shelved in (s for segment in shelf.segments(names) for s in segment):
        found.add(shelved.columns["file"])
        for name in names[shelved.columns["file"]]:
            yield _entry(name + shelved.columns["place"], shelved)
    if lost := sorted(names[key][0] for key in names.keys() - found):
        raise StoreError(
            f"What was read of {lost[0]} is lost, and of {len(lost) - 1:,} other files: "
            f"delete {shelf.folder}, and run the same command again."
        )


def _entry(source: str, shelved: Shelved) -> Entry:
    row, found = shelved.columns, sketch_of(shelved)
    return Entry(
        source=source,
        place=(shelved.segment, shelved.row),
        document_id=row["document_id"],
        chars=row["chars"],
        format=row["format"],
        licence=row["licence"],
        sketch=(bytes.fromhex(found.key), found.size, found.minhash().tobytes()) if found else NO_SKETCH,
        pieces=tuple((piece.passage_id, piece.end - piece.start) for piece in pieces_of(shelved)),
        verdict=Verdict(row["reason"], row["detail"]) if row["reason"] else None,
    )


def _licensed(entries: Sequence[Entry], licences: Licences) -> None:
    """The licence of each document: its own, else that of the data set it is a row of, else as configured."""
    cards = Cards()
    for entry in entries:
        if entry.licence and entry.verdict and entry.verdict.reason == "no_document":
            cards.add(entry.source, entry.licence)
    for entry in entries:
        stated = entry.licence or (cards.of(entry.source) if entry.format in TABLES else None)
        entry.licence = licences.of(entry.source, stated)


def _alone(entry: Entry, licences: Licences, config: RunConfig) -> Verdict | None:
    """What can be said of a document without looking at others."""
    least = config.documents.min_chars
    if not entry.chars:
        return Verdict("empty", "no text in it")
    if entry.chars < least:
        return Verdict("too_short", f"{entry.chars} characters, fewer than {least}")
    if not licences.allows(entry.licence):
        return Verdict("licence", f"{entry.licence or 'unknown'} is not in licences.allow")
    return None


def _seen(entries: Sequence[Entry], seen: Seen) -> None:
    """What an earlier run of the store has taken; near copies of it are not looked for yet."""
    for entry in entries:
        if entry.verdict is None and entry.document_id in seen.documents:
            entry.verdict = Verdict(REASON, DETAIL, entry.document_id)


def _distinct(entries: Sequence[Entry]) -> None:
    """Of equal texts the one with the smallest source stays."""
    first: dict[str, Entry] = {}
    for entry in entries:
        if entry.verdict is None and (kept := first.setdefault(entry.document_id, entry)) is not entry:
            entry.verdict = Verdict("duplicate", f"same text as {kept.source}", kept.document_id)


def _near(entries: Sequence[Entry], shelf: Shelf, config: RunConfig) -> None:
    """The cluster of each document; where configured, one of each cluster stays."""
    standing = {entry.document_id: entry for entry in entries if entry.verdict is None}
    outlines: dict[str, Outline] = {}
    for key, entry in standing.items():
        # One that states its licence is worth more than one that does not; then the longest is.
        outlines[key] = ((entry.licence is None, -entry.chars), entry.sketch)
        entry.sketch = NO_SKETCH
    members = cluster(
        outlines,
        lambda key: shelf.text(*standing[key].place),
        config.documents.near_duplicate_threshold,
    )
    for key, entry in standing.items():
        entry.member = member = members[key]
        if config.documents.near_duplicates == "drop" and member.best != key:
            nearest = standing[member.nearest or member.best].source
            detail = f"Jaccard similarity {member.similarity:.3f} to {nearest}"
            entry.verdict = Verdict("near_duplicate", detail, member.best)


def _passages(found: Survey, least: int, seen: frozenset[str]) -> None:
    """Passages long enough to carry a concept, each text once: of equal ones the first by source."""
    first: dict[str, tuple[str, int]] = {}
    for entry in found.entries.values():
        if entry.verdict is not None:
            continue
        for position, (passage_id, chars) in enumerate(entry.pieces):
            here = (entry.source, position)
            if chars < least:
                found.fallen[here] = Verdict("too_short", f"{chars} characters, fewer than {least}")
            elif passage_id in seen:
                found.fallen[here] = Verdict(REASON, DETAIL, passage_id)
            elif (kept := first.setdefault(passage_id, here)) != here:
                detail = f"same text as passage {kept[1]} of {kept[0]}"
                found.fallen[here] = Verdict("duplicate", detail, passage_id)
    found.passages = len(first)


def _draw(found: Survey, size: int, seed: int) -> None:
    """The passages whose own draw is among the smallest, so that neither order nor parts matter."""
    if size and found.passages > size:
        draws = ((stream(seed, "documents", key).random(), key) for _, _, key in found.kept())
        found.drawn = frozenset(key for _, key in heapq.nsmallest(size, draws))
