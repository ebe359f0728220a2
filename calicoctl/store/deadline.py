"""The time that a command may take."""

from __future__ import annotations

import time


class Deadline:
    """A moment in the future, on the monotonic clock: setting the system's time does not move it.

    Attributes:
        seconds: How far away it was when it was made.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """The seconds left; 0.0 when it has passed."""
        return max(0.0, self._end - time.monotonic())

    def pause(self, seconds: float) -> None:
        """Sleep, but never beyond the deadline."""
        time.sleep(min(seconds, self.remaining()))
