"""What can go wrong, and the exit code each fault has on the command line.

A message is one sentence: what is wrong, where, and what to do about it.
"""

import re

# Credentials and queries of addresses: what is given on a command line is repeated in faults.
_CREDENTIALS = re.compile(r"//[^\s'\"]*@")
_QUERY = re.compile(r"(https?://[^\s'\"?]*\?)[^\s'\"]+", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """A text whose addresses show neither credentials nor a query."""
    return _QUERY.sub(r"\1[hidden]", _CREDENTIALS.sub("//[hidden]@", text))


class SynthError(Exception):
    """The command failed (exit code 1)."""

    exit_code = 1


class ConfigError(SynthError):
    """Wrong usage or configuration (exit code 2), found before anything was paid for.

    `faults` holds every fault that was found, one sentence each.
    """

    exit_code = 2

    def __init__(self, *faults: str) -> None:
        self.faults = tuple(map(without_secrets, faults))
        super().__init__("\n".join(self.faults))


class NothingFailed(ConfigError):
    """The student fails nothing, so there is nothing to aim at; in a round that is its outcome.

    `name` is that of the state of a flow run.
    """

    name = "NothingFailed"


class SchemaError(SynthError):
    """A table does not have the columns, types or unique key that `schemas` promises."""


class StoreError(SynthError):
    """A run folder is damaged, locked, or cannot be written."""


class EndpointError(SynthError):
    """An endpoint is out of reach, or refuses every call (wrong key, unknown model)."""


class Stopped(SynthError):
    """The run stopped as it was told to (exit code 3): nothing failed, and the same command goes on.

    `name` says what kind of stop it was, as the state of a flow run.
    """

    exit_code = 3
    name = "Stopped"


class Waiting(Stopped):
    """Calls are under way in batches, and the time to wait for them is over."""

    name = "Waiting"

    def __init__(self, calls: int, batches: int) -> None:
        super().__init__(calls, batches)  # both, so that it can be pickled
        self.calls, self.batches = calls, batches

    def __str__(self) -> str:
        many = "1 batch" if self.batches == 1 else f"{self.batches:,} batches"
        calls = "1 call" if self.calls == 1 else f"{self.calls:,} calls"
        return f"{calls} in {many} under way; the same command, by hand or by schedule, collects the answers."


class NothingNew(Stopped):
    """Of what there is, earlier runs of the store have taken all that can be used."""

    name = "NothingNew"


class BudgetReached(Stopped):
    """A ceiling of the section `budget` is reached."""

    name = "BudgetReached"
