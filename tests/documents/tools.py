"""What the tests of reading share: files, readings of one file, and a run of the whole stage."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from synth.config import DocumentsConfig, RunConfig
from synth.documents.readers import read
from synth.documents.reading import Reading
from synth.llm.client import Client
from synth.prompts.library import PromptLibrary
from synth.stages.base import Output, Rejected, rejected_table
from synth.stages.calls import Services
from synth.stages.documents import read_documents

CONFIG = DocumentsConfig()
PROSE = (
    "The derivative of a sum is the sum of the derivatives, and a constant factor may be taken out of it. "
)


def put(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def one(path: Path, config: DocumentsConfig = CONFIG) -> Reading:
    (found,) = read(path, config)
    assert not found.reason, found
    return found


def fault(path: Path, config: DocumentsConfig = CONFIG) -> Reading:
    (found,) = read(path, config)
    assert found.reason, found
    return found


def lines(*rows: object) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def shown(path: Path, config: DocumentsConfig = CONFIG) -> list[tuple[str, str]]:
    """(place, text or reason) of everything in a file."""
    return [(found.place, found.reason or found.text) for found in read(path, config)]


class Run:
    """The stage on some paths, with everything that it made in one."""

    def __init__(self, folder: Path, paths: Sequence[Path], seed: int = 0, **settings: Any) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.reported: list[tuple[int, int]] = []
        licences = settings.pop("licences", {})
        documents = {"paths": [str(path) for path in paths], "min_chars": 20, "readers": 1, **settings}
        config = RunConfig.model_validate({"documents": documents, "licences": licences, "seed": seed})
        services = Services(
            client=cast(Client, None),
            prompts=cast(PromptLibrary, None),
            folder=folder,
            report=lambda done, total: self.reported.append((done, total)),
            say=self.said.append,
        )
        outputs = list(read_documents(config, services))
        for output in outputs:
            output.check_balance("documents")
            rejected_table("documents", output.rejected)
        self.output = joined(outputs)
        self.output.check_balance("documents")

    def column(self, table: str, name: str) -> list[Any]:
        return cast(list[Any], self.output.tables[table][name].to_pylist())

    def sources(self) -> list[str]:
        return sorted(self.column("documents", "source"))

    def rows(self, table: str) -> dict[str, dict[str, Any]]:
        return {row["source"]: row for row in self.output.tables[table].to_pylist()}

    def reasons(self) -> dict[str, str]:
        return {row.source: row.reason for row in self.output.rejected}

    def details(self) -> dict[str, str]:
        return {row.source: row.detail for row in self.output.rejected}


def joined(outputs: Sequence[Output]) -> Output:
    keys = {"documents": "source", "passages": "passage_id"}
    rejected: list[Rejected] = [row for output in outputs for row in output.rejected]
    return Output(
        tables={
            name: pa.concat_tables([output.tables[name] for output in outputs]).sort_by(key)
            for name, key in keys.items()
        },
        inputs=frozenset().union(*(output.inputs for output in outputs)),
        parents=frozenset().union(*(output.parents for output in outputs)),
        rejected=sorted(rejected, key=lambda row: (row.row_id, row.source, row.detail)),
    )
