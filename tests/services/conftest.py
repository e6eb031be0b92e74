"""What needs a service beside Python (PostgreSQL, a cluster, an object store): run by `make test-services`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services import postgres


@pytest.fixture
def database() -> Iterator[postgres.Postgres]:
    """A PostgreSQL, running."""
    with postgres.running() as database:
        yield database
