"""`synth fake-endpoint`: the deterministic fake model behind a real address, to try a recipe at no cost."""

from typing import Annotated

import typer

from flows.terminal import copy, note, say
from synth.errors import ConfigError, EndpointError
from synth.llm.fake_settings import HELP, Behaviour, share_of
from synth.llm.fake_student import ability_of

KEY_VARIABLE = "FAKE_API_KEY"


def fake_endpoint(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 8765,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    latency_ms: Annotated[
        float, typer.Option("--latency-ms", min=0, help=HELP["latency"] + " In milliseconds.")
    ] = 0.0,
    sigma: Annotated[float, typer.Option("--sigma", min=0, max=3, help=HELP["sigma"])] = 0.4,
    slots: Annotated[int, typer.Option("--slots", min=0, help=HELP["slots"])] = 0,
    queue: Annotated[int | None, typer.Option("--queue", min=0, help=HELP["queue"])] = None,
    full_status: Annotated[int, typer.Option("--full-status", help=HELP["full_status"])] = 429,
    retry_after: Annotated[
        float, typer.Option("--retry-after", min=0, metavar="SECONDS", help=HELP["retry_after"])
    ] = 0.0,
    rpm: Annotated[int | None, typer.Option("--rpm", min=1, help=HELP["rpm"])] = None,
    tpm: Annotated[int | None, typer.Option("--tpm", min=1, help=HELP["tpm"])] = None,
    burst: Annotated[float, typer.Option("--burst", min=0, metavar="SECONDS", help=HELP["burst"])] = 1.0,
    stall: Annotated[float, typer.Option("--stall", min=0, metavar="SECONDS", help=HELP["stall"])] = 3600.0,
    trickle: Annotated[
        float, typer.Option("--trickle", min=0, metavar="SECONDS", help=HELP["trickle"])
    ] = 0.2,
    idle: Annotated[float, typer.Option("--idle", min=0, metavar="SECONDS", help=HELP["idle"])] = 0.0,
    batch_s: Annotated[
        float, typer.Option("--batch-s", min=0, metavar="SECONDS", help=HELP["batch_s"])
    ] = 0.0,
    batch_most: Annotated[int | None, typer.Option("--batch-most", min=0, help=HELP["batch_most"])] = None,
    faults: Annotated[
        list[str] | None, typer.Option("--faults", metavar="KIND=SHARE", help=HELP["faults"])
    ] = None,
    abilities: Annotated[
        list[str] | None, typer.Option("--ability", metavar="WORDS@MODEL=SHARE", help=HELP["ability"])
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
        typer.Option(
            "--refuse",
            metavar="FORM",
            help="Not to know `json_schema`, `json_object`, or a field such as `max_tokens`.",
        ),
    ] = None,
) -> None:
    """Serve the deterministic fake model over HTTP.

    It costs nothing, answers the same request in the same way, and has latency, limits and faults as asked.
    What it was asked stands under /stats.
    """
    from synth.llm.fake_server import listen, serve

    try:
        behaviour = Behaviour(
            latency=latency_ms / 1000, sigma=sigma, slots=slots, queue=queue, full_status=full_status,
            retry_after=retry_after, rpm=rpm, tpm=tpm, burst=burst, stall=stall, trickle=trickle, idle=idle,
            batch_s=batch_s, batch_most=batch_most,
            faults=dict(map(share_of, faults or [])), api_key=api_key, models=models, refuse=refuse or (),
            abilities=[*map(ability_of, abilities or [])],
        )  # fmt: skip
    except ValueError as fault:
        raise ConfigError(f"The options do not fit: {fault}; see `synth fake-endpoint --help`.") from fault
    try:
        listening = listen(host, port)
    except OSError as fault:
        reason = fault.strerror or fault
        raise EndpointError(f"Cannot listen on {host}:{port} ({reason}); choose another --port.") from fault
    with listening:
        try:
            serve(behaviour, listening, lambda url: announce(url, (models or ["fake"])[0], api_key))
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
