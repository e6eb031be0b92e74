"""What needs a service beside Python (PostgreSQL, a cluster, an object store): run by `make test-services`."""

from collections.abc import Iterator

import pytest

from tests.flows.conftest import running_server, server, server_home
from tests.services import postgres

__all__ = ["running_server", "server", "server_home"]


@pytest.fixture
def database() -> Iterator[postgres.Postgres]:
    """A PostgreSQL, running."""
    with postgres.running() as database:
        yield database
