"""The tables of weaknesses: histories as they were logged, what is worked out of them, and categories.

They come from files as well as from runs, so they are not among `schemas.TABLES`, which name stages.
"""

import pyarrow as pa

from synth.columns import Column, Table, number, text, whole

_HISTORY = (
    text("problem_id", "content id of the problem's text"),
    text("problem", "text of the problem, normalised"),
    text("category", "category in its one spelling, else null", True),
    text("label", "right answer, else null", True),
    text("model", "student; of several checkpoints, that of the last visit; else null", True),
    text("source", "log that it was read from"),
    whole("visits", "visits of the problem: epochs, steps or checkpoints at which it was attempted"),
)

HISTORIES = Table(
    "histories",
    "weaknesses",
    "accuracy of a student on each problem at each visit",
    "problem_id",
    (
        *_HISTORY,
        Column("accuracies", pa.list_(pa.float64()), "mean correctness at each visit, in their order"),
        Column("attempts", pa.list_(pa.int32()), "decided attempts at each visit, else null", True),
        Column(
            "unanimity",
            pa.list_(pa.float64()),
            "at each visit the share of attempts with its most frequent answer; null where none is known",
            True,
        ),
    ),
)

WEAKNESSES = Table(
    "weaknesses",
    "weaknesses",
    "scores of each problem; a weakness is one that the student keeps failing",
    "problem_id",
    (
        *_HISTORY,
        Column("attempts", pa.int64(), "decided attempts at all visits, else null", True),
        number("max_accuracy", "highest accuracy of all visits"),
        number("mean_accuracy", "mean over visits"),
        number("last_accuracy", "accuracy at the last visit"),
        number("slope", "least-squares slope over the number of the visit; 0 where there is one visit"),
        Column("is_weakness", pa.bool_(), "whether the student keeps failing it, by `definition`"),
        text("definition", "the rule that was used, with its thresholds"),
        number("variance", "population variance over visits (1-shot RLVR)"),
        number(
            "lim", "how close its curve is to the mean curve (LIMR); null where all are always right", True
        ),
        number("signal", "p(1-p) at the last visit: 0.25 where half of the attempts are right"),
        Column("in_band", pa.bool_(), "whether the accuracy at the last visit lies in the band"),
        number("unanimity", "share of the most frequent answer at the last visit, else null", True),
    ),
)

CATEGORIES = Table(
    "categories",
    "weaknesses",
    "failure rate of each category, and how many new problems it is to have",
    "category",
    (
        text("category", "category in its one spelling"),
        Column("problems", pa.int64(), "problems of the category"),
        Column("failed", pa.int64(), "weaknesses among them"),
        number("rate", "failed of all"),
        number("share", "rate divided by the sum of all rates"),
        Column("budget", pa.int64(), "problems to make"),
        Column("capped", pa.bool_(), "whether its concepts support no more than the budget"),
    ),
)
