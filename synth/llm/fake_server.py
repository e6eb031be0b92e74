"""The fake model behind real HTTP, counting what it was asked: `python -m synth.llm.fake_server --port 0`.

`synth fake-endpoint` is the same for people. What it can be asked to be stands in `fake_settings`.
"""

import argparse
import asyncio
import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from synth.llm.fake_app import FakeApp
from synth.llm.fake_http import FakeConnection
from synth.llm.fake_settings import HELP, Behaviour, share_of
from synth.llm.fake_student import ability_of

BACKLOG = 4096


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; connections that come before the server is ready wait in its queue."""
    return socket.create_server((host, port), backlog=BACKLOG)


def serve(behaviour: Behaviour, listening: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve until interrupted; `ready` is told the base URL once it can be asked.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    asyncio.run(_serve(behaviour, listening, ready))


async def _serve(behaviour: Behaviour, listening: socket.socket, ready: Callable[[str], None]) -> None:
    app = FakeApp(behaviour)
    server = await asyncio.get_running_loop().create_server(
        lambda: FakeConnection(app), sock=listening, backlog=BACKLOG
    )
    host, port = listening.getsockname()[:2]
    ready(f"http://{f'[{host}]' if ':' in host else host}:{port}/v1")
    await server.serve_forever()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of the fake endpoint."""
    given = vars(_parser().parse_args(arguments))
    port, url_file, with_parent = given.pop("port"), given.pop("url_file"), given.pop("with_parent")
    variable = given.pop("api_key_env")
    if with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    behaviour = Behaviour(
        **{**given, "faults": dict(given["faults"])}, api_key=os.environ[variable] if variable else None
    )

    def ready(url: str) -> None:
        print(url, flush=True)
        if url_file is not None:
            part = url_file.with_name(url_file.name + ".part")
            part.write_text(url, encoding="utf-8")
            part.replace(url_file)

    serve(behaviour, listen("127.0.0.1", port), ready)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Serves the deterministic fake model.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--url-file", type=Path)
    parser.add_argument("--with-parent", action="store_true", help="end when standard input is closed")
    parser.add_argument("--api-key-env", metavar="VARIABLE", help="variable with the key to ask for")
    parser.add_argument("--model", action="append", dest="models", metavar="NAME", help="serve these only")
    parser.add_argument("--refuse", action="append", default=[], metavar="FORM")
    parser.add_argument(
        "--fault", dest="faults", type=share_of, action="append", default=[], help=HELP["faults"]
    )
    parser.add_argument(
        "--ability", dest="abilities", type=ability_of, action="append", default=[], help=HELP["ability"]
    )
    defaults = Behaviour()
    for name in ("latency", "sigma", "retry_after", "burst", "stall", "trickle", "idle", "batch_s"):
        option = "--" + name.replace("_", "-")
        parser.add_argument(option, type=float, default=getattr(defaults, name), help=HELP[name])
    for name in ("slots", "queue", "full_status", "rpm", "tpm", "batch_most"):
        option = "--" + name.replace("_", "-")
        parser.add_argument(option, type=int, default=getattr(defaults, name), help=HELP[name])
    return parser


def _end_with_parent() -> None:
    """A test that is killed closes the pipe, and leaves no server behind."""
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
