"""Stage `documents`: sources become documents, and documents become passages.

In: sources. Out: tables `documents` and `passages`; each file or row is the parent of a document or
is rejected with its reason. Near-duplicate pages distort co-occurrence and the choice of references,
so they are found here, before concepts are (METHOD 6.4; the papers keep them).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from synth.config import DocumentsConfig
from synth.documents.clusters import Member, find_clusters
from synth.documents.find import Source
from synth.documents.language import UNDECIDED, detect_language
from synth.documents.passages import cut
from synth.documents.readers import Document, Unread, read
from synth.ids import content_id, stream
from synth.stages.base import Output, Rejected, make_table
from synth.text import normalise

STAGE = "documents"

Row = dict[str, Any]


def read_documents(sources: Sequence[Source], config: DocumentsConfig, seed: int) -> Output:
    """Documents and passages of the sources, whatever order they come in."""
    return make_documents((found for source in sources for found in read(source, config)), config, seed)


def make_documents(found: Iterable[Document | Unread], config: DocumentsConfig, seed: int) -> Output:
    """The same from what was read already, so that reading can be spread over workers."""
    ordered = sorted(found, key=lambda f: f.source)
    rejected: list[Rejected] = []
    documents = _distinct(_long_enough(ordered, config, rejected), rejected)
    rows = _clustered(documents, config, rejected)
    passages = _passages(rows, config, rejected)
    kept = _sampled(passages, config.sample, seed, rejected)
    return Output(
        tables={"documents": make_table("documents", rows), "passages": make_table("passages", kept)},
        inputs=frozenset(source_id(f.source) for f in ordered),
        parents=frozenset(source_id(row["source"]) for row in rows),
        rejected=rejected,
    )


def source_id(name: str) -> str:
    """The id of a file or row as an input of this stage."""
    return content_id("src", name)


def document_id(text: str) -> str:
    """The id of a document, from its normalised text."""
    return content_id("doc", text)


def _reject(document: Document, reason: str, detail: str, clash_id: str | None = None) -> Rejected:
    row = {k: getattr(document, k) for k in document.__slots__}
    if reason == "duplicate":
        # The kept document has the very same text.
        del row["text"]
    return Rejected(source_id(document.source), document.source, reason, detail, clash_id, row)


def _long_enough(
    found: Iterable[Document | Unread], config: DocumentsConfig, rejected: list[Rejected]
) -> list[Document]:
    kept = []
    for item in found:
        if isinstance(item, Unread):
            rejected.append(Rejected(source_id(item.source), item.source, item.reason, item.detail))
        elif not item.text.strip():
            rejected.append(_reject(item, "empty", "no text in it"))
        elif len(item.text) < config.min_chars:
            limit = f"{len(item.text)} characters, fewer than {config.min_chars}"
            rejected.append(_reject(item, "too_short", limit))
        else:
            kept.append(item)
    return kept


def _distinct(documents: Iterable[Document], rejected: list[Rejected]) -> dict[str, Document]:
    """Documents by id; of equal texts the one with the smallest source stays."""
    kept: dict[str, Document] = {}
    for document in documents:
        clash = document_id(document.text)
        first = kept.setdefault(clash, document)
        if first is not document:
            rejected.append(_reject(document, "duplicate", f"same text as {first.source}", clash))
    return kept


def _clustered(
    documents: dict[str, Document], config: DocumentsConfig, rejected: list[Rejected]
) -> list[Row]:
    """Rows of the documents; where configured, one of each near-duplicate cluster."""
    texts = {key: document.text for key, document in documents.items()}
    rows = []
    for key, member in find_clusters(texts, config.near_duplicate_threshold).items():
        document = documents[key]
        if config.near_duplicates == "drop" and member.best != key:
            nearest = documents[member.nearest or member.best].source
            detail = f"Jaccard similarity {member.similarity:.3f} to {nearest}"
            rejected.append(_reject(document, "near_duplicate", detail, member.best))
        else:
            rows.append(_document_row(key, document, member))
    return rows


def _document_row(key: str, document: Document, member: Member) -> Row:
    detected = detect_language(document.text)
    stated = (document.language or "")[:2].lower()
    # Templates state a language that their texts are not in, so it decides only where nothing else does.
    language = stated if detected == UNDECIDED and stated.isalpha() and len(stated) == 2 else detected
    return {
        "document_id": key,
        **{k: getattr(document, k) for k in document.__slots__},
        "language": language,
        "cluster_id": member.cluster_id,
        "similarity": member.similarity,
        "chars": len(document.text),
    }


def _passages(rows: Iterable[Row], config: DocumentsConfig, rejected: list[Rejected]) -> list[Row]:
    """Passages long enough to carry a concept, each text once: of equal ones the first by source."""
    kept: dict[str, Row] = {}
    for document in sorted(rows, key=lambda row: str(row["source"])):
        for position, row in enumerate(_cut(document, config.passage_chars)):
            first = kept.get(row["passage_id"])
            if row["end"] - row["start"] < config.min_chars:
                detail = f"{row['end'] - row['start']} characters, fewer than {config.min_chars}"
                rejected.append(_fallen(row, "too_short", detail))
            elif first:
                detail = f"same text as passage {first['position']} of {first['source']}"
                rejected.append(_fallen(row, "duplicate", detail, first["passage_id"]))
            else:
                kept[row["passage_id"]] = {**row, "position": position}
    return list(kept.values())


def _cut(document: Row, passage_chars: int) -> list[Row]:
    shared = {k: document[k] for k in ("document_id", "source", "language", "licence", "cluster_id")}
    rows = []
    for position, span in enumerate(cut(document["text"], passage_chars)):
        text = document["text"][span.start : span.end]
        trail = [title for title in span.headings if title != document["title"]]
        rows.append(
            {
                "passage_id": content_id("psg", normalise(text)),
                **shared,
                "title": " > ".join([document["title"], *trail]),
                "position": position,
                "start": span.start,
                "end": span.end,
                "text": text,
            }
        )
    return rows


def _fallen(row: Row, reason: str, detail: str, clash_id: str | None = None) -> Rejected:
    """A rejected passage; its text stands in its document, and its id tells equal texts apart."""
    short = {k: row[k] for k in ("passage_id", "source", "title", "position", "start", "end")}
    key = content_id("psg", row["passage_id"], row["document_id"], row["position"])
    return Rejected(key, row["document_id"], reason, detail, clash_id, short)


def _sampled(passages: list[Row], size: int, seed: int, rejected: list[Rejected]) -> list[Row]:
    """The passages whose own draw is among the smallest, so that neither order nor parts matter."""
    if not size or len(passages) <= size:
        return passages
    drawn = sorted(
        passages, key=lambda row: (stream(seed, STAGE, row["passage_id"]).random(), row["passage_id"])
    )
    detail = f"not among the {size} drawn of {len(passages)}"
    rejected.extend(_fallen(row, "not_sampled", detail) for row in drawn[size:])
    return drawn[:size]
