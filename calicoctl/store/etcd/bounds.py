"""The bounds of the answer that is being read."""

from __future__ import annotations

from calicoctl.records import dataclass
from calicoctl.store.deadline import Deadline


@dataclass(slots=True)
class Bounds:
    """What the answer to one request may take; set anew for each.

    Attributes:
        deadline: Until when it must be there.
        most: The bytes that it may have, as they come.
    """

    deadline: Deadline
    most: int
