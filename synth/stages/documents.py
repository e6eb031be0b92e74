"""Stage `documents`: sources become documents, and documents become passages.

In: sources. Out: tables `documents` and `passages`; each document is the parent of a row or is
rejected with its reason. Files are read once and kept on a shelf (`documents.collect`); what stays is
decided over all of them (`documents.survey`); rows are then written shelf segment by shelf segment, so
that memory does not grow with the corpus. Near-duplicate pages distort co-occurrence and the choice of
references, so they are found here, before concepts are (the papers keep them).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from synth.config import RunConfig
from synth.documents.collect import collect, compared, remember, shelf_for
from synth.documents.find import Source
from synth.documents.privacy import mask
from synth.documents.reading import Piece
from synth.documents.seen import left
from synth.documents.shelf import Shelf, Shelved, masked_in, pieces_of
from synth.documents.survey import UNMARKED, Entry, Survey, Verdict, survey
from synth.filter.judge import judge
from synth.ids import content_id
from synth.stages.base import Output, Rejected, make_table
from synth.stages.calls import Services

Row = dict[str, Any]
# This stage, once done, is not done again for their sake: what it has found is what later stages are made of.
_PASSING = (
    "Files whose reader failed, or took too much time or memory: {:,}. The same command does not read them "
    "again: raise documents.max_seconds or documents.max_memory_mb, or run once more with another --name."
)


def read_documents(config: RunConfig, services: Services) -> Iterator[Output]:
    """Documents and passages of the sources, whatever order they come in."""
    found_files = left(config)
    sources, keys = found_files.sources, found_files.keys
    shelf = shelf_for(services.folder, config.documents)
    collect(sources, keys, shelf, config.documents, services.report)
    if shelf.passing:
        services.say(_PASSING.format(len(shelf.passing)))
    for said in filter(None, (compared(services.folder, keys), found_files.note())):
        services.say(said)
    names = _names(sources, keys)
    found = survey(shelf, names, config)
    found.judged = judge(
        found.standing(), partial(_candidates, shelf, names, found, config.documents.mask), config, services
    )
    masked: Counter[str] = Counter()
    for segment in shelf.segments(names, text=True):
        made = _Made(found, config.documents.mask)
        for shelved in segment:
            for name in names[shelved.columns["file"]]:
                made.add(found.entries[name + shelved.columns["place"]], shelved)
        masked.update(made.masked)
        yield made.output()
    if masked:
        services.say(f"Masked: {', '.join(f'{count:,} {kind}' for kind, count in sorted(masked.items()))}.")
    remember(services.folder, keys)


def _candidates(
    shelf: Shelf, names: Mapping[str, Sequence[str]], found: Survey, kinds: Sequence[str]
) -> Iterator[Row]:
    """Every passage that nothing has ruled out, as it would be written."""
    for shelved in (s for segment in shelf.segments(names, text=True) for s in segment):
        for name in names[shelved.columns["file"]]:
            entry = found.entries[name + shelved.columns["place"]]
            if entry.verdict is None:
                document = _document_row(entry, shelved, kinds)
                for position, piece in enumerate(pieces_of(shelved)):
                    if found.of_passage(entry.source, position, piece.passage_id) is None:
                        yield _passage_row(document, position, piece)


def source_id(name: str) -> str:
    """The id of a file or row as an input of this stage."""
    return content_id("src", name)


def _names(sources: Sequence[Source], keys: Mapping[str, str]) -> dict[str, list[str]]:
    """The sources of each file: copies of one file are read once."""
    names: dict[str, list[str]] = {}
    for source in sources:
        names.setdefault(keys[source.name], []).append(source.name)
    return names


@dataclass(slots=True)
class _Made:
    """What is made of one segment."""

    found: Survey
    kinds: Sequence[str]
    inputs: set[str] = field(default_factory=set)
    parents: set[str] = field(default_factory=set)
    documents: list[Row] = field(default_factory=list)
    passages: list[Row] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    masked: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Entry, shelved: Shelved) -> None:
        """One document: its row and those of its passages, or the reason why it falls."""
        key = source_id(entry.source)
        self.inputs.add(key)
        row = _document_row(entry, shelved, self.kinds)
        if entry.verdict is not None:
            self.rejected.append(_rejected(key, entry, row))
            return
        self.parents.add(key)
        self.masked.update(masked_in(shelved))
        self.documents.append(row)
        for position, piece in enumerate(pieces_of(shelved)):
            passage = _passage_row(row, position, piece)
            verdict = self.found.of_passage(entry.source, position, piece.passage_id)
            mark = self.found.judged.marks.get(piece.passage_id, UNMARKED)
            if verdict is None:
                self.passages.append({**passage, **mark._asdict()})
            else:
                self.rejected.append(_fallen(passage, verdict, self.found.judged.said(piece.passage_id)))

    def output(self) -> Output:
        """The rows, ready to be written."""
        return Output(
            tables={
                "documents": make_table("documents", self.documents),
                "passages": make_table("passages", self.passages),
            },
            inputs=frozenset(self.inputs),
            parents=frozenset(self.parents),
            rejected=self.rejected,
        )


def _document_row(entry: Entry, shelved: Shelved, kinds: Sequence[str]) -> Row:
    read, member = shelved.columns, entry.member
    return {
        "document_id": entry.document_id,
        "source": entry.source,
        "title": read["title"] or _name_of(entry.source, kinds),
        "language": read["language"],
        "licence": entry.licence,
        "url": read["url"],
        "date": read["date"],
        "format": read["format"],
        "sha256": read["file"][:64],
        "cluster_id": member.cluster_id if member else entry.document_id,
        "similarity": member.similarity if member else None,
        "chars": entry.chars,
        "text": read["text"],
    }


def _name_of(source: str, kinds: Sequence[str]) -> str:
    """A title for what has none: the file's name without its suffix; a row keeps its number."""
    name = source.rsplit("/", 1)[-1]
    return mask(name if "#" in name else PurePosixPath(name).stem or name, kinds)[0]


def _rejected(key: str, entry: Entry, row: Row) -> Rejected:
    """A rejected document, with what was read of it."""
    assert entry.verdict
    reason, detail, clash_id = entry.verdict
    # The kept document has the very same text; and where nothing could be read there is none.
    shown = (
        {k: v for k, v in row.items() if not (k == "text" and reason == "duplicate")} if row["chars"] else {}
    )
    return Rejected(key, entry.source, reason, detail, clash_id, shown)


def _passage_row(document: Row, position: int, piece: Piece) -> Row:
    trail = [title for title in piece.headings if title != document["title"]]
    return {
        "passage_id": piece.passage_id,
        **{k: document[k] for k in ("document_id", "source", "language", "licence", "cluster_id")},
        "title": " > ".join([document["title"], *trail]),
        "position": position,
        "start": piece.start,
        "end": piece.end,
        "text": document["text"][piece.start : piece.end],
    }


def _fallen(row: Row, verdict: Verdict, said: Row) -> Rejected:
    """A rejected passage; its text stands in its document, and its id tells equal texts apart."""
    short = {k: row[k] for k in ("passage_id", "source", "title", "position", "start", "end")}
    key = content_id("psg", row["passage_id"], row["document_id"], row["position"])
    return Rejected(key, row["document_id"], verdict.reason, verdict.detail, verdict.clash_id, short | said)
