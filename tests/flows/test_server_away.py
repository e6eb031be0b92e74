"""What counts as a server that is away, so that `synth serve` waits for it and does not end."""

import httpx
import pytest

from flows.commands.serve import is_of_the_server

ASKED = httpx.Request("GET", "http://127.0.0.1:4200/api/health")


def status(code: int) -> httpx.HTTPStatusError:
    return httpx.HTTPStatusError("said", request=ASKED, response=httpx.Response(code))


@pytest.mark.parametrize(
    ("fault", "is_so"),
    [
        (httpx.ConnectError("refused"), True),
        (httpx.ReadTimeout("late"), True),
        (status(503), True),
        (status(404), False),
        (RuntimeError("Service exceeded error threshold."), True),
        (RuntimeError("another"), False),
        (ExceptionGroup("some", [RuntimeError("Service exceeded error threshold."), status(500)]), True),
        (ExceptionGroup("some", [ExceptionGroup("in it", [httpx.ConnectError("refused")])]), True),
        (ExceptionGroup("some", [httpx.ConnectError("refused"), ValueError("ours")]), False),
    ],
)
def test_only_faults_of_the_server_are_waited_for(fault: Exception, is_so: bool) -> None:
    assert is_of_the_server(fault) is is_so
