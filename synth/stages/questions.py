"""Combinations in, questions out: one prompt for each level (SynthLLM, levels 1, 2 and 3)."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from synth.config import RunConfig
from synth.documents.language import UNDECIDED, detect_language
from synth.graph.names import canonical
from synth.ids import content_id
from synth.prompts.library import Prompt, PromptLibrary
from synth.prompts.replies import Parsed, Unparseable
from synth.stages.base import Output, Rejected, make_table
from synth.stages.calls import Answered, Ask, Services, ask_all
from synth.stages.orders import harmless_title

Row = dict[str, Any]


def write_questions(
    combinations: pa.Table,
    passages: pa.Table | None,
    config: RunConfig,
    services: Services,
    problems: Mapping[str, str] | None = None,
) -> Output:
    """`samples` calls per combination; a combination without a question is rejected.

    `problems` are the texts of failed problems by id, whose language targeted questions are to have.
    """
    rows = {row["combination_id"]: row for row in combinations.to_pylist()}
    if problems is not None:
        rows = {name: {**row, "language": spoken(row, problems, config)} for name, row in rows.items()}
    texts = {row["passage_id"]: row for row in passages.to_pylist()} if passages is not None else {}
    asks = [
        Ask(row_id, prompt_of(row, services.prompts, config), _variables(row, texts, config), sample)
        for row_id, row in rows.items()
        for sample in range(config.questions.samples)
    ]
    questions: list[Row] = []
    failed: dict[str, list[Rejected]] = {}
    for answered in ask_all(
        asks, "questions", "generator", config.prompts.questions_sampling, config, services
    ):
        row = rows[answered.ask.row_id]
        found, rejected = read_questions(answered, row, _language(row, texts, config), _most(row, config))
        questions += found
        failed.setdefault(row["combination_id"], []).extend(rejected)
    parents = frozenset(row["combination_id"] for row in questions)
    return Output(
        tables={"questions": make_table("questions", questions)},
        inputs=frozenset(rows),
        parents=parents,
        rejected=[r for row_id, rs in failed.items() for r in _account(row_id, rs, row_id in parents)],
    )


def prompt_of(combination: Row, prompts: PromptLibrary, config: RunConfig) -> Prompt:
    """The prompt for a combination's level and sampler."""
    names = {
        "level1": config.prompts.level1,
        "level2": config.prompts.level2,
        "level3": config.prompts.level3,
        "targeted": config.prompts.targeted,
        "model_chooses": config.prompts.level2_choose,
    }
    return prompts.get(names.get(combination["sampler"]) or names[combination["level"]])


def read_questions(
    answered: Answered, row: Row, language: str, most: int
) -> tuple[list[Row], list[Rejected]]:
    """Questions of one reply, and what of it was rejected."""
    source = row["combination_id"]
    call = content_id("failed", source, answered.reply.call_id, answered.ask.sample)
    if fault := answered.fault():
        return [], [answered.reject(call, source, *fault)]
    try:
        parsed = answered.parse()
    except Unparseable as fault:
        return [], [answered.reject(call, source, "unparseable", str(fault))]
    if not parsed.items and not parsed.faults:
        reason = "empty_reply" if getattr(parsed.head, "suitable", True) else "unsuitable"
        return [], [answered.reject(call, source, reason, "the reply holds no question")]
    return _split(answered, parsed, row, language, most)


def _split(
    answered: Answered, parsed: Parsed, row: Row, language: str, most: int
) -> tuple[list[Row], list[Rejected]]:
    questions: list[Row] = []
    rejected: list[Rejected] = []
    for place, detail, _ in parsed.faults:
        rejected.append(_failed(answered, row, place, "unparseable", detail))
    for place, item in parsed.items:
        text = item.question.strip()
        if place >= most:
            rejected.append(_failed(answered, row, place, "surplus", f"at most {most} were asked for"))
        elif not text:
            rejected.append(_failed(answered, row, place, "empty", "the question is empty"))
        else:
            questions.append(_question(answered, row, place, item, text, language))
    return questions, rejected


def _failed(answered: Answered, row: Row, place: int, reason: str, detail: str) -> Rejected:
    return answered.reject(_id(answered, row, place), row["combination_id"], reason, detail)


def _id(answered: Answered, row: Row, place: int) -> str:
    ask = answered.ask
    return content_id("q", row["combination_id"], ask.prompt.sha, answered.reply.model, ask.sample, place)


def _question(answered: Answered, row: Row, place: int, item: Any, text: str, language: str) -> Row:
    return {
        "question_id": _id(answered, row, place),
        "combination_id": row["combination_id"],
        "origin": row["level"],
        "question": text,
        "concepts": concepts_of(text, getattr(item, "concepts", None), row),
        "references": row["references"],
        "difficulty": getattr(item, "level", None) or row.get("difficulty_label"),
        "outline": (getattr(item, "outline", None) or "").strip() or None,
        "source_kind": getattr(item, "kind", None),
        "language": language,
        "sample": answered.ask.sample,
        "place": place,
        **answered.columns,
    }


def concepts_of(text: str, chosen: list[str] | None, row: Row) -> list[str]:
    """Concepts a question uses: those the model chose, the set it was given, or those it names."""
    if chosen is not None:
        known = {canonical(name): name for name in row["names"]}
        return sorted({known[c] for name in chosen if (c := canonical(name)) in known})
    if row["sampler"] == "code_chooses" or row["level"] == "targeted":
        return sorted(set(row["names"]))
    lowered = text.casefold()
    return sorted({name for name in row["names"] if name.casefold() in lowered})


def _account(row_id: str, failed: list[Rejected], is_parent: bool) -> list[Rejected]:
    """Without any question the combination itself is rejected too, with the first reason."""
    return failed if is_parent else [failed[0]._replace(row_id=row_id), *failed[1:]]


def _most(row: Row, config: RunConfig) -> int:
    if row["level"] == "targeted":
        return 1
    return int(getattr(config.questions, f"{row['level']}_per_call"))


def spoken(row: Row, problems: Mapping[str, str], config: RunConfig) -> str:
    """The language of the failed problems behind a combination, unless the recipe names one."""
    if config.language != "source":
        return config.language
    found = detect_language("\n\n".join(problems[name] for name in row["targets"]))
    return "en" if found == UNDECIDED else found


def _language(row: Row, texts: Mapping[str, Row], config: RunConfig) -> str:
    if row["level"] == "targeted":
        return str(row["language"])
    return texts[row["references"][0]]["language"] if config.language == "source" else config.language


def _variables(row: Row, texts: Mapping[str, Row], config: RunConfig) -> Row:
    passages = [texts[passage_id] for passage_id in row["references"]]
    references = [
        {"title": harmless_title(passage["title"], passage["source"]), "text": passage["text"]}
        for passage in passages
    ]
    if row["level"] == "targeted":
        return _aimed(row, references, config)
    topics = row["names"][: len(row["topics"])]
    key_concepts = row["names"][len(row["topics"]) :]
    return {
        "references": references,
        "title": references[0]["title"],
        "passage": references[0]["text"],
        "topics": topics,
        "key_concepts": key_concepts,
        "most": _most(row, config),
        "language": "the language of the passage" if config.language == "source" else config.language,
    }


def _aimed(row: Row, references: list[Row], config: RunConfig) -> Row:
    code = f"the language with the ISO 639-1 code `{row['language']}`"
    return {
        "references": references,
        "concepts": row["names"],
        "category": row["category"],
        "difficulty": row["difficulty_label"],
        "language": code if config.language == "source" else config.language,
    }
