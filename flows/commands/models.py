"""`synth models`: the local models, fetched, verified, and served by hand."""

from typing import Annotated, Any

import typer

from flows.commands.endpoint import announce
from flows.terminal import note, say, table

HELP = """List, fetch, verify and serve local models (GGUF files, run without a server).

Without a command it lists them. A model behind an address needs none of this: name it with
`synth run --model`, and its address in OPENAI_BASE_URL or in a recipe.
"""
app = typer.Typer(name="models", help=HELP)

Spec = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="`embedded`, a GGUF file, or hf://owner/repository/file.gguf with --sha256.",
        show_default=False,
    ),
]
Sha256 = Annotated[
    str | None, typer.Option("--sha256", metavar="HEX", help="SHA-256 that the file must have.")
]


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List the models that are built in, and the weights that lie in the cache."""
    if context.invoked_subcommand:
        return
    from synth.config import BUILT_IN
    from synth.llm import weights

    built_in = [(name, entry.model, _about(name)) for name, entry in BUILT_IN.items()]
    table(("--model", "model", "what it is"), built_in, "Built in")
    rows = [(w.file, w.bytes, w.licence, w.sha256[:16]) for w in weights.installed()]
    if rows:
        table(("file", "bytes", "licence", "sha256"), rows, f"In {weights.cache_folder()}")
    else:
        say(f"No weights in {weights.cache_folder()} yet; `synth models fetch` brings the embedded model.")


@app.command()
def fetch(model: Spec = "embedded", sha256: Sha256 = None) -> None:
    """Fetch weights into the cache and check them."""
    from synth.llm import weights

    path = weights.resolve(base_url_of(model), sha256, note)
    say(f"{path} ({path.stat().st_size:,} bytes, SHA-256 {weights.digest_of(path)})")


@app.command()
def verify(
    model: Annotated[
        str | None,
        typer.Argument(metavar="MODEL", help="A GGUF file; every file in the cache without it."),
    ] = None,
    sha256: Sha256 = None,
) -> None:
    """Check weights against their SHA-256.

    That of the embedded model is known; for others give it with --sha256.
    """
    from synth.llm import weights

    if model:
        path = weights.parse_spec(base_url_of(model), sha256).path()
        known = weights.parse_spec(base_url_of(model), sha256).sha256
        weights.verify(path, known or weights.digest_of(path))
        say(f"{path}: {'as it should be' if known else 'SHA-256 ' + weights.digest_of(path)}")
        return
    found = weights.installed()
    for row in found:
        if row.file == weights.DEFAULT.file:
            weights.verify(row.path, weights.DEFAULT.sha256)
    said = [(row.file, row.sha256, _verdict(row, weights.DEFAULT.sha256)) for row in found]
    if said:
        table(("file", "sha256", "verdict"), said)
    else:
        say(f"There is nothing to verify in {weights.cache_folder()}.")


@app.command()
def serve(
    model: Spec = "embedded",
    sha256: Sha256 = None,
    context_tokens: Annotated[
        int, typer.Option("--context-tokens", min=512, help="Tokens of prompt and reply.")
    ] = 8192,
) -> None:
    """Serve a local model by hand.

    It listens on loopback and asks for a key. Runs start their own and do not need this.
    """
    import threading

    from synth.llm import weights
    from synth.llm.embedded import EmbeddedServer

    path = weights.resolve(base_url_of(model), sha256, note)
    try:
        with EmbeddedServer(path, context_tokens) as server:
            # Its own list of models names the file by its path, and `synth check` compares with that list.
            announce(server.base_url, str(path), server.key, "LOCAL_API_KEY")
            threading.Event().wait()
    except KeyboardInterrupt:
        note("Stopped.")


def base_url_of(model: str) -> str:
    """What a model is called in a recipe: `embedded:…`."""
    return "embedded:" if model == "embedded" else f"embedded:{model.removeprefix('embedded:')}"


def _about(name: str) -> str:
    return {
        "embedded": "runs in this process without a network; shows the machinery, not the quality",
        "fake": "no language model: deterministic text at no cost, for tests",
    }.get(name, "")


def _verdict(row: Any, known: str) -> str:
    return "as it should be" if row.sha256 == known else "no SHA-256 is known to compare with"
