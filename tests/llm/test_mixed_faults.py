"""Every kind of fault at once: each row is done or has its reason, and the client counts what the server does."""

from collections import Counter

import pytest

KINDS = (
    "status_429", "status_500", "status_503", "reset_before", "reset_after", "cut", "html_page", "error_200",
    "no_usage", "double_usage",
)  # fmt: skip


@pytest.mark.parametrize("transport", ["openai", "direct"])
@pytest.mark.parametrize("share", [0.05, 0.2])
def test_every_row_is_accounted_for(transport, share, start_fake, client_for, make_request, journal) -> None:
    faults = [option for kind in KINDS for option in ("--fault", f"{kind}={share / len(KINDS)}")]
    server = start_fake("--latency", "0.01", *faults)
    client = client_for(server.config(max_in_flight=32, transport=transport, max_tries=4))
    replies = client.complete("m", [make_request(f"row {n}") for n in range(600)])
    stats = server.stats()
    assert sum(stats["faults"].values()) > 0
    reasons = Counter(reply.reason for reply in replies)
    assert set(reasons) <= {None, "call_failed"}
    failed = [reply.call_id for reply in replies if reply.reason]
    assert len(failed) <= 5  # four tries each: few have only bad luck
    assert not any(call_id in journal for call_id in failed)
    assert reasons[None] == len(journal)
    assert stats["distinct"] - reasons[None] <= len(failed)  # paid, and never came whole in any try
    assert len({reply.call_id for reply in replies}) == 600
    # What was paid twice is what never arrived whole, and no more.
    assert stats["repeated"] <= stats["unconfirmed"]
    assert client.usage["questions"].made == reasons[None]
    assert client.usage["questions"].failed == reasons["call_failed"]
