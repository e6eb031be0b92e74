"""What is watched over while nobody looks, as automations of Prefect, which `synth serve` makes.

In: whom to notify, if anybody, and how long a run may show no progress. Out: automations on the server, found
by their names and brought up to date. Without a notification they leave their mark in the list of events.
"""

from datetime import timedelta
from typing import Any, NamedTuple

from prefect.automations import AutomationCore
from prefect.client.orchestration import get_client
from prefect.events.actions import ActionTypes, SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from flows.events import LOW_YIELD, PROGRESS
from flows.slots import SKIPPED
from synth.errors import BudgetReached, ConfigError, NothingNew, Waiting

TAG = "synth"
_RUN = {"prefect.resource.id": "prefect.flow-run.*"}
_OURS = {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"}
_EACH = {"prefect.resource.id"}
# States in which a run is over. Not all events of flow runs: one that hangs still sends its heartbeats.
_ENDS = {
    f"prefect.flow-run.{name}"
    for name in (
        *("Completed", "Failed", "Crashed", "Cancelled", "Cancelling", "Paused", "Suspended", SKIPPED),
        *(BudgetReached.name, Waiting.name, NothingNew.name),
    )
}
_SAID = "{{ flow_run.name }}: {{ flow_run.state.name }}. {{ flow_run.state.message }}\n{{ flow_run|ui_url }}"
# What an automation does that sends no message.
_SILENT = "It stands in the event feed; notify in the table of deployments sends a message."


class Watch(NamedTuple):
    """One automation: its name, what it is for, what it waits for."""

    name: str
    description: str
    trigger: EventTrigger


def watches(no_progress_minutes: float) -> list[Watch]:
    """All that is watched."""
    return [
        Watch(
            "synth: a run failed", "A run failed, or its process was killed.", _states("Failed", "Crashed")
        ),
        Watch(
            "synth: a ceiling was reached",
            "A run stopped at a ceiling of its budget; it goes on once there is room.",
            _states(BudgetReached.name),
        ),
        Watch(
            "synth: low yield",
            "Fewer questions are published than publish.min_yield asks for.",
            EventTrigger(expect={LOW_YIELD}, for_each=_EACH, posture=Posture.Reactive, threshold=1),
        ),
        Watch(
            "synth: no progress",
            f"A run has shown no progress for {no_progress_minutes:g} minutes, and has not ended.",
            EventTrigger(
                after={PROGRESS},
                expect={PROGRESS, *_ENDS},
                match=_RUN,
                for_each=_EACH,
                posture=Posture.Proactive,
                threshold=1,
                within=timedelta(minutes=no_progress_minutes),
            ),
        ),
    ]


def watch_over(notify: str | None, no_progress_minutes: float) -> list[str]:
    """Make the automations, or bring them up to date; their names.

    Raises:
        ConfigError: there is no block of that name on the server.
    """
    actions = _actions(notify)
    found = watches(no_progress_minutes)
    for one in found:
        described = one.description if actions else f"{one.description} {_SILENT}"
        made = AutomationCore(
            name=one.name, description=described, trigger=one.trigger, actions=actions, tags=[TAG]
        )
        _put(made)
    return [one.name for one in found]


def _put(wanted: AutomationCore) -> None:
    with get_client(sync_client=True) as client:
        there = [one for one in client.read_automations_by_name(wanted.name) if one.name == wanted.name]
        if there:
            client.update_automation(there[0].id, wanted)
        else:
            client.create_automation(wanted)


def _states(*names: str) -> EventTrigger:
    given: dict[str, Any] = {"match": _RUN, "match_related": _OURS}
    expect = {f"prefect.flow-run.{name}" for name in names}
    return EventTrigger(expect=expect, for_each=_EACH, posture=Posture.Reactive, threshold=1, **given)


def _actions(notify: str | None) -> list[ActionTypes]:
    """One that sends a message, or none: the UI shows `do nothing` as an empty box."""
    if notify is None:
        return []
    kind, _, name = notify.partition("/")
    with get_client(sync_client=True) as client:
        try:
            block = client.read_block_document_by_name(name, kind)
        except ObjectNotFound as fault:
            fix = "make it in the UI under Blocks, and write it as KIND/NAME, as in slack-webhook/team"
            raise ConfigError(f"notify: there is no block {notify!r} on the server; {fix}.") from fault
    return [SendNotification(block_document_id=block.id, subject="synth", body=_SAID)]
