"""What is said at the end of `synth run` and `synth demo`: what came of it, and what to do next."""

import shlex
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.commands.inspect import show_costs, show_funnel, show_work
from flows.terminal import complain, copy, say
from synth.text import counted

if TYPE_CHECKING:
    from flows.work import Done
    from synth.report import FunnelRow

REASONS_SHOWN = 3


@contextmanager
def server_stopped(wanted: bool) -> Iterator[None]:
    """End the Prefect server that was started here when the block ends, well or not, if that is wanted."""
    try:
        yield
    finally:
        if wanted:
            from flows.server import stop_server

            say("The Prefect server was stopped." if stop_server() else "No Prefect server was started here.")


def show_yield(done: "Done") -> None:
    """The funnel, why rows fell out most often, what a row cost, what was reused, and calls that failed."""
    from synth.run_report import read

    show_funnel(done.funnel)
    tell_target(done.folder)
    if fallen := _fallen(done.funnel):
        say(fallen)
    show_costs(done.folder, read(done.folder))
    show_work(done.folder)
    if failed := done.funnel and sum(row.reasons.get("call_failed", 0) for row in done.funnel):
        said = counted(failed, "row")
        say(f"{said} fell out as their calls failed; the same command asks for them again.", style="yellow")


def tell_target(folder: Path) -> None:
    """Whether the target was reached, where there is one."""
    from synth.report import manifests
    from synth.target import outcome, sentence

    if found := outcome(manifests(folder)):
        say(sentence(found), style="yellow" if found.is_missed else "")


def show_places(done: "Done") -> None:
    """Where the dataset lies, and where the run can be seen, as long as a server shows it."""
    say("Dataset:")
    copy(done.dataset)
    if done.url and _is_served(done.url):
        say("This run in the Prefect UI:")
        copy(done.url)
        _tell_server()


def show_next(*commands: str) -> None:
    """Commands that one may want to give now."""
    say("", "Next:")
    copy(*commands)


def next_commands(folder: Path, row_id: str | None = "ROW_ID") -> list[str]:
    """Commands that look at a finished run; where it has no row, there is none to explain or to train on."""
    run = shlex.quote(str(folder))
    looks = [f"synth view {run}", f"synth stats {run}"]
    if row_id is None:
        return looks
    return [*looks, f"synth explain {run} {row_id}", f"synth export {run} --format sft --out train.jsonl"]


def show_view(folder: Path) -> None:
    """The command that opens the viewer at a run."""
    say("", "See every row, and where it comes from:")
    copy(f"synth view {shlex.quote(str(folder))}")


def sample_rows(dataset: Path) -> list[dict[str, Any]]:
    """The first row of each origin, by id, so the same each time."""
    import pyarrow.parquet as pq

    table = pq.read_table(dataset / "questions", columns=["id", "origin", "question", "answer"])
    rows: dict[str, dict[str, Any]] = {}
    for row in table.sort_by("id").to_pylist():
        rows.setdefault(row["origin"], row)
    return [rows[origin] for origin in sorted(rows)]


def tell_model(dataset: Path) -> None:
    """Say which model wrote the rows, and where it is one that only shows the machinery."""
    from synth.publish.card import demo_model
    from synth.report import read_stats

    identity = read_stats(dataset.parent)["models"].get("generator", "")
    say(f"Model of the questions: {identity}")
    if said := demo_model(identity):
        say(f"{said} They show the machinery, not the quality.", style="yellow")


def tell_if_empty(done: "Done") -> None:
    """Say so where the dataset has no row."""
    if not done.rows:
        complain("No question came through; `synth stats` shows at which stage the rows fell out, and why.")


def _fallen(funnel: "list[FunnelRow]") -> str:
    reasons: Counter[str] = Counter()
    for row in funnel:
        reasons.update(row.reasons)
    shown = [f"{reason} {count:,}" for reason, count in reasons.most_common(REASONS_SHOWN)]
    more = ["…"] if len(reasons) > REASONS_SHOWN else []
    return f"Rejected: {reasons.total():,} ({', '.join([*shown, *more])})." if shown else ""


def _is_served(url: str) -> bool:
    from flows.server import is_healthy

    return is_healthy(f"{url.partition('/runs/')[0]}/api")


def _tell_server() -> None:
    from flows.server import started_here

    if pid := started_here():
        say("Its server stays for the next run. To stop it (or give --stop-server):")
        copy(f"kill {pid}")
