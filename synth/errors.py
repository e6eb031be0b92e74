"""What can go wrong, and the exit code each fault has on the command line.

A message is one sentence: what is wrong, where, and what to do about it.
"""


class SynthError(Exception):
    """The command failed (exit code 1)."""

    exit_code = 1


class ConfigError(SynthError):
    """Wrong usage or configuration (exit code 2), found before anything was paid for.

    `faults` holds every fault that was found, one sentence each.
    """

    exit_code = 2

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class SchemaError(SynthError):
    """A table does not have the columns, types or unique key that `schemas` promises."""


class StoreError(SynthError):
    """A run folder is damaged, locked, or cannot be written."""


class EndpointError(SynthError):
    """An endpoint is out of reach, or refuses every call (wrong key, unknown model)."""
