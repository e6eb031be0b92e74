"""The tables of the first stage: documents as read, and the passages that fit a prompt."""

from synth.columns import Table, number, text, whole

DOCUMENTS = Table(
    "documents",
    "documents",
    "source files or rows, as read",
    "document_id",
    (
        text("document_id", "content id of the normalised text"),
        text(
            "source",
            "path relative to the given root, with `#row` in a table (`##` stands in a file's own name)",
        ),
        text("title", "title, or the first heading, or the file's name"),
        text("language", "ISO 639-1 code of the detected language, `und` where undecided"),
        text("licence", "licence as stated by the source, else null", True),
        text("url", "address as stated by the source, else null", True),
        text("date", "date as stated by the source, else null", True),
        text("format", "reader that read it"),
        text("sha256", "SHA-256 of the source's bytes"),
        text("cluster_id", "smallest document id of its near-duplicate cluster"),
        number("similarity", "Jaccard similarity to the nearest of its cluster, else null", True),
        whole("chars", "characters of text"),
        text("text", "text without boilerplate, mathematics and code kept, as Markdown"),
    ),
)

PASSAGES = Table(
    "passages",
    "documents",
    "pieces of documents that fit a prompt",
    "passage_id",
    (
        text("passage_id", "content id of the normalised text"),
        text("document_id", "document it was cut from"),
        text("source", "source of its document"),
        text("title", "title of its document, and the headings above it"),
        text("language", "ISO 639-1 code of its document"),
        text("licence", "licence of its document, else null", True),
        text("cluster_id", "near-duplicate cluster of its document"),
        whole("position", "0-based place among the passages of its document"),
        whole("start", "offset of its first character in the document's text"),
        whole("end", "offset after its last character in the document's text"),
        number("score", "rating from 1 to 10, predicted or given; null where nothing was rated", True),
        whole("rating", "rating from 1 to 10 that the rater gave; null where it did not read it", True),
        text("rater", "identity of the model whose ratings these are, else null", True),
        text("rubric", "name and version of the prompt that asks for a rating, else null", True),
        text("text", "the passage"),
    ),
)

TABLES = (DOCUMENTS, PASSAGES)
