"""Boxes for all tests of code: none of them is run where none can be made."""

import pytest

from synth.errors import ConfigError
from synth.verify.code.sandbox import Limits, Sandbox

SECONDS = 20.0


def sandbox_of(**limits: float) -> Sandbox:
    """A sandbox with few limits changed; its time is long, so that a busy machine does not decide."""
    return Sandbox(Limits(**{"seconds": SECONDS, "memory_mb": 256, **limits}))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    made = sandbox_of()
    try:
        made.require()
    except ConfigError as fault:
        pytest.skip(str(fault))
    return made
