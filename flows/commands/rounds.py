"""What `synth run --rounds N` does and shows: rounds one after the other, then the report across them."""

from pathlib import Path
from typing import TYPE_CHECKING

from flows.terminal import copy, note, say, table
from synth.text import counted

if TYPE_CHECKING:
    from synth.config import RunConfig
    from synth.rollouts.sampling import Sampled
    from synth.rollouts.seeds import Seeds
    from synth.rounds.figures import Figures
    from synth.rounds.plan import Round

CONCEPTS = 15


def carry_out_rounds(config: "RunConfig", rounds: int, name: str | None, runs: Path, ui: bool) -> None:
    """Make rounds until there are so many (0: the next one), and show what changed from one to the next."""
    from flows.work import carry_out
    from synth.rounds.loop import run_rounds
    from synth.rounds.plan import Loop

    loop = Loop(config, runs, name)
    found = run_rounds(
        loop, rounds, lambda one: carry_out(one.config, one.folder.name, runs, ui), _try_seeds, note
    )
    show_rounds(found, loop.folder)


def _try_seeds(one: "Round", seeds: "Seeds") -> "Sampled":
    from flows.counting import counting
    from synth.rounds.loop import try_seeds

    with counting("attempts") as progress:
        return try_seeds(one, seeds, progress, note)


def show_rounds(found: "Figures", folder: Path) -> None:
    """What was failed in each round, and what was aimed at: by category, then by concept."""
    from synth.rounds.report import (
        MARKDOWN,
        category_heads,
        category_rows,
        concept_heads,
        concept_rows,
        shown,
    )

    places = shown(found)
    heads = ("round", "run", "problems", "failed", "budget", "rows")
    wholes = [(one.round, one.run, one.problems, one.failed, one.budget, one.rows) for one in found.rounds]
    table(heads, [wholes[place] for place in places], counted(len(found.rounds), "round"))
    table(category_heads(found, places), category_rows(found, places), "By category")
    table(concept_heads(found, places), concept_rows(found, places)[:CONCEPTS], "By concept")
    for said in found.remarks():
        note(said)
    say(f"The report: {folder / MARKDOWN}")
    last = next((one.run for one in reversed(found.rounds) if one.failed), None)
    if last is None:  # there is no dataset to look at
        return
    say("", "Next:")
    copy(f"synth stats {folder.parent / last}", f"synth view {folder.parent / last}")


def show_plan(config: "RunConfig", name: str | None, runs: Path) -> None:
    """What the next round would do, without a call: where rollouts are yet to be made, they alone."""
    from flows.commands.rollouts import show_expected
    from flows.commands.run import show_forecast
    from synth.check import check
    from synth.forecast import forecast
    from synth.rounds.loop import seeds_of
    from synth.rounds.plan import Loop

    loop = Loop(config, runs, name)
    one = next(loop.missing(0))
    say(f"Round {one.number} would be the next, in {one.folder}.")
    if one.visits is None:
        show_forecast(forecast(one.config), one.config)
        return
    check(one.config, runs, logs=False)
    show_expected(seeds_of(one), one.visits, as_json=False)
    say("What follows depends on what is failed, so it cannot be forecast before the rollouts are there.")
