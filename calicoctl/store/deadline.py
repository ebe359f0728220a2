"""The time that a command may take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Deadline:
    """The time at which waiting for the datastore ends.

    It is measured by the monotonic clock: setting the system's time does not move it.

    Attributes:
        seconds: The timeout that it was created with.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """The seconds left; 0.0 if it has passed."""
        return max(0.0, self._end - time.monotonic())

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Exclude the time spent in the context: it is not spent waiting for the datastore."""
        began = time.monotonic()
        try:
            yield
        finally:
            self._end += time.monotonic() - began

    def pause(self, seconds: float) -> None:
        """Sleep, but not beyond the deadline."""
        time.sleep(min(seconds, self.remaining()))
