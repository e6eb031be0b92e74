"""What a table is made of: columns with their meaning, in a schema of Arrow."""

from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

# Raised with every change of a table; `synth/migrations.py` says how older ones are read.
SCHEMA_VERSION = 2


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type, its meaning, and whether it may be null."""

    name: str
    type: pa.DataType
    doc: str
    nullable: bool = False

    @property
    def field(self) -> pa.Field:
        """The Arrow field, with the meaning in its metadata."""
        return pa.field(self.name, self.type, self.nullable, {"description": self.doc})


@dataclass(frozen=True)
class Table:
    """One table: rows are unique by `key` and stored in its order."""

    name: str
    stage: str
    doc: str
    key: str
    columns: tuple[Column, ...]

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema, with name and version in its metadata."""
        meta = {"synth.table": self.name, "synth.schema_version": str(SCHEMA_VERSION)}
        return pa.schema([c.field for c in self.columns], metadata=meta)


def text(name: str, doc: str, nullable: bool = False) -> Column:
    """A column of text."""
    return Column(name, pa.string(), doc, nullable)


def texts(name: str, doc: str, nullable: bool = False) -> Column:
    """A column of lists of texts."""
    return Column(name, pa.list_(pa.string()), doc, nullable)


def whole(name: str, doc: str, nullable: bool = False) -> Column:
    """A column of whole numbers."""
    return Column(name, pa.int32(), doc, nullable)


def number(name: str, doc: str, nullable: bool = False) -> Column:
    """A column of numbers."""
    return Column(name, pa.float64(), doc, nullable)


# Where a row that a model wrote comes from.
CALL = (
    text("call_id", "the model call that wrote this row, in the journal"),
    text("prompt_id", "name and version of the prompt file"),
    text("prompt_sha", "SHA-256 of the prompt file"),
    text("model", "identity of the model that wrote this row"),
)
