"""The table of deployments as prefect.yaml, for `prefect deploy --all` into a work pool on a cluster.

In: entries of the table. Out: YAML, the same for the same table on any machine: paths are as written there.
"""

from collections.abc import Sequence

import yaml

from flows.table import Entry, Tree, flow_path, parameters, schedule

POOL = "synth"
RUNS = "data/runs"
HEAD = """\
# Made from the table of deployments by `synth serve --yaml > prefect.yaml`: change the table, not this file.
# prefect work-pool create synth --type process; prefect deploy --all; prefect worker start --pool synth
"""


def as_yaml(entries: Sequence[Entry], runs: str = RUNS) -> str:
    """All deployments as prefect.yaml; `runs` is a folder of the worker's machine."""
    tree = {"name": "synth", "deployments": [_deployment(entry, runs) for entry in entries]}
    return HEAD + yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=100)


def _deployment(entry: Entry, runs: str) -> Tree:
    module, function = flow_path(entry)
    plan = schedule(entry.of)
    made: Tree = {
        "name": entry.name,
        "description": entry.of.description,
        "tags": ["synth", *entry.of.tags],
        "entrypoint": f"{module}.{function}",
        "parameters": parameters(entry, entry.of.tree(), runs),
        "concurrency_limit": {"limit": 1, "collision_strategy": "CANCEL_NEW"},
        "work_pool": {"name": POOL},
    }
    if plan:
        made["schedules"] = [plan]
    return made
