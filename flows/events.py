"""Events that automations can wait for; they stand in the UI's list of events as well.

In: what happened. Out: an event, with numbers and names only: no text of a document or a model.
"""

from typing import Any

from prefect.events import emit_event
from prefect.runtime import flow_run

from synth.versions import Version

PUBLISHED = "synth.dataset.published"
PROGRESS = "synth.run.progress"
LOW_YIELD = "synth.run.low-yield"


def published(version: Version, said: str) -> None:
    """A new version of a dataset is there."""
    resource = {
        "prefect.resource.id": f"synth.dataset.{version.dataset}",
        "prefect.resource.name": version.dataset,
        "prefect.resource.role": "dataset",
    }
    payload = {"version": version.folder.name, "folder": str(version.folder.absolute()), "said": said}
    emit_event(PUBLISHED, resource, payload=payload)


def of_run(event: str, run: str, **payload: Any) -> None:
    """Something of a run; its resource is the flow run that is under way, whose state can be changed."""
    root = flow_run.root_flow_run_id or flow_run.id
    resource = {"prefect.resource.id": f"prefect.flow-run.{root}", "prefect.resource.name": run}
    emit_event(event, resource, payload=payload)
