"""`synth demo`: the whole road on the sample documents, and what to look at afterwards."""

from typing import Any

from flows.commands import ending, options
from flows.terminal import copy, line, say

ANSWER_CHARS = 400
ABOUT = (
    "Reads a dozen sample documents, recombines their concepts,",
    "and has a model write and answer questions.",
)
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
    stop_server: options.StopServer = False,
) -> None:
    """Turn the sample documents into questions.

    The embedded model writes them, without a key; then it is shown what came of it and what to do next.
    """
    from flows.work import carry_out

    options.check_name(name)
    config = options.configuration("demo", None, model)
    say(*ABOUT)
    with ending.server_stopped(stop_server and not no_ui):
        done = carry_out(config, name, options.runs_folder(out), ui=not no_ui)
    ending.show_yield(done)
    samples = ending.sample_rows(done.dataset)
    _show_samples(samples)
    say("")
    ending.tell_model(done.dataset)
    say("To set a real endpoint, write a recipe (`synth init`) with:")
    copy(*ENDPOINT)
    say("")
    ending.show_places(done)
    say("Load it in pandas:")
    copy("import pandas", f"frame = pandas.read_parquet({str(done.dataset / 'questions')!r})")
    commands = ending.next_commands(done.folder, samples[-1]["id"] if samples else None)
    ending.show_next(*commands[1:], *OWN)
    ending.tell_if_empty(done)
    ending.show_view(done.folder)


def _show_samples(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        say("", f"{row['origin']}, {row['id']}")
        say(f"Question: {line(row['question'], ANSWER_CHARS)}", style="bold")
        say(f"Answer: {line(row['answer'], ANSWER_CHARS)}")
