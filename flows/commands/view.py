"""`synth view`: the viewer, on this machine unless it is told otherwise. `synth index`: what it waits for."""

from typing import Annotated

import typer

from flows.terminal import copy, say


def view(
    folder: Annotated[
        str | None,
        typer.Argument(
            metavar="[FOLDER]",
            help="A run, its name, a folder of runs, or Parquet; without it, all runs of data/runs.",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port; where it is taken, the next free one.")
    ] = 8100,
    host: Annotated[
        str,
        typer.Option("--host", help="Address to listen to; any but this machine's needs the printed token."),
    ] = "127.0.0.1",
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address, and open no browser.")
    ] = False,
) -> None:
    """Look at runs, their rows, and where each row comes from."""
    import uvicorn

    from flows.listening import address, open_socket, token_for
    from synth.view.app import create
    from synth.view.place import place_of

    place, opens = place_of(folder)
    token = token_for(host)
    app = create(place, host=host, token=token)
    listening = open_socket(host, port)
    url = address(listening, opens, token)
    say("The viewer:")
    copy(url)
    if token:
        say(
            "It can be reached from other machines: whoever has this address sees everything in it.",
            style="yellow",
        )
    say("Ctrl-C ends it.")
    if not no_browser:
        typer.launch(url)
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="off")
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        pass  # that is how it ends
    finally:
        app.state.site.close()


def index(
    folder: Annotated[
        str | None,
        typer.Argument(metavar="[FOLDER]", help="A run, its name, or Parquet; without it, all runs."),
    ] = None,
) -> None:
    """Build what `synth view` would build on first use.

    The search index of the texts, and the picture of the concept graph; both beside the run.
    """
    from flows.counting import counting
    from synth.view.prepare import prepare

    with counting("rows") as progress:
        done = list(prepare(folder, lambda table, rows, total: progress(rows)))
    for one in done:
        say(f"{one.what}: {one.rows:,}, {'made' if one.made else 'there already'}")
