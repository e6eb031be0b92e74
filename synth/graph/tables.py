"""The tables of concepts and of the graph: what is found in passages, and what stands where."""

from synth.columns import CALL, Table, number, text, texts, whole

MENTIONS = Table(
    "mentions",
    "concepts",
    "concepts found in passages",
    "mention_id",
    (
        text("mention_id", "content id of passage and concept"),
        text("passage_id", "passage it was found in"),
        text("concept_id", "content id of canonical name and kind"),
        text("kind", "`topic` or `key_concept`"),
        text("name", "canonical name"),
        text("surface", "name as the model wrote it"),
        text("topic_id", "topic that a key concept was listed under; null for topics", True),
        whole("rank", "0-based place in the reply"),
        *CALL,
    ),
)

EXTRACTIONS = Table(
    "extractions",
    "concepts",
    "one concept extraction per passage",
    "passage_id",
    (
        text("passage_id", "passage that was read"),
        text("level", "educational level named by the model, else null", True),
        text("subject", "subject area named by the model, else null", True),
        whole("topics", "topics kept"),
        whole("key_concepts", "key concepts kept"),
        *CALL,
    ),
)

CONCEPTS = Table(
    "concepts",
    "graph",
    "nodes of the concept graph",
    "concept_id",
    (
        text("concept_id", "content id of canonical name and kind"),
        text("kind", "`topic` or `key_concept`"),
        text("name", "canonical name"),
        texts("surfaces", "names as the model wrote them, sorted"),
        whole("passages", "passages it was found in"),
        whole("documents", "documents it was found in"),
        whole("degree", "concepts of any kind that share a passage with it"),
    ),
)

MERGES = Table(
    "merges",
    "graph",
    "concepts that are taken for others, if that is asked for",
    "merged_id",
    (
        text("merged_id", "concept id that stands in `mentions`, and in no table after it"),
        text("concept_id", "concept that it is taken for"),
        text("kind", "`topic` or `key_concept`"),
        text("merged_name", "canonical name of the merged concept"),
        text("name", "canonical name of the concept that it is taken for"),
        text("how", "`spelling`, `similar` or `model`"),
        number("score", "cosine of the names, 1 where they are spelled alike"),
    ),
)

INCIDENCE = Table(
    "incidence",
    "graph",
    "concepts of each passage: the whole graph, without its edges",
    "passage_id",
    (
        text("passage_id", "passage"),
        text("cluster_id", "near-duplicate cluster of its document"),
        texts("topics", "concept ids of its topics, sorted"),
        texts("key_concepts", "concept ids of its key concepts, sorted"),
    ),
)

TABLES = (MENTIONS, EXTRACTIONS, CONCEPTS, MERGES, INCIDENCE)
