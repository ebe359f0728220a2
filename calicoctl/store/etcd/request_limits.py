"""The limits of a request: its time, and the size of its response."""

from __future__ import annotations

from calicoctl.fast_dataclasses import dataclass
from calicoctl.store.deadline import Deadline

# etcd responds after 7 s when it has lost its leader; a shorter timeout would treat that slow response as none.
_READ_SECONDS = 10.0
_CONNECT_SECONDS = 3.0
_MIN_SECONDS = 1.0  # even if the share of the remaining time is smaller


@dataclass(slots=True)
class ResponseLimits:
    """The limits of a response; updated for each request.

    Attributes:
        deadline: When the response must be complete.
        max_bytes: The maximum number of received bytes.
    """

    deadline: Deadline
    max_bytes: int


@dataclass(frozen=True, slots=True)
class RequestTimeouts:
    """The time limits of one request.

    Attributes:
        connect: The seconds for the connection.
        read: The seconds for the next chunk of the response.
        whole: When the response must be complete.
    """

    connect: float
    read: float
    whole: Deadline


def request_timeouts(deadline: Deadline, share: float) -> RequestTimeouts | None:
    """The time limits of the next request; None if the deadline has passed.

    Args:
        deadline: The deadline of the command.
        share: The share of the remaining time that may be spent waiting for the next chunk of the response. If it is
            less than 1, the whole response may take half of the remaining time.
    """
    remaining = deadline.remaining()
    if remaining == 0:
        return None
    whole = deadline if share == 1.0 else Deadline(min(max(remaining / 2, _MIN_SECONDS), remaining))
    read = min(_READ_SECONDS, max(remaining * share, _MIN_SECONDS), remaining)
    return RequestTimeouts(min(_CONNECT_SECONDS, remaining), read, whole)
