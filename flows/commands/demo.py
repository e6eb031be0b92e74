"""`synth demo`: the whole road on the sample documents, and what to look at afterwards."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.commands import options
from flows.commands.inspect import show_funnel, show_work
from flows.commands.run import next_commands, tell_model
from flows.terminal import copy, line, say

ANSWER_CHARS = 400
OWN = (
    "synth init recipe.toml",
    "synth run synthllm-recommended --documents YOUR_FILES --model YOUR_MODEL",
)
ENDPOINT = (
    "[models.mine]",
    'base_url = "http://127.0.0.1:8000/v1"    # any OpenAI-compatible address',
    'model = "qwen3-32b"',
    'api_key_env = "OPENAI_API_KEY"           # leave out where no key is asked for',
    "",
    "[roles]",
    'generator = "mine"',
)


def demo(
    model: options.Model = None,
    name: options.Name = None,
    out: options.Out = None,
    no_ui: options.NoUi = False,
    stop_server: Annotated[
        bool,
        typer.Option("--stop-server", help="End the Prefect server afterwards, if one was started here."),
    ] = False,
) -> None:
    """Turn the sample documents into questions.

    The embedded model writes them, without a key; then it is shown what came of it and what to do next.
    """
    from flows.work import carry_out

    options.check_name(name)
    config = options.configuration("demo", None, model)
    say("Reads a dozen sample documents, recombines their concepts, has a model write and answer questions.")
    done = carry_out(config, name, options.runs_folder(out), ui=not no_ui)
    show_funnel(done.funnel)
    show_work(done.folder)
    samples = sample_rows(done.dataset)
    _show_samples(samples)
    say("")
    tell_model(done.dataset)
    say("To set a real endpoint, write a recipe (`synth init`) with:")
    copy(*ENDPOINT)
    say("", f"Dataset: {done.dataset}", "Load it in pandas:")
    copy(f"import pandas; frame = pandas.read_parquet({str(done.dataset / 'questions')!r})")
    if done.url:
        say(f"This run in the Prefect UI: {done.url}")
    say("", "Next:")
    copy(*next_commands(done.folder, samples[-1]["id"] if samples else "ROW_ID"), *OWN)
    if stop_server and not no_ui:
        from flows.server import stop_server as stop

        say("The Prefect server was stopped." if stop() else "No Prefect server was started here.")


def _show_samples(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        say("", f"{row['origin']}, {row['id']}")
        say(f"Question: {line(row['question'], ANSWER_CHARS)}", style="bold")
        say(f"Answer: {line(row['answer'], ANSWER_CHARS)}")


def sample_rows(dataset: Path) -> list[dict[str, Any]]:
    """The first row of each origin, by id, so the same each time."""
    import pyarrow.parquet as pq

    table = pq.read_table(dataset / "questions", columns=["id", "origin", "question", "answer"])
    rows: dict[str, dict[str, Any]] = {}
    for row in table.sort_by("id").to_pylist():
        rows.setdefault(row["origin"], row)
    return [rows[origin] for origin in sorted(rows)]
