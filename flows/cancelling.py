"""Cancelling from the UI: calls stop within seconds, and the run can be resumed.

In: the flow run that is under way. Out: once its state on the server says that it is to end, calls are
dropped, and the flow ends with an error of its own. Prefect by itself would wait for its threads, and those
wait for their calls; and a run that was begun by `synth run` it would not tell at all.
"""

import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.exceptions import TerminationSignal
from prefect.runtime import flow_run

from synth.errors import Stopped

# Between two looks at the state: one request, which costs the server some milliseconds.
LOOK_SECONDS = 2.0
ENDING = (StateType.CANCELLING, StateType.CANCELLED)


class Cancelled(Stopped):
    """Somebody cancelled the run in the UI."""

    name = "Cancelled"


@contextmanager
def cancellable(stop: Callable[[], None]) -> Iterator[None]:
    """While the block runs, call `stop` once the flow run is cancelled; what the block then raises is that.

    Raises:
        Cancelled: the flow run was cancelled.
    """
    over, cancelled = threading.Event(), threading.Event()
    watched = flow_run.root_flow_run_id or flow_run.id
    # A thread has no settings but those of the environment, unless it is given this one's.
    arguments = (_watch, UUID(str(watched)), over, cancelled, stop)
    run = contextvars.copy_context().run
    watcher = threading.Thread(target=run, args=arguments, name="cancelling", daemon=True)
    watcher.start()
    try:
        yield
    except BaseException as fault:  # of dropped calls an asyncio.CancelledError, which is no Exception
        # A runner's SIGTERM is Prefect's own business: it tells the state itself.
        if cancelled.is_set() and not isinstance(fault, TerminationSignal):
            raise Cancelled("Cancelled in the UI; the same run goes on when it is started again.") from fault
        raise
    finally:
        over.set()


def _watch(
    watched: UUID, over: threading.Event, cancelled: threading.Event, stop: Callable[[], None]
) -> None:
    with get_client(sync_client=True) as client:
        while not over.wait(LOOK_SECONDS):
            with suppress(Exception):  # a server that is away for a while cancels nothing
                state = client.read_flow_run(watched).state
                if state is not None and state.type in ENDING:
                    cancelled.set()
                    stop()
                    return
