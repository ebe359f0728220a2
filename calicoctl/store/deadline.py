"""The time that a command may take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Deadline:
    """A moment in the future, until which the datastore may be waited for.

    It is on the monotonic clock: setting the system's time does not move it.

    Attributes:
        seconds: How far away it was when it was made.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """The seconds left; 0.0 when it has passed."""
        return max(0.0, self._end - time.monotonic())

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Do not count the time that something else takes than waiting for the datastore."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._end += time.monotonic() - began

    def pause(self, seconds: float) -> None:
        """Sleep, but never beyond the deadline."""
        time.sleep(min(seconds, self.remaining()))
