"""The sections `documents` and `licences`: what is read, how it is cut, and which licences it may have."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from synth.config_base import Config, Count, Share


class DocumentsConfig(Config):
    """What is read, and how it is cut into passages."""

    paths: tuple[str, ...] = Field((), title="Paths", description="Files, folders or globs to read.")
    passage_chars: int = Field(
        6000,
        ge=200,
        title="Passage size",
        description="Longest passage in characters; 6,000 are about 1,500 tokens of English.",
    )
    passage_overlap: Count = Field(
        0,
        title="Overlap",
        description="Characters of the passage before that a passage may repeat, in whole sentences.",
    )
    min_chars: Count = Field(
        80, title="Smallest text", description="Shorter documents and passages carry no concept."
    )
    max_bytes: int = Field(
        64_000_000,
        ge=1,
        title="Largest document",
        description="In bytes; larger files are rejected unread. Tables may be larger, their rows may not.",
    )
    max_members: int = Field(
        100_000, ge=1, title="Most members", description="Files in one archive; beyond them it is cut off."
    )
    max_rows: int = Field(
        5_000_000, ge=1, title="Most rows", description="Rows of one table; beyond them it is cut off."
    )
    max_seconds: int = Field(
        60, ge=1, title="Longest reading", description="Seconds of processor time for one document."
    )
    max_memory_mb: int = Field(
        1024, ge=64, title="Memory of a reader", description="In megabytes, beside what its libraries take."
    )
    readers: Count = Field(
        0, title="Readers", description="Processes that read files; 0 is one for each processor."
    )
    mask: tuple[Literal["email", "phone", "person"], ...] = Field(
        (),
        title="Mask",
        description="What is masked in documents, and rejected in questions: `email`, `phone`, `person`.",
    )
    formats: dict[str, str] = Field(
        default_factory=dict,
        title="Formats",
        description='Which format a further suffix is read as, for example `".page" = "html"`.',
    )
    near_duplicates: Literal["drop", "keep"] = Field(
        "drop",
        title="Near-duplicates",
        description="`drop` keeps one document of each cluster; the papers keep all.",
    )
    near_duplicate_threshold: Share = Field(
        0.5,
        title="Near-duplicate threshold",
        description="Jaccard similarity of word 5-grams from which two documents share a cluster; "
        "two formats of one short page agree in little more than half.",
    )
    sample: Count = Field(
        0, title="Sample", description="Use only so many passages, drawn by the seed; 0 uses all."
    )
    text_column: str | None = Field(
        None, title="Text column", description="Column of tables and JSON Lines that holds the text."
    )

    @field_validator("formats")
    @classmethod
    def _suffixes(cls, formats: dict[str, str]) -> dict[str, str]:
        if wrong := [suffix for suffix in formats if not suffix.startswith(".")]:
            raise ValueError(f"a suffix begins with a dot: write {'.' + wrong[0]!r}")
        return {suffix.lower(): name for suffix, name in formats.items()}

    @model_validator(mode="after")
    def _passages_move_on(self) -> "DocumentsConfig":
        if 2 * self.passage_overlap > self.passage_chars:
            half = f"half of passage_chars ({self.passage_chars})"
            raise ValueError(f"passage_overlap ({self.passage_overlap}) is more than {half}")
        return self


class LicencesConfig(Config):
    """Which licences the documents may have."""

    allow: tuple[str, ...] = Field(
        (),
        title="Allowed",
        description="Others are rejected; `unknown` stands for those that state none; empty allows all.",
    )
    stated: dict[str, str] = Field(
        default_factory=dict,
        title="Stated",
        description='Of files that state none, by a glob of their names: `"wiki/*" = "CC-BY-SA-4.0"`.',
    )
