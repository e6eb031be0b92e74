"""The section `code`: whether answers that are code are run, and within which limits."""

from typing import Literal

from pydantic import Field

from synth.config_base import Config


class CodeConfig(Config):
    """Running of code that models wrote, against tests, in a sandbox (Linux only)."""

    enabled: bool = Field(
        False,
        title="Enabled",
        description="Run code of answers of the kind `code`; off, no code that a model wrote is ever run.",
    )
    seconds: float = Field(
        10.0, gt=0, le=600, title="Seconds", description="Most time of one run of tests; then it is ended."
    )
    memory_mb: int = Field(
        512, ge=64, title="Memory", description="Most memory of each process of code, in megabytes."
    )
    isolation: Literal["namespaces", "limits"] = Field(
        "namespaces",
        title="Isolation",
        description="`namespaces`: no files, no network, no other processes; where the kernel allows none,"
        " the run refuses. `limits` bounds time, memory and processes only: code can read your files and"
        " reach the network.",
    )
