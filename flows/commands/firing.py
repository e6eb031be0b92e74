"""What `synth run` does where a store is named: a run over what is new, then a version of all its runs."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from flows.terminal import copy, note, say

if TYPE_CHECKING:
    from synth.config import RunConfig


def carry_out_firing(config: "RunConfig", runs: Path, ui: bool) -> None:
    """Take what is new, and say what came of it and where it lies."""
    from flows.commands.run import show_done
    from flows.work import Done, carry_out
    from synth.incremental.firing import fire

    made: list[Done] = []
    fired = fire(config, runs, lambda one, name: made.append(carry_out(one, name, runs, ui)), note)
    if made and fired.run:
        show_done(made[-1])
    say("", fired.said)
    if fired.version:
        copy(fired.version.folder)
        say("The version has the rows of all runs of the store; the last run has its own alone. To see it:")
        copy(f"synth view {shlex.quote(str(fired.version.folder / 'questions'))}")


def show_next_run(config: "RunConfig", runs: Path) -> None:
    """What the next run would take, and its forecast, without a call."""
    from flows.commands.run import show_forecast
    from synth.forecast import forecast
    from synth.incremental.firing import next_run

    one = next_run(config, runs)
    if not one.new:
        say("Nothing new: every file was seen before.")
        return
    say(f"{one.what} not seen before; the run would be {runs / one.name}.")
    show_forecast(forecast(one.config), one.config)
