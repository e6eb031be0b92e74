"""The tables of the lower line of a run: from rollouts to concepts of failed problems, and budgets."""

from dataclasses import replace

import pyarrow as pa

from synth.columns import Column, Table, number, text, whole
from synth.sws.tables import CATEGORIES, HISTORIES, WEAKNESSES

_COUNT = pa.int64()

LABELS = Table(
    "category_labels",
    "weaknesses",
    "categories that a model gave to problems whose log names none",
    "problem_id",
    (
        text("problem_id", "problem that was sorted"),
        text("category", "category in its one spelling"),
        text("summary", "what the model says that the problem is about"),
        text("call_id", "the model call that wrote this row, in the journal"),
        text("prompt_id", "name and version of the prompt file"),
        text("prompt_sha", "SHA-256 of the prompt file"),
        text("model", "identity of the model that wrote this row"),
    ),
)

LISTED = Table(
    "problem_concepts",
    "targets",
    "concepts that failed problems test",
    "listed_id",
    (
        text("listed_id", "content id of problem and concept"),
        text("problem_id", "failed problem"),
        text("category", "its category"),
        text("concept_id", "content id of canonical name and kind, as of a key concept of documents"),
        text("name", "canonical name"),
        text("surface", "name as the model wrote it"),
        whole("rank", "0-based place in the reply"),
        text("call_id", "the model call that wrote this row, in the journal"),
        text("prompt_id", "name and version of the prompt file"),
        text("prompt_sha", "SHA-256 of the prompt file"),
        text("model", "identity of the model that wrote this row"),
    ),
)

BUDGETS = Table(
    "budgets",
    "targets",
    "combinations that each category is to have, capped by what its concepts bear",
    "category",
    (
        text("category", "category in its one spelling"),
        Column("problems", _COUNT, "problems of the category"),
        Column("failed", _COUNT, "weaknesses among them"),
        Column("listed", _COUNT, "weaknesses whose concepts are known"),
        Column("concepts", _COUNT, "distinct concepts of those"),
        Column("supports", _COUNT, "combinations that these concepts bear; null where walks draw them", True),
        Column(
            "most_from_one",
            _COUNT,
            "concepts of one failed problem that a combination may have; null without a limit",
            True,
        ),
        number("share", "failure rate divided by the sum of all rates"),
        Column("budget", _COUNT, "combinations to draw"),
        Column("capped", pa.bool_(), "whether its rate would give it more"),
    ),
)

MATCHES = Table(
    "matches",
    "combinations",
    "weak concepts, and the concepts of the documents that are taken for them",
    "weak_id",
    (
        text("weak_id", "concept of failed problems"),
        text("name", "its canonical name"),
        text("concept_id", "concept of the graph that is it or is nearest to it; null without a graph", True),
        text("tier", "`name`, `embedding`, or `none` where nothing is near enough"),
        number("score", "cosine of both names; 1 for the same name"),
    ),
)

AIMED: tuple[Table, ...] = (
    replace(HISTORIES, stage="rollouts"), WEAKNESSES, CATEGORIES, LABELS, LISTED, BUDGETS, MATCHES
)  # fmt: skip
