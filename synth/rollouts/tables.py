"""Rollouts and what is made of them: the columns of each table.

A run with a student holds `rollouts` and `difficulty`; the others are worked out and stored nowhere.
"""

import pyarrow as pa

from synth.columns import Column, Table

_TEXT = pa.string()

# Written by the stage `difficulty`; rollouts of a file are read into the same columns.
ROLLOUTS = Table(
    "rollouts",
    "difficulty",
    "attempts of a student at problems, each with what a check said of it",
    "rollout_id",
    (
        Column("rollout_id", _TEXT, "content id of problem, model, visit and sample"),
        Column("problem_id", _TEXT, "id of the question, else a content id of the problem's text"),
        Column("problem", _TEXT, "text of the problem"),
        Column("visit", pa.int32(), "0-based visit: a checkpoint, an epoch; 0 where there was one only"),
        Column("sample", pa.int32(), "0-based number of the attempt in its visit"),
        Column("response", _TEXT, "the whole response"),
        Column("answer", _TEXT, "final answer extracted from the response, else null", True),
        Column(
            "correct", pa.bool_(), "whether the answer is right; null where it could not be decided", True
        ),
        Column("truncated", pa.bool_(), "whether the response ended at the token limit"),
        Column("tokens", pa.int32(), "tokens of the response, else null", True),
        Column("model", _TEXT, "identity of the student"),
        Column("label", _TEXT, "right answer that it was held against, else null", True),
        Column("call_id", _TEXT, "the model call, in the journal; null where it was made elsewhere", True),
    ),
)

IDENTITY = ("problem_id", "model", "visit", "sample", "rollout_id")

FIGURES = (
    Column("attempts", pa.int64(), "rollouts"),
    Column("right", pa.int64(), "whole responses with the right answer"),
    Column("wrong", pa.int64(), "whole responses with another answer, or none"),
    Column("truncated", pa.int64(), "responses that ended at the token limit: neither right nor wrong"),
    Column("undecided", pa.int64(), "whole responses whose answer could not be decided"),
    Column("pass_rate", pa.float64(), "right of those decided; null where none was", True),
    Column("pass_low", pa.float64(), "lower end of its Wilson interval", True),
    Column("pass_high", pa.float64(), "upper end of its Wilson interval", True),
    Column("length_mean", pa.float64(), "mean length of all responses", True),
    Column("length_cv", pa.float64(), "standard deviation of their length, divided by the mean", True),
)

DIFFICULTY = (
    Column("agreement", pa.float64(), "share of the solver's answers that agree, else null", True),
    Column("difficulty", pa.string(), "one word of `rates.DIFFICULTIES`"),
    Column("kept", pa.bool_(), "whether its pass rate lies in the band"),
)

TRIED = Table(
    "difficulty",
    "difficulty",
    "how often a student solves a question; a run without a student has none",
    "question_id",
    (
        Column("question_id", _TEXT, "question that was kept"),
        *FIGURES,
        Column("agreement", pa.float64(), "share of the solver's answers that agree, else null", True),
        Column("difficulty", _TEXT, "`in_band`, or the reason for which it would be rejected"),
        Column("label", _TEXT, "answer that the attempts were held against"),
        Column("student", _TEXT, "identity of the model that tried"),
        Column("temperature", pa.float64(), "temperature of its sampling"),
        Column("top_p", pa.float64(), "top p of its sampling"),
        Column("max_tokens", pa.int32(), "its longest response, in tokens"),
        Column("verifier", _TEXT, "what compared the answers"),
        Column("prompt_id", _TEXT, "prompt of the attempts"),
        Column("prompt_sha", _TEXT, "SHA-256 of that prompt's file"),
    ),
)

PAIRS = (
    Column("pair_id", pa.string(), "content id of both rollouts"),
    Column("problem_id", pa.string(), "problem that both attempted"),
    Column("problem", pa.string(), "text of the problem"),
    Column("chosen", pa.string(), "a right response"),
    Column("rejected", pa.string(), "a wrong one, or a truncated one where that was asked for"),
    Column("chosen_id", pa.string(), "rollout of the right response"),
    Column("rejected_id", pa.string(), "rollout of the other"),
    Column("chosen_length", pa.int64(), "length of the right response"),
    Column("rejected_length", pa.int64(), "length of the other"),
    Column("chosen_model", pa.string(), "student that wrote the right response"),
    Column("rejected_model", pa.string(), "student that wrote the other"),
)

PROMPTS = (
    Column("problem_id", pa.string(), "problem"),
    Column("problem", pa.string(), "its text"),
    Column("label", pa.string(), "its right answer, else null", True),
    Column("model", pa.string(), "student whose rollouts were counted"),
    *FIGURES,
    Column("reason", pa.string(), "why it was dropped, of `prompts.DROPPED`; null where it is kept", True),
)


def schema_of(columns: tuple[Column, ...]) -> pa.Schema:
    """The Arrow schema of some columns."""
    return pa.schema([column.field for column in columns])
