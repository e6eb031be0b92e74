"""`synth status` and `synth stats`: where a run stands, and what it yielded."""

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.commands import options
from flows.terminal import complain, copy, print_json, say, table
from synth.places import find_run
from synth.text import counted

if TYPE_CHECKING:
    from synth.llm.batches import Shard
    from synth.report import FunnelRow

Tree = dict[str, Any]
QUANTILES = {"p5": "5 %", "p25": "25 %", "p50": "median", "p75": "75 %", "p95": "95 %"}
BILL = ("stage", "model", "made", "reused", "failed", "prompt", "reply", "cost")
COSTS = ("stage", "tokens", "row in", "row out", "so far", "cost: row out", "so far")
# What `stats.json` counts, and its name here: a level is the generator's word, hardness the student's.
COUNTED = {
    "origins": "origins",
    "difficulty": "level named",
    "hardness": "hardness for the student",
    "languages": "languages",
    "licences": "licences",
}


def status(run: options.RunFolder, as_json: options.Json = False) -> None:
    """Show which stages of a run are finished."""
    from synth.llm.batches import read_shards
    from synth.llm.journal import Journal
    from synth.run_report import read
    from synth.standing import standing

    folder = find_run(run)
    found = standing(folder)
    with Journal(folder / "calls", read_only=True) as journal:
        calls = len(journal)
    open_batches = [shard for shard in read_shards(folder / "calls") if shard.is_open]
    if as_json:
        stages = [stage._asdict() for stage in found.stages]
        under_way = [shard.model_dump() for shard in open_batches]
        told = {"stages": stages, "calls": calls, "batches": under_way, "folder": str(folder)}
        print_json({**found._asdict(), **told})
        return
    rows = [(s.stage, s.state, _parts(s.done, s.parts), s.rows, s.rejected) for s in found.stages]
    table(("stage", "state", "parts", "rows out", "rejected"), rows, f"Run {folder.name}")
    say(f"Model calls in the journal: {calls:,}")
    if open_batches:
        heads = ("batch", "stage", "model", "calls", "worked on", "state")
        table(heads, map(_batch, open_batches), "Batches under way")
    report = read(folder)
    if tries := report.get("tries"):
        say(_last_try(tries[-1], found.at_work))
        for told in tries[-1].get("journal_damage", ()):
            complain(told)
    _tell_damage(report)
    say("A process is at work on it." if found.at_work else "No process is at work on it.")
    if found.published:
        say(f"Dataset: {folder / 'dataset'}")
    elif not found.at_work:
        say("To go on, run the same command as before, or:")
        copy(_resume(folder.absolute()))


def _batch(shard: "Shard") -> tuple[Any, ...]:
    # Before it is created, the endpoint has no name for it.
    name = shard.batch_id or shard.name
    state = (shard.status or shard.state) if shard.state == "created" else shard.state
    return name, shard.stage, f"models.{shard.entry}", shard.calls, shard.finished, state


def _last_try(last: Tree, at_work: bool) -> str:
    # A killed process could not say how it ended; its lock went with it.
    killed = last["outcome"] == "running" and not at_work
    outcome = "interrupted, as its process was killed" if killed else last["outcome"]
    fault = f": {last['fault']}" if last.get("fault") else ""
    return f"Last try: {outcome}, begun {last['started']}{fault}"


def _resume(folder: Path) -> str:
    """The command that goes on with a run, from whichever folder it is given."""
    return shlex.join(
        ["synth", "run", str(folder / "run.toml"), "--name", folder.name, "--out", str(folder.parent)]
    )


def _tell_damage(report: Tree) -> None:
    if "damage" in report:
        complain(report["damage"])


def stats(run: options.RunFolder, as_json: options.Json = False) -> None:
    """Show the funnel, the dataset and the calls of a run."""
    from synth.changes import outdated
    from synth.errors import StoreError
    from synth.report import funnel, read_stats
    from synth.run_report import read

    folder = find_run(run)
    rows, report = funnel(folder), read(folder)
    try:
        figures = read_stats(folder)
    except StoreError:
        figures = {}
    why = outdated(folder)
    if as_json:
        told = {"run": folder.name, "funnel": [r._asdict() for r in rows], "dataset": figures}
        print_json({**told, "outdated": why, "report": report, "cost": _cost_trees(folder)})
        return
    show_funnel(rows)
    if why:
        complain(f"The dataset is older than the run ({why}); what follows are its old figures. To renew it:")
        copy(_resume(folder.absolute()))
    if figures:
        _show_dataset(figures)
    else:
        say("No dataset is published yet.")
    show_costs(folder, report)
    show_calls(report)
    _tell_damage(report)


def show_funnel(rows: Iterable["FunnelRow"]) -> None:
    """The funnel: in, used, out, rejected, and why."""
    from synth.report import LEGEND

    heads = ("stage", "in", "used", "out", "rejected", "why")
    cells = [(r.stage, r.inputs, r.parents, r.outputs, r.rejected, _reasons(r.reasons)) for r in rows]
    table(heads, cells, "Funnel")
    say(LEGEND, "")


def _cost_trees(folder: Path) -> list[Tree]:
    from synth.costs import as_trees, stage_costs
    from synth.report import manifests

    return as_trees(stage_costs(manifests(folder)))


def show_costs(folder: Path, report: Tree) -> None:
    """What each row in, row out and published question cost at each stage that calls models."""
    from synth.costs import as_trees, stage_costs, tokens_said
    from synth.report import manifests

    costs = stage_costs(manifests(folder))
    paid = report.get("cost_by_stage") or {}
    rows = []
    for cost, tree in zip(costs, as_trees(costs), strict=True):
        if cost.calls is None or cost.calls.calls:
            shares = (cost.each_input.said(), cost.each_row.said(), cost.so_far.said())
            of = paid.get(cost.stage, {})
            spent = (_paid(of.get(name), report) for name in ("per_row", "so_far"))
            rows.append((cost.stage, tokens_said(tree), *shares, *spent))
    if rows:
        table(COSTS, rows, "Tokens and cost of a row")
        say("so far: of this stage and all before it, for each published question.")


def _paid(tree: Tree | None, report: Tree) -> str:
    from synth.bill import from_tree

    return "–" if tree is None else _money(from_tree(tree), report["currency"])


def _money(cost: Any, currency: str) -> str:
    from synth.llm.prices import money

    if cost.unknown and not cost.known:
        return "unknown"
    return money(cost.known, currency) + (" and more" if cost.unknown else "")


def show_work(folder: Path) -> None:
    """What the last try did itself and what it found done, in a few words."""
    from synth.bill import from_tree
    from synth.run_report import read

    report = read(folder)
    if not report.get("tries"):
        return
    last = report["tries"][-1]
    stages = last["stages"].values()
    reused = sum(stage["status"] == "reused" for stage in stages)
    calls = last["calls"]
    say(
        f"Stages: {len(stages) - reused} computed, {reused} reused. Time: {_duration(last['seconds'])}.",
        f"Calls: {calls['made']:,} made, {calls['reused']:,} reused, {calls['failed']:,} failed.",
        f"Cost: {from_tree(last).said(report['currency'])}.",
    )


def show_calls(report: Tree) -> None:
    """The bill: calls, tokens and money of each stage and model, over all tries, and of each kept row."""
    from synth.bill import Line, cost_of, from_tree

    lines = [Line.model_validate(line) for line in report.get("bill", ())]
    if not lines:
        return
    currency = report["currency"]
    rows = [(*_bill_cells(line), _cost(line, currency)) for line in lines]
    table(BILL, rows, "Bill of all tries: calls, tokens, money")
    say(f"In all: {cost_of(lines).said(currency)}.{_among(lines)}")
    if report.get("cost_per_kept_row"):
        each = from_tree(report["cost_per_kept_row"]).said(currency)
        say(f"Of each of the {report['kept_rows']:,} published questions: {each}.")
    if lost := sum(line.unconfirmed for line in lines):
        said = counted(lost, "request")
        say(f"{said} brought no answer, and may have been worked on and paid even so.", style="yellow")
    outcomes = [this["outcome"] for this in report["tries"]]
    if outcomes[-1] in ("killed", "running"):
        say("The last try was killed or goes on: the same command, or its end, brings this bill up to date.")
    elif "killed" in outcomes:
        say("A try was killed: what was in flight then and brought no answer is in no bill.")


def _among(lines: list[Any]) -> str:
    """Of the tokens, those that are priced or made in another way."""
    cached = sum(line.cached_tokens for line in lines)
    thought = sum(line.reasoning_tokens for line in lines)
    said = f" Of the prompt tokens {cached:,} were in the endpoint's cache." if cached else ""
    return said + (f" Of the reply tokens {thought:,} were reasoning." if thought else "")


def _bill_cells(line: Any) -> tuple[object, ...]:
    model = f"{line.entry} (batch)" if line.batch else line.entry
    calls = (line.made, line.reused, line.failed)
    return (line.stage, model, *calls, line.prompt_tokens, line.completion_tokens)


def _cost(line: Any, currency: str) -> str:
    from synth.llm.prices import money

    if line.cost is None:
        return "unknown"
    return money(line.cost, currency) + (" and an unknown part" if line.unknown else "")


def _show_dataset(figures: Tree) -> None:
    say(f"{counted(figures['rows'], 'question')} from {counted(figures['sources'], 'source')}")
    if "target" in figures:
        from synth.target import sentence

        say(sentence(figures["target"]))
    counts = [(said, _reasons(figures[name])) for name, said in COUNTED.items() if figures.get(name)]
    table(("what", "questions"), counts)
    bare = (figures.get("aimed") or {}).get("without_passage")
    if bare and figures["sources"]:
        say(f"{counted(bare, 'question')} had no passage in the prompt: no source and no licence is known.")
    lengths = [(name, *(words[q] for q in QUANTILES)) for name, words in figures["words"].items() if words]
    if lengths:
        table(("words", *QUANTILES.values()), lengths)
    table(("role", "model"), sorted(figures["models"].items()))


def _reasons(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count:,}" for name, count in ordered)


def _parts(done: int, parts: int | None) -> str:
    return "" if parts is None else f"{done:,} of {parts:,}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "not measured"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m {int(rest)}s" if minutes else f"{rest:.1f}s"
