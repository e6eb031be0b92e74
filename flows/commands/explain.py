"""`synth explain`: the way back of one row, as a tree or as JSON."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands import options
from flows.terminal import line, plain, print_json
from synth.places import find_run
from synth.text import counted
from synth.verify.judging import CRITERIA

if TYPE_CHECKING:
    from rich.tree import Tree

    from synth.lineage import Lineage

Row = dict[str, Any]

EXCERPT = 300
DIGITS = 3
# Small models copy sentences as names of concepts; the graph's picture cuts them at the same place.
NAME_CHARS = 60
# What the tree says of a row; the rest of its columns are ids that lead to other branches of it.
SHOWN: dict[str, tuple[str, ...]] = {
    "questions": (
        *("question", "origin", "outline", "difficulty", "source_kind", "concepts", "prompt_id", "model"),
    ),
    "screened": ("nearest_id", "nearest_jaccard", "source_overlap", "example_overlap", "benchmark_overlap"),
    "judged": ("verdict", "rule", "judgements", "well_posed", "givens", "sought", "checker"),
    "answers": (
        *("final_answer", "mode", "agreement", "cluster_sizes", "differs_from_majority"),
        *("answer", "prompt_id", "model"),
    ),
    "candidates": ("part", "sample", "outcome", "final_answer", "tokens", "response", "prompt_id", "model"),
    "rollouts": (
        "sample",
        "correct",
        "truncated",
        "answer",
        "label",
        "tokens",
        "response",
        "problem",
        "model",
    ),
    "difficulty": (
        *("difficulty", "pass_rate", "pass_low", "pass_high", "attempts", "right", "wrong", "truncated"),
        *("undecided", "agreement", "label", "student", "verifier", "prompt_id"),
    ),
    "combinations": ("combination_id", "level", "sampler", "category", "difficulty_label", "names"),
    "weaknesses": (
        *("category", "is_weakness", "definition", "max_accuracy", "slope", "visits", "label", "source"),
        "problem",
    ),
    "passages": ("title", "source", "language", "licence", "position", "text"),
    "documents": (
        "title",
        "source",
        "format",
        "language",
        "licence",
        "url",
        "cluster_id",
        "similarity",
        "text",
    ),
    "concepts": ("name", "kind", "surfaces", "passages", "documents", "degree"),
    "mentions": ("name", "kind", "surface", "passage_id"),
}
TITLES = {
    "weaknesses": "weakness",
    "screened": "checks that the question passed",
    "judged": "what the judges said",
    "difficulty": "how hard it is",
}


def explain(
    run: options.RunFolder,
    row_id: Annotated[str, typer.Argument(metavar="ROW_ID", help="Id of a row, kept or rejected.")],
    as_json: options.Json = False,
    full: Annotated[bool, typer.Option("--full", help="Show prompts, replies and passages whole.")] = False,
) -> None:
    """Show where a row comes from.

    Documents, passages, concepts, walk, prompts, calls and checks; for a rejected row also why it fell out.
    """
    from flows.console import out
    from synth.lineage import lineage

    found = lineage(find_run(run), row_id)
    if as_json:
        print_json(asdict(found))
        return
    out.print(_tree(found, None if full else EXCERPT))


def _tree(found: "Lineage", limit: int | None) -> "Tree":
    from rich.text import Text
    from rich.tree import Tree

    from synth.schemas import TABLES

    tree = Tree(Text(f"{_title(found.kind)} {plain(found.id)}", "bold"))
    first = found.kind if found.kind in found.rows else None
    if first:
        _fields(tree, found.rows[first], SHOWN.get(first, ()), limit)
    _rejections(tree, _of_itself(found), limit)
    for name, row in found.rows.items():
        if name != first:
            branch = _branch(tree, _title(name))
            if found.kind == "call":
                # Here no other branch says which row it is.
                key = TABLES[name].key
                _leaf(branch, key, row[key], limit)
            _fields(branch, row, SHOWN.get(name, ()), limit)
    _votes(tree, found, limit)
    _attempts(tree, found.attempts, limit)
    _walk(tree, found.walk, limit)
    _problems(tree, found.problems, limit)
    _list(tree, "concepts", found.concepts, lambda row: concept_line(row, limit))
    _passages(tree, found, limit)
    _calls(tree, found.calls, limit)
    return tree


def _title(name: str) -> str:
    return TITLES.get(name, name.removesuffix("s"))


def _branch(tree: "Tree", title: object) -> "Tree":
    from rich.text import Text

    return tree.add(Text(plain(title), "bold cyan"))


def _leaf(tree: "Tree", name: str, value: object, limit: int | None) -> None:
    from rich.text import Text

    if isinstance(value, float):
        value = _rounded(value)
    text = line(value, limit) if limit else plain(value)
    tree.add(Text.assemble((f"{plain(name)}: ", "dim"), text))


def _said(value: object) -> str:
    return str(_rounded(value) if isinstance(value, float) else value)


def _rounded(value: float) -> float:
    """Three digits behind the point; where they all would be zero, the first three that count."""
    return round(value, DIGITS) or float(f"{value:.{DIGITS}g}")


def _listed(values: list[float]) -> str:
    """Numbers with commas; those that come again at once stand once, with their count."""
    runs = ((value, len(list(same))) for value, same in groupby(values))
    return ", ".join(f"{value:g}" if times == 1 else f"{value:g} (×{times})" for value, times in runs)


def _fields(tree: "Tree", row: Row, names: tuple[str, ...], limit: int | None) -> None:
    for name in names or tuple(row):
        value = row.get(name)
        if name == "judgements":
            _judgements(tree, value or [], limit)
        elif isinstance(value, dict):
            _fields(_branch(tree, name), value, (), limit)
        elif value is not None and value != []:
            _leaf(tree, name, ", ".join(map(_said, value)) if isinstance(value, list) else value, limit)


def _judgements(tree: "Tree", said: list[Row], limit: int | None) -> None:
    """One branch for each judge and pass: its verdict, its marks, its words, and why it has none."""
    for one in said:
        turn = f", pass {one['pass'] + 1}" if any(other["pass"] for other in said) else ""
        branch = _branch(tree, f"{one['judge']}{turn}: {one.get('verdict') or 'no verdict'}")
        if marks := [f"{name} {one[name]}" for name in CRITERIA if one.get(name)]:
            _leaf(branch, "marks", ", ".join(marks), limit)
        names = ("assessment", "stated", "reason", "detail", "reply", "order", "model", "call_id")
        _fields(branch, one, names, limit)


def _votes(tree: "Tree", found: "Lineage", limit: int | None) -> None:
    """One line for each response: its answer or why it has none, and how many agree; whole with all of it."""
    if not found.votes:
        return
    kept = found.rows.get("answers", {}).get("call_id")
    sizes = Counter(row["cluster"] for row in found.votes if row["part"] != "aggregate")
    branch = _branch(tree, "responses")
    for row in found.votes:
        title = f"{row['part']} {row['sample'] + 1}" if row["part"] != "aggregate" else row["part"]
        agrees = "" if row["cluster"] is None else _shared(sizes[row["cluster"]])
        unseen = ", not shown" if row["shown"] is False else ""
        chosen = ", kept" if row["call_id"] == kept else ""
        _leaf(branch, title, f"{row['final_answer'] or row['outcome']}{agrees}{unseen}{chosen}", limit)
        if limit is None:
            _leaf(branch, "response", row["response"], limit)


def _shared(count: int) -> str:
    return f", shared by {counted(count, 'response')}"


def _attempts(tree: "Tree", rows: list[Row], limit: int | None) -> None:
    """A line for each attempt of the student, and with `--full` the whole response."""
    if not rows:
        return
    right = sum(row["correct"] is True and not row["truncated"] for row in rows)
    branch = _branch(tree, f"attempts of {rows[0]['model']}: {right} of {len(rows)} right")
    for row in rows:
        word = {True: "right", False: "wrong", None: "undecided"}[row["correct"]]
        said = "truncated" if row["truncated"] else word
        answer = "no final answer" if row["answer"] is None else row["answer"]
        _leaf(branch, f"{row['sample'] + 1}. {said}", answer, limit)
        if limit is None:
            _leaf(branch, "response", row["response"], limit)


def _of_itself(found: "Lineage") -> list[Row]:
    """Rejected rows, without those of single responses: they stand among the responses."""
    responses = {row["candidate_id"] for row in found.votes} - {found.id}
    return [row for row in found.rejected if row["row_id"] not in responses]


def _rejections(tree: "Tree", rows: list[Row], limit: int | None) -> None:
    from synth.schemas import REASONS

    for row in rows:
        branch = _branch(tree, f"rejected by stage {row['stage']}: {row['reason']}")
        _leaf(branch, "that is", REASONS.get(row["reason"], ""), limit)
        _fields(branch, row, ("row_id", "source", "detail", "clash_id"), limit)
        kept = json.loads(row["row"])
        _fields(branch, kept, tuple(kept), limit)


def _problems(tree: "Tree", rows: list[Row], limit: int | None) -> None:
    """The failed problems behind a question: how they were failed, and which concepts they test."""
    for row in rows:
        word = "failed problem" if row["is_weakness"] else "problem"
        branch = _branch(tree, f"{word} {row['problem_id']}")
        _fields(branch, row, SHOWN["weaknesses"], limit)
        _leaf(branch, "accuracies", _listed(row["accuracies"]), limit)
        _leaf(branch, "concepts", ", ".join(one["name"] for one in row["concepts"]), limit)


def _walk(tree: "Tree", steps: list[Row], limit: int | None) -> None:
    if not steps:
        return
    from synth.lineage import is_of_problems

    drawn = is_of_problems(steps)
    branch = _branch(tree, "draw from failed problems" if drawn else "walk on the graph")
    for place, step in enumerate(steps, 1):
        unit = "problem" if drawn else "passage"
        behind = f", by {unit} {step['passage_id']}" if step.get("passage_id") else ""
        _leaf(branch, f"{place}. {step['phase']}", f"{_name(step, limit)}{behind}", limit)


def concept_line(row: Row, limit: int | None) -> tuple[str, str]:
    """Kind and name of a concept, and in how many passages it was found."""
    return row["kind"], f"{_name(row, limit)} (in {counted(row['passages'], 'passage')})"


def _name(row: Row, limit: int | None) -> str:
    return line(row["name"], NAME_CHARS) if limit else str(row["name"])


def _list(tree: "Tree", title: str, rows: list[Row], say: Callable[[Row], tuple[str, str]]) -> None:
    if rows:
        branch = _branch(tree, title)
        for row in rows:
            _leaf(branch, *say(row), EXCERPT)


def _passages(tree: "Tree", found: "Lineage", limit: int | None) -> None:
    combination = found.rows.get("combinations", {})
    scores = dict(zip(combination.get("references", []), combination.get("scores", []), strict=False))
    for row in found.passages:
        score = f", Jaccard {scores[row['passage_id']]:.2f}" if row["passage_id"] in scores else ""
        branch = _branch(tree, f"passage {row['passage_id']}{score}")
        _fields(branch, row, SHOWN["passages"], limit)
    if not found.passages:
        _list(tree, "documents", found.documents, lambda row: (row["document_id"], row["source"]))


def _messages(branch: "Tree", messages: list[Row], limit: int | None) -> None:
    """The rendered prompt; in short, the worked examples between its first and last message are counted."""
    examples = messages[1:-1] if limit and len(messages) > 2 else []
    for message in messages:
        if message not in examples:
            _leaf(branch, message["role"], message["content"], limit)
        elif message is examples[0]:
            _leaf(branch, "examples", f"{len(examples)} messages (--full shows them)", limit)


def _calls(tree: "Tree", calls: list[Row], limit: int | None) -> None:
    """A branch for each call; samples of one prompt share a branch that shows it once."""
    for samples in _by_prompt(calls):
        first, several = samples[0], len(samples) > 1
        said = f"{len(samples)} samples of one prompt" if several else f"call {first['call_id']}"
        branch = _branch(tree, f"{said}, stage {first['stage']}")
        _leaf(branch, "model", first.get("model", ""), limit)
        if not several:
            _leaf(branch, "tokens", _tokens(first), limit)
        _messages(branch, _asked(first), limit)
        for call in samples:
            name = f"reply of {call['call_id']} ({_tokens(call)})" if several else "reply"
            _leaf(branch, name, _reply(call), limit)


def _by_prompt(calls: list[Row]) -> list[list[Row]]:
    """The calls, those of one stage, model and prompt together, in the order of the first of each."""
    found: dict[str, list[Row]] = {}
    for call in calls:
        key = json.dumps([call["stage"], call.get("model"), _asked(call)])
        found.setdefault(key, []).append(call)
    return list(found.values())


def _asked(call: Row) -> list[Row]:
    messages: list[Row] = call.get("request", {}).get("messages", [])
    return messages


def _tokens(call: Row) -> str:
    used = call.get("usage") or {}
    return f"{used.get('prompt_tokens')} in the prompt, {used.get('completion_tokens')} in the reply"


def _reply(call: Row) -> str:
    from synth.llm import wire

    answer = wire.parse(call.get("response", ""))
    return wire.read(answer)[0] if answer else str(call.get("response", ""))
