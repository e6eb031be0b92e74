"""What a run has spent, by stage and against the ceilings of its budget, as rows and a sentence for the UI.

In: the folder of a run, whose report counts all tries, and its ceilings. Out: cells of a table: one row for
each stage that called a model, and one for all of them.
"""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from synth.bill import Line, cost_of, from_tree
from synth.config_money import BudgetConfig
from synth.costs import stage_costs
from synth.report import manifests
from synth.run_report import read

Cells = dict[str, Any]
ALL = "all stages"


def spent(run_folder: Path, budget: BudgetConfig) -> tuple[list[Cells], str]:
    """The rows of the table, and what was spent of what the budget leaves, in a sentence."""
    report = read(run_folder)
    currency = report.get("currency", "")
    lines = [Line.model_validate(line) for line in report.get("bill", ())]
    rows = [_row(stage, _of(stage, lines), currency) for stage in dict.fromkeys(line.stage for line in lines)]
    each = _each_row(run_folder, report)
    cells = [{**row, **each.get(row["stage"], _none())} for row in rows]
    if cells:
        cells.append({**_row(ALL, lines, currency), **_none()})
    return cells, _sentence(lines, currency, budget)


def _of(stage: str, lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line.stage == stage]


def _row(stage: str, lines: Sequence[Line], currency: str) -> Cells:
    return {
        "stage": stage,
        "calls": f"{sum(line.made for line in lines):,}",
        "tokens": _tokens_said(lines),
        "cost": cost_of(lines).said(currency),
    }


def _each_row(run_folder: Path, report: Cells) -> dict[str, Cells]:
    """Of each row that came out of a finished stage."""
    paid = report.get("cost_by_stage") or {}
    found = {}
    for cost in stage_costs(manifests(run_folder)):
        tree = paid.get(cost.stage, {}).get("per_row")
        money = from_tree(tree).said(report["currency"]) if tree else "–"
        found[cost.stage] = {"tokens a row out": cost.each_row.said(), "cost a row out": money}
    return found


def _none() -> Cells:
    return {"tokens a row out": "", "cost a row out": ""}


def _sentence(lines: Sequence[Line], currency: str, budget: BudgetConfig) -> str:
    cost, tokens, calls = cost_of(lines), _tokens(lines), sum(line.made for line in lines)
    told = [
        cost.said(currency) + _share(cost.known, budget.money, f"{budget.money:,g} {currency}"),
        f"{_tokens_said(lines)} tokens" + _share(tokens, budget.tokens, f"{budget.tokens:,}"),
        f"{calls:,} calls" + _share(calls, budget.calls, f"{budget.calls:,}"),
    ]
    none = "" if budget.looks_back else " The budget has no ceiling for these."
    return f"Spent in all tries: {', '.join(told)}.{none}"


def _share(used: float | Decimal, most: float, said: str) -> str:
    """How much of a ceiling that is; empty where there is none."""
    return f" of {said} ({float(used) / most:.1%})" if most else ""


def _tokens(lines: Sequence[Line]) -> int:
    return sum(line.prompt_tokens + line.completion_tokens for line in lines)


def _tokens_said(lines: Sequence[Line]) -> str:
    more = "more than " if any(line.uncounted for line in lines) else ""
    return f"{more}{_tokens(lines):,}"
