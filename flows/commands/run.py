"""`synth run`: runs or resumes a run, or says what it would do (`--dry-run`)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from flows.commands import options
from flows.terminal import say, table
from synth.errors import ConfigError

if TYPE_CHECKING:
    from flows.work import Done
    from synth.config import RunConfig
    from synth.forecast import Forecast, StageForecast


class RunCommand(TyperCommand):
    """A command whose `--documents` takes all paths that follow it, as a shell expands `notes/*`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Repeat `--documents` and `--rollouts` before each of their paths."""
        return super().parse_args(ctx, spread(spread(args, "--documents"), "--rollouts"))


def spread(args: list[str], option: str) -> list[str]:
    """`--documents a b` as `--documents a --documents b`; the next option ends the list, and so does `--`."""
    repeated: list[str] = []
    taking = 0
    for place, arg in enumerate(args):
        if arg == "--":
            return repeated + args[place:]
        if arg.startswith("-") and arg != "-":
            taking = 1 if arg == option else 0
        elif taking:
            if taking > 1:
                repeated.append(option)
            taking += 1
        repeated.append(arg)
    return repeated


def run(
    recipe: options.Recipe,
    documents: options.Documents = None,
    rollouts: options.Rollouts = None,
    model: options.Model = None,
    name: options.Name = None,
    out: options.Out = None,
    overrides: options.Overrides = None,
    sample: options.Sample = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Show one prompt of each stage and forecast rows, calls and tokens, without a call.",
        ),
    ] = False,
    reuse: Annotated[
        list[str] | None,
        typer.Option(metavar="RUN", help="An earlier run whose answers serve equal calls; may be repeated."),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option("--rows", min=1, metavar="N", help="Publish exactly N rows (--set target.rows=N)."),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            "--rounds",
            min=0,
            metavar="N",
            help="Rounds of `sws-…`, until there are N: new rollouts, new weaknesses, a new dataset (section"
            " `rounds`). 0 makes the next one, for schedules.",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="NAME",
            help="Take only what this store has not seen, then publish all of its runs as the next version of"
            " the dataset NAME (--set store.name=NAME). For schedules.",
        ),
    ] = None,
    no_ui: options.NoUi = False,
    stop_server: options.StopServer = False,
) -> None:
    """Run a recipe, or resume its run.

    The same command goes on where it was interrupted, and makes no finished call again.
    """
    options.check_name(name)
    wanted = [f"target.rows={rows}"] if rows else []
    wanted += [f"store.name={store}"] if store else []
    asked = [*(overrides or ()), *wanted]
    config = options.configuration(recipe, documents, model, sample, asked, rollouts)
    config = config.model_copy(update={"reuse": (*config.reuse, *(reuse or ()))})
    runs = options.runs_folder(out)
    options.warn(config)
    if config.store.name:
        _from_store(config, name, rounds, runs, dry_run, no_ui, stop_server)
        return
    if rounds is not None:
        from flows.commands.ending import server_stopped
        from flows.commands.rounds import carry_out_rounds, show_plan

        if dry_run:
            show_plan(config, name, runs)
            return
        with server_stopped(stop_server and not no_ui):
            carry_out_rounds(config, rounds, name, runs, ui=not no_ui)
        return
    if dry_run:
        from synth.forecast import forecast

        show_forecast(forecast(config), config)
        return
    from flows.commands.ending import server_stopped
    from flows.work import carry_out

    with server_stopped(stop_server and not no_ui):
        done = carry_out(config, name, runs, ui=not no_ui)
    show_done(done)


def _from_store(
    config: "RunConfig",
    name: str | None,
    rounds: int | None,
    runs: Path,
    dry_run: bool,
    no_ui: bool,
    stop_server: bool,
) -> None:
    from flows.commands.ending import server_stopped
    from flows.commands.firing import carry_out_firing, show_next_run

    if name is not None or rounds is not None:
        option = "--rounds" if name is None else "--name"
        raise ConfigError(f"{option}: runs of a store are named and counted by the store; leave it out.")
    if dry_run:
        show_next_run(config, runs)
        return
    with server_stopped(stop_server and not no_ui):
        carry_out_firing(config, runs, ui=not no_ui)


def show_done(done: "Done") -> None:
    """What came of a run: the funnel, what was reused, where the dataset lies, what to do next."""
    from flows.commands import ending

    ending.show_yield(done)
    ending.tell_model(done.dataset)
    ending.show_places(done)
    ending.show_next(*ending.next_commands(done.folder, first_id(done.dataset)))
    ending.tell_if_empty(done)


def first_id(dataset: Path) -> str | None:
    """The id of a row to look at; None where there is no row."""
    from flows.commands.ending import sample_rows

    rows = sample_rows(dataset)
    return str(rows[-1]["id"]) if rows else None


def show_forecast(found: "Forecast", config: "RunConfig") -> None:
    """The prompts and figures of a dry run."""
    from synth.forecast import total

    for example in found.examples:
        say(f"Prompt of stage {example.prompt}", style="bold")
        for message in example.messages:
            say(f"[{message['role']}]", style="cyan")
            say(message["content"], "")
    whole = total(found.stages)
    heads = ("stage", "rows", "calls", "prompt", "reply", "time", "cost")
    rows = [_forecast_cells(stage, config.currency) for stage in (*found.stages, whole)]
    table(heads, rows, "Forecast: at most; prompt and reply in tokens")
    if found.unread:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(found.unread.items()))
        say(f"Rejected on reading: {reasons}.")
    if config.target.rows:
        say(
            f"The run ends once it has {config.target.rows:,} rows; these figures are the most that it takes."
        )
    if config.target.candidates:
        say(f"Questions are asked of {config.target.candidates:,} combinations at most.")
    say(
        "Tokens are estimates: characters divided by 4 for prompts, a usual length for replies. How many "
        "concepts a model finds is not known before, so rows and calls are upper bounds. Near-duplicates, "
        "faulty replies and what lies in the journal already make them fewer.",
        f"Cost: {_said(whole, config)}.",
        *_of_the_budget(whole, config),
        f"Time: {_limits(whole, config)}.",
        "No call was made and nothing was written.",
    )


def _forecast_cells(stage: "StageForecast", currency: str) -> tuple[object, ...]:
    from flows.course import duration
    from synth.llm.prices import money

    time: object = None if stage.calls is None else "unknown"
    cost: object = None if stage.cost is None else "unknown"
    if stage.seconds is not None:
        time = duration(stage.seconds)
    if stage.cost is not None and stage.cost.whole is not None:
        cost = money(stage.cost.whole, currency)
    return (*stage[:5], time, cost)


def _said(whole: "StageForecast", config: "RunConfig") -> str:
    """What a run costs at most; what has no price is named, and where one can be set."""
    from synth.llm.prices import Cost

    cost = whole.cost or Cost()
    fix = "; set `price` in the entry, or name its model in a file of prices" if cost.unknown else ""
    return f"{cost.said(config.currency)}{fix}"


def _of_the_budget(whole: "StageForecast", config: "RunConfig") -> list[str]:
    """What part of each ceiling of the budget the forecast is."""
    from synth.llm.prices import Cost

    cost = (whole.cost or Cost()).whole
    tokens = (whole.prompt_tokens or 0) + (whole.reply_tokens or 0)
    used = {"money": cost, "tokens": tokens, "calls": whole.calls, "seconds": whole.seconds}
    said = []
    for name, number in used.items():
        if most := getattr(config.budget, name):
            share = "an unknown part" if number is None else f"{float(number) / most:.0%}"
            said.append(f"{share} of budget.{name} ({most:,.12g})")
    return [f"Of the budget: {', '.join(said)}."] if said else []


def _limits(whole: "StageForecast", config: "RunConfig") -> str:
    from flows.course import duration

    if whole.seconds is not None:
        return f"{duration(whole.seconds)} at the entries' limits by the minute, or as long as they take"
    return "unknown before the first calls, as not every entry has a limit by the minute"
