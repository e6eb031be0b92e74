"""Every table of the project: its columns, what each means, its key, and the stage that writes it.

The README's table, the dataset card, the tests and the viewer are made from this file.
"""

import pyarrow as pa

from synth.columns import CALL, SCHEMA_VERSION, Column, Table
from synth.columns import number as _float
from synth.columns import text as _text
from synth.columns import texts as _texts
from synth.columns import whole as _int
from synth.documents import tables as documents
from synth.graph import tables as graph
from synth.reasons import REASONS
from synth.rollouts.tables import ROLLOUTS, TRIED
from synth.sws.aimed_tables import AIMED
from synth.verify.judging import CRITERIA

__all__ = [
    "CALL",
    "JUDGEMENT",
    "REASONS",
    "SCHEMA_VERSION",
    "STAGES",
    "TABLES",
    "WALK_STEP",
    "Column",
    "Table",
    "main_table",
    "stage_folder",
]

# The lower line: what a student keeps failing. Its folders are lettered, so that no other is renumbered.
LOWER = ("rollouts", "weaknesses", "targets")
# The road every row travels. A run folder numbers the folders of all other stages by this order.
STAGES = (
    *LOWER,
    "documents",
    "concepts",
    "graph",
    "combinations",
    "questions",
    "screen",
    "judge",
    "answers",
    "difficulty",
    "dataset",
)

# What one judge said in one pass.
JUDGEMENT = pa.struct(
    [
        pa.field("judge", pa.string(), False),
        pa.field("pass", pa.int32(), False),
        pa.field("verdict", pa.string(), False),
        *(pa.field(name, pa.string(), False) for name in CRITERIA),
        pa.field("assessment", pa.string(), False),
        pa.field("order", pa.list_(pa.string()), False),
        pa.field("model", pa.string(), False),
        pa.field("call_id", pa.string(), False),
    ]
)

WALK_STEP = pa.struct(
    [
        pa.field("phase", pa.string(), False),
        pa.field("concept_id", pa.string(), False),
        pa.field("passage_id", pa.string()),
    ]
)

_ALL = (
    *documents.TABLES,
    *graph.TABLES,
    Table(
        "combinations",
        "combinations",
        "concepts sampled together, with their reference passages",
        "combination_id",
        (
            _text("combination_id", "content id of concepts, references, level and sampler"),
            _text("level", "`level1`, `level2`, `level3` or `targeted`"),
            _text("sampler", "how the concepts were chosen"),
            _text("start_id", "passage or topic that it was drawn for; of targeted ones the first problem"),
            _texts("topics", "concept ids of its topics, sorted"),
            _texts("key_concepts", "concept ids of its key concepts, sorted"),
            _texts("names", "canonical names of topics, then of key concepts, in those orders"),
            Column(
                "walk",
                pa.list_(WALK_STEP),
                "steps (`start`, `topic`, `cross`, `key_concept`, `dead_end`; from a weak concept also `up`;"
                " of problems `together`, `similar`, `uniform`), each with its passage or problem",
            ),
            _texts("references", "passage ids of the references, best first"),
            Column("scores", pa.list_(pa.float64()), "Jaccard similarity of each reference"),
            _text("category", "category that it was drawn for; null where it is not targeted", True),
            _texts(
                "targets", "failed problems that its concepts are of; null where it is not targeted", True
            ),
            _text("difficulty_label", "difficulty that is asked for, else null", True),
        ),
    ),
    Table(
        "questions",
        "questions",
        "text generated from combinations",
        "question_id",
        (
            _text("question_id", "content id of combination, prompt, model, sample and place"),
            _text("combination_id", "combination it was written from"),
            _text("origin", "`level1`, `level2`, `level3` or `targeted`"),
            _text("question", "the question"),
            _texts("concepts", "canonical names of the concepts it uses, as far as known"),
            _texts("references", "passage ids that stood in the prompt"),
            _text("difficulty", "difficulty level named by the model, or asked for; else null", True),
            _text("outline", "how the model planned it, where its prompt asks for that; else null", True),
            _text("source_kind", "`original` (taken from the passage) or `new`; else null", True),
            _text("language", "language that was asked for"),
            _int("sample", "0-based sample number of the call"),
            _int("place", "0-based place in the reply"),
            *CALL,
        ),
    ),
    Table(
        "screened",
        "screen",
        "questions that passed every rule, with the closest call of each check",
        "question_id",
        (
            _text("question_id", "question that passed"),
            _text("nearest_id", "kept question that is most like it, among confirmed pairs", True),
            _float("nearest_jaccard", "Jaccard similarity to `nearest_id`", True),
            _float("source_overlap", "highest share of its n-grams found in one reference"),
            _float("example_overlap", "highest share of its n-grams found in one prompt example"),
            _float("benchmark_overlap", "highest share of its n-grams found in one benchmark item"),
        ),
    ),
    Table(
        "judged",
        "judge",
        "questions that the judges kept, with what each of them said; a run without judges has none",
        "question_id",
        (
            _text("question_id", "question that was kept"),
            _text("verdict", "the lowest verdict of any judge: `perfect` or `acceptable`"),
            _texts(
                "verdicts", "verdict of each judge in the order of the roles; `tie` where its passes differ"
            ),
            _text("rule", "rule by which it was kept"),
            Column(
                "judgements",
                pa.list_(JUDGEMENT),
                "what each judge said in each pass: marks, words, the order of the concepts, its call",
            ),
            _text("well_posed", "outcome of the check: `well_posed`; null where it was not made", True),
            _texts("givens", "what is given, as the checker restates it, else null", True),
            _text("sought", "what is sought, as the checker restates it, else null", True),
            _text("checker", "identity of the model that checked, else null", True),
            _text("check_call_id", "call of the check, else null", True),
            _text("prompt_id", "name and version of the judges' prompt"),
            _text("prompt_sha", "SHA-256 of that prompt's file"),
            _text("check_prompt_id", "name and version of the checker's prompt, else null", True),
            _text("check_prompt_sha", "SHA-256 of that prompt's file, else null", True),
        ),
    ),
    Table(
        "answers",
        "answers",
        "responses to questions, each with its final answer",
        "answer_id",
        (
            _text("answer_id", "content id of question, prompt, model and sample"),
            _text("question_id", "question that is answered"),
            _int("sample", "0-based sample number"),
            _text("answer", "the worked response"),
            _text(
                "final_answer",
                "final answer extracted from the response; of code its tests; null for open text",
                True,
            ),
            _text("mode", "how it came about: `single`, `vote` or `aggregate`"),
            _float("agreement", "share of the samples asked that agree with it; null where none was", True),
            _int("samples", "responses that were asked for: samples of a vote, drafts of an aggregate"),
            Column(
                "cluster_sizes",
                pa.list_(pa.int32()),
                "responses in each cluster of equal answers, largest first; empty where none were compared",
            ),
            Column(
                "differs_from_majority",
                pa.bool_(),
                "whether an aggregate says otherwise than most drafts; null where there is no majority",
                True,
            ),
            *CALL,
        ),
    ),
    Table(
        "candidates",
        "answers",
        "every response that was asked for in a vote or an aggregate, also of questions that fell",
        "candidate_id",
        (
            _text("candidate_id", "content id of question, prompt, model, part and sample"),
            _text("question_id", "question that is answered"),
            _int("sample", "0-based sample number"),
            _text("part", "`sample` of a vote, `draft`, or the `aggregate` made of drafts"),
            _text("response", "the response as it came"),
            _text("final_answer", "final answer or code extracted from it, else null", True),
            _int("cluster", "0-based place of its cluster among the sizes, else null", True),
            _text("outcome", "`answered`; what it says of the question instead; or the reason why it fell"),
            Column("shown", pa.bool_(), "whether a draft stood in the aggregate's prompt; else null", True),
            _int("tokens", "tokens of the response, as the endpoint counts them, else null", True),
            *CALL,
        ),
    ),
    TRIED,
    ROLLOUTS,
    *AIMED,
    Table(
        "dataset",
        "dataset",
        "published rows",
        "id",
        (
            _text("id", "question id"),
            _text("question", "the question"),
            _text("answer", "the worked response"),
            _text(
                "label",
                "final answer, of code tests that the answer passes; agreed on only where `answer_mode` is"
                " `vote`; null for open text",
                True,
            ),
            _text("origin", "`level1`, `level2`, `level3` or `targeted`"),
            _text("category", "category of the failed problems it aims at; null where it aims at none", True),
            _texts("concepts", "canonical names of the concepts it uses"),
            _texts("sources", "sources of the documents that stood in the prompt"),
            _texts("licences", "licences of those documents, `unknown` where none was stated"),
            _text("model", "identity of the model that wrote the question"),
            _text("answer_model", "identity of the model that wrote the answer"),
            _text("language", "language of the question"),
            _text("domain", "domain of the recipe"),
            _text("difficulty", "difficulty level named by the model, or asked for; else null", True),
            _text("answer_mode", "how the answer was chosen: `single`, `vote` or `aggregate`"),
            _float("agreement", "share of the responses asked for that agree with the label", True),
            _text("verdict", "lowest verdict of the judges, `perfect` or `acceptable`", True),
            _text("well_posed", "`well_posed` where a checker restated the question and found it so", True),
            _float("pass_rate", "share of the student's decided attempts that were right", True),
            _text("hardness", "word for its pass rate, such as `in_band`; null without a student", True),
            _float("nearest_jaccard", "Jaccard similarity to the most similar kept question", True),
            _float("source_overlap", "highest share of its n-grams found in one reference"),
            _float("benchmark_overlap", "highest share of its n-grams found in a benchmark item"),
            _text("combination_id", "combination it was written from"),
            _texts("passage_ids", "passages that stood in the prompt"),
            _text("prompt_id", "prompt of the question"),
            _text("prompt_sha", "SHA-256 of that prompt's file"),
            _text("call_id", "call that wrote the question"),
            _text("answer_call_id", "call that wrote the answer"),
        ),
    ),
    Table(
        "rejected",
        "",
        "every row that fell out, of every stage, with its reason",
        "row_id",
        (
            _text("stage", "stage that rejected it"),
            _text("row_id", "id of the input row, or of the single output that failed"),
            _text("source", "source path, or id of the row it came from"),
            _text("reason", "why, from the closed list of reasons"),
            _text("detail", "what exactly was found"),
            _text("clash_id", "row it clashed with, where there is one", True),
            _text("row", "the row as JSON, with the raw reply where there was one"),
        ),
    ),
)

TABLES: dict[str, Table] = {t.name: t for t in _ALL}


def stage_folder(stage: str) -> str:
    """Folder of a stage inside a run, for example `03_graph`, or `a2_weaknesses` of the lower line."""
    place = STAGES.index(stage) + 1
    return f"a{place}_{stage}" if stage in LOWER else f"{place - len(LOWER):02d}_{stage}"


def main_table(stage: str) -> str:
    """The first table that a stage writes: its rows are the stage's outputs."""
    return next(t.name for t in _ALL if t.stage == stage)
