"""`synth fake-endpoint`: the deterministic fake model behind a real address, to try a recipe at no cost."""

from typing import Annotated

import typer

from flows.terminal import copy, note, say
from synth.errors import ConfigError, EndpointError

KEY_VARIABLE = "FAKE_API_KEY"


def fake_endpoint(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 8765,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    latency_ms: Annotated[
        float, typer.Option("--latency-ms", min=0, help="Typical time of one reply, in milliseconds.")
    ] = 0.0,
    faults: Annotated[
        list[str] | None,
        typer.Option(
            "--faults",
            metavar="KIND=SHARE",
            help="Share of faulty replies, for example empty=0.1; may be given several times. Kinds: "
            "broken_json, empty, refusal, echo, truncated, status_429, status_500, status_503.",
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option("--api-key", metavar="KEY", help="Ask for this key; any is taken without it."),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="NAME", help="Serve this name only; may be given several times."),
    ] = None,
    refuse: Annotated[
        list[str] | None,
        typer.Option("--refuse", metavar="FORM", help="Not to know `json_schema` or `json_object`."),
    ] = None,
) -> None:
    """Serve the deterministic fake model over HTTP.

    It costs nothing, answers the same request in the same way, and has latency and faults as asked.
    """
    import socket

    import uvicorn

    from synth.llm.fake import FakeModel
    from synth.llm.fake_server import create_app

    try:
        model = FakeModel(faults=dict(map(_share, faults or [])))
    except ValueError as fault:
        raise ConfigError(f"--faults: {fault}; see `synth fake-endpoint --help`.") from fault
    app = create_app(model, latency_ms / 1000, api_key=api_key, models=models, refuse=refuse or ())
    try:
        listening = socket.create_server((host, port), backlog=1024)
    except OSError as fault:
        reason = fault.strerror or fault
        raise EndpointError(f"Cannot listen on {host}:{port} ({reason}); choose another --port.") from fault
    with listening:
        announce(f"http://{host}:{listening.getsockname()[1]}/v1", (models or ["fake"])[0], api_key)
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
        try:
            uvicorn.Server(config).run(sockets=[listening])
        except KeyboardInterrupt:
            note("Stopped.")


def announce(url: str, model: str, api_key: str | None, variable: str = KEY_VARIABLE) -> None:
    """Print an address, and what to write into a recipe to use it."""
    say(url)
    lines = ["[models.local]", f'base_url = "{url}"', f'model = "{model}"']
    if api_key:
        lines.append(f'api_key_env = "{variable}"')
    say("", "Put this into a recipe:")
    copy(*lines, "", "[roles]", 'generator = "local"')
    if api_key:
        say("and let the variable hold the key where you run it:")
        copy(f"export {variable}={api_key}")
    say("Ctrl-C ends it.")


def _share(text: str) -> tuple[str, float]:
    kind, equals, share = text.partition("=")
    if not equals or not 0 <= float(share) <= 1:
        raise ValueError(f"{text!r} is not KIND=SHARE with a share from 0 to 1")
    return kind.strip(), float(share)
