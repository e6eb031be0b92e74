"""Histories in, weaknesses and categories out (SwS, weaknesses and categories).

Where a log names no category, a model sorts the problem into one: a call for every problem, as failure rates
need those that were not failed too. Without labelling they share the category `Uncategorised`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth.config import RunConfig
from synth.prompts.replies import Unparseable
from synth.stages.base import Output, Rejected, make_table
from synth.stages.calls import Answered, Ask, Services, ask_all
from synth.sws.categories import UNKNOWN, categories, category_name
from synth.sws.weakness import visited_once, weaknesses

Row = dict[str, Any]
OTHER = "Other"


def find_weaknesses(histories: pa.Table, config: RunConfig, services: Services) -> Output:
    """Scores of all problems, and a budget for each category; a problem that cannot be sorted is rejected.

    Where nothing was failed nobody is asked for categories: the next stage stops.
    """
    scored = weaknesses(histories, config.weakness)
    services.say(_said(scored))
    if once := visited_once(scored):
        services.say(once)
    some = pc.any(scored["is_weakness"]).as_py()
    labels, rejected = _labels(histories, config, services) if some else ([], [])
    fallen = pa.array([row.row_id for row in rejected], pa.string())
    scored = scored.filter(pc.invert(pc.is_in(scored["problem_id"], fallen)))
    scored = _with_categories(scored, {row["problem_id"]: row["category"] for row in labels})
    kept = frozenset(scored["problem_id"].to_pylist())
    return Output(
        tables={
            "weaknesses": scored,
            "categories": categories(scored, config.targets.budget),
            "category_labels": make_table("category_labels", labels),
        },
        inputs=frozenset(histories["problem_id"].to_pylist()),
        parents=kept,
        rejected=rejected,
    )


def _said(scored: pa.Table) -> str:
    """How many problems are weaknesses, by which rule."""
    failed, rule = pc.sum(scored["is_weakness"]).as_py(), scored["definition"][0].as_py()
    said = f"{failed:,} of {scored.num_rows:,} problems are weaknesses by the rule `{rule}`."
    if failed and failed == scored.num_rows:
        return f"{said} As that is all of them, failure rates say nothing of the categories."
    return said


def _with_categories(scored: pa.Table, found: Mapping[str, str]) -> pa.Table:
    """The category of the log, else that of the model, else the one for all others."""
    ids, given = scored["problem_id"].to_pylist(), scored["category"].to_pylist()
    named = [own or found.get(problem, UNKNOWN) for problem, own in zip(ids, given, strict=True)]
    place = scored.schema.get_field_index("category")
    return scored.set_column(place, scored.schema.field(place), pa.array(named, pa.string()))


def _labels(histories: pa.Table, config: RunConfig, services: Services) -> tuple[list[Row], list[Rejected]]:
    if not config.weakness.label:
        return [], []
    without = histories.filter(pc.is_null(histories["category"]))
    problems = {
        row["problem_id"]: row for row in without.select(["problem_id", "problem", "source"]).to_pylist()
    }
    labels: list[Row] = []
    rejected: list[Rejected] = []
    for answered in label_all({name: row["problem"] for name, row in problems.items()}, config, services):
        made = _label(answered, problems[answered.ask.row_id], config.weakness.categories)
        if isinstance(made, Rejected):
            rejected.append(made)
        else:
            labels.append(made)
    return labels, rejected


def label_all(problems: Mapping[str, str], config: RunConfig, services: Services) -> Iterator[Answered]:
    """One call for each problem (id -> text), in the order of ids."""
    prompt = services.prompts.get(config.prompts.category)
    asks = [
        Ask(name, prompt, {"problem": text, "categories": config.weakness.categories})
        for name, text in sorted(problems.items())
    ]
    yield from ask_all(asks, "weaknesses", "extractor", config.prompts.concepts_sampling, config, services)


def _label(answered: Answered, row: Row, known: Sequence[str]) -> Row | Rejected:
    """The category that a model named: one of the list, whatever its spelling, or none of them."""
    problem = row["problem_id"]
    if fault := answered.fault():
        return answered.reject(problem, row["source"], *fault)
    try:
        said = answered.parse_one()
    except Unparseable as fault:
        return answered.reject(problem, row["source"], "unparseable", str(fault))
    category, summary = str(getattr(said, "category")), str(getattr(said, "summary"))  # noqa: B009
    named = category_name(category)
    spelt = {category_name(name): category_name(name) for name in known} | {OTHER: UNKNOWN}
    if not (found := spelt.get(named)):
        detail = f"{category[:100]!r} is none of the categories"
        return answered.reject(problem, row["source"], "unparseable", detail)
    return {"problem_id": problem, "category": found, "summary": summary, **answered.columns}
