"""The bounds of a request: how long it may take, and how much of an answer is read."""

from __future__ import annotations

from calicoctl.records import dataclass
from calicoctl.store.deadline import Deadline

# etcd itself answers after 7 s when its leader is lost; to wait less would take a slow answer for none.
_READ_SECONDS = 10.0
_CONNECT_SECONDS = 3.0
_LEAST_SECONDS = 1.0  # however small a share of the time that is


@dataclass(slots=True)
class AnswerBounds:
    """What the answer to one request may take; set anew for each.

    Attributes:
        deadline: Until when it must be there.
        most: The bytes that it may have, as they come.
    """

    deadline: Deadline
    most: int


@dataclass(frozen=True, slots=True)
class Allotment:
    """The time that one request may take.

    Attributes:
        connect: The seconds for the connection.
        read: The seconds for the answer's next piece.
        whole: Until when all of the answer must be there.
    """

    connect: float
    read: float
    whole: Deadline


def allotted(deadline: Deadline, share: float) -> Allotment | None:
    """The time that a request gets; None when the time is up.

    Args:
        deadline: Until when there is time at all.
        share: How much of it may be spent on waiting for the answer's next piece; of less than all of it, the whole
            answer may take half.
    """
    remaining = deadline.remaining()
    if remaining == 0:
        return None
    whole = deadline if share == 1.0 else Deadline(min(max(remaining / 2, _LEAST_SECONDS), remaining))
    read = min(_READ_SECONDS, max(remaining * share, _LEAST_SECONDS), remaining)
    return Allotment(min(_CONNECT_SECONDS, remaining), read, whole)
