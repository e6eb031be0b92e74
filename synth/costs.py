"""What a row costs at each stage: for each row in, for each kept, and so far for each published.

In: manifests, which count what each call took, and the bill of a run. Out: one line for each stage. Tokens
are those of the calls whose replies were read, so equal runs have equal figures; money is what was paid in
all tries. What is not known is None, and what is known in part says so: it is never nought.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from synth.bill import Line, cost_of, per_row
from synth.llm.prices import Cost
from synth.schemas import main_table
from synth.store import CallsRecord, Manifest

Tree = dict[str, Any]
DIGITS = 1


class Share(NamedTuple):
    """A number of tokens for each of some rows; None where nothing of it is known, or where there is no row.

    `partly`: what is not known comes on top.
    """

    tokens: float | None
    partly: bool = False

    def said(self) -> str:
        """For people: `412.5`, `more than 412.5`, `unknown`."""
        if self.tokens is None:
            return "unknown" if self.partly else "–"
        return f"{'more than ' if self.partly else ''}{self.tokens:,.{DIGITS}f}"


class StageCost(NamedTuple):
    """One stage. `so_far`: of this stage and all before it, for each published row."""

    stage: str
    rows: int
    calls: CallsRecord | None
    each_input: Share
    each_row: Share
    so_far: Share


class StageMoney(NamedTuple):
    """The same in money; None where there is no row, or none is published yet."""

    stage: str
    cost: Cost
    each_row: Cost | None
    so_far: Cost | None


def stage_costs(manifests: Mapping[str, Manifest]) -> list[StageCost]:
    """The tokens of each finished stage, in the order of the road."""
    published = _published(manifests)
    so_far: list[CallsRecord | None] = []
    costs = []
    for stage, manifest in manifests.items():
        so_far.append(manifest.calls)
        rows = manifest.outputs.get(main_table(stage), 0)
        here = [manifest.calls]
        shares = share(here, manifest.inputs), share(here, rows), share(so_far, published)
        costs.append(StageCost(stage, rows, manifest.calls, *shares))
    return costs


def stage_money(manifests: Mapping[str, Manifest], lines: Sequence[Line]) -> dict[str, StageMoney]:
    """What the calls of each finished stage cost in all tries."""
    published = _published(manifests)
    so_far = Cost()
    costs = {}
    for stage, manifest in manifests.items():
        here = cost_of(line for line in lines if line.stage == stage)
        so_far += here
        rows = manifest.outputs.get(main_table(stage), 0)
        costs[stage] = StageMoney(stage, here, per_row(here, rows), per_row(so_far, published))
    return costs


def share(parts: Sequence[CallsRecord | None], rows: int) -> Share:
    """The tokens of some stages for each of so many rows."""
    known = [part for part in parts if part is not None]
    partly = len(known) < len(parts) or any(part.untold for part in known)
    tokens = sum(part.prompt_tokens + part.completion_tokens for part in known)
    if not rows or (partly and not tokens):
        return Share(None, partly)
    return Share(round(tokens / rows, DIGITS), partly)


def as_trees(costs: Sequence[StageCost]) -> list[Tree]:
    """For `stats.json`, in the order of the stages."""
    return [_tree(cost) for cost in costs]


def _tree(cost: StageCost) -> Tree:
    calls = cost.calls.model_dump() if cost.calls else dict.fromkeys(CallsRecord.model_fields)
    shares = {"per_input": cost.each_input, "per_row": cost.each_row, "so_far": cost.so_far}
    told = {name: found._asdict() for name, found in shares.items()}
    return {"stage": cost.stage, **calls, **told}


def tokens_said(tree: Tree) -> str:
    """The tokens of a stage for people, from what `as_trees` wrote."""
    if tree["calls"] is None:
        return "unknown"
    tokens = tree["prompt_tokens"] + tree["completion_tokens"]
    if tree["untold"]:
        return f"more than {tokens:,}" if tokens else "unknown"
    return f"{tokens:,}"


def _published(manifests: Mapping[str, Manifest]) -> int:
    last = manifests.get("dataset")
    return last.outputs.get("dataset", 0) if last else 0
