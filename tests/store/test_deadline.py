"""The timeout of a command."""

from __future__ import annotations

import time

from calicoctl.store.deadline import Deadline


def test_only_time_spent_waiting_for_the_datastore_is_counted() -> None:
    deadline = Deadline(0.2)
    with deadline.stopped():
        started = time.monotonic()
        while time.monotonic() < started + 0.3:
            sum(range(1000))
    assert 0.0 < deadline.remaining() <= 0.2
    deadline.pause(10)
    assert deadline.remaining() == 0.0
