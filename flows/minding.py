"""While schedules are served, the server is looked after: one that goes away is told of, and begun anew here.

In: its address. Out: a sentence for whoever serves, once when it is missed and once when it is back.
"""

import asyncio
import warnings

from prefect.utilities.services import critical_service_loop

from flows.server import ensure_server, is_healthy, started_here
from flows.terminal import note
from synth.errors import SynthError

LOOK_SECONDS = 5.0
# So many looks in vain are no hiccup of a busy machine.
MISSED = 3


async def mind_server(api_url: str) -> None:
    """Look after the server at an address, for as long as it is not cancelled."""
    _hush()
    # Of this machine's own only: whoever began another one begins it again, perhaps over another database.
    ours = await asyncio.to_thread(started_here) is not None
    missed = 0
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if await asyncio.to_thread(is_healthy, api_url):
            if missed >= MISSED:
                note("The Prefect server answers again; schedules go on.")
            missed = 0
            continue
        missed += 1
        if missed == MISSED:
            note("The Prefect server does not answer; schedules go on once it does. Ctrl-C ends it.")
        if missed >= MISSED and ours:
            await asyncio.to_thread(_begin_anew)


def _begin_anew() -> None:
    try:
        ensure_server(note)  # where it listened before, or runs in hand would lose it
    except SynthError as fault:
        note(fault)


def _hush() -> None:
    """Keep pages of tracebacks off the terminal, by which Prefect tells the same."""
    loop = critical_service_loop
    loop.__defaults__ = tuple(_unsaid if one is print else one for one in loop.__defaults__ or ())
    # It forgets to await what tells of its own look for cancelled runs; each run here looks for itself.
    warnings.filterwarnings("ignore", r"coroutine 'Runner\._handle_\w+_observer_failure'", RuntimeWarning)


def _unsaid(*texts: object) -> None:
    pass
