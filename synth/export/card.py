"""The card of an export that goes to a dataset hub: what it is, and what wrote it.

In: what was exported, and the figures of its run where there is one. Out: Markdown with the head that hubs
read.
"""

import json
from pathlib import Path
from typing import Any

from synth.errors import StoreError
from synth.export.files import TEST, TRAIN
from synth.publish.card import demo_model, markdown_text
from synth.report import read_stats

FILES = "data"


def card(name: str, form: str, rows: int, splits: list[str], run_folder: Path | None) -> str:
    """The README.md of a repository that holds one export."""
    files = [{"split": s, "path": f"{FILES}/{s}.parquet"} for s in (TRAIN, TEST) if s in splits]
    head = {"configs": [{"config_name": "default", "data_files": files}], "tags": ["synthetic", "synth"]}
    lines = [f"# {markdown_text(name)}", f"{rows:,} rows in the form `{form}`, made by synth."]
    if stats := _stats(run_folder):
        models = sorted(set(stats["models"].values()))
        lines.append("Models: " + ", ".join(map(markdown_text, models)) + ".")
        lines.append("Licences of the sources: " + ", ".join(map(markdown_text, stats["licences"])) + ".")
        if told := demo_model(stats["models"].get("generator", "")):
            lines.append(told)
    # JSON is YAML, and needs no escaping of what a name may hold.
    return f"---\n{json.dumps(head, indent=2)}\n---\n\n" + "\n\n".join(lines) + "\n"


def _stats(run_folder: Path | None) -> dict[str, Any]:
    try:
        return read_stats(run_folder) if run_folder else {}
    except StoreError:
        return {}
