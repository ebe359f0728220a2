"""Progress reports of long operations."""

from __future__ import annotations

from collections.abc import Callable

# Called with the number of units that are done, and with the number of all.
Progress = Callable[[int, int], None]


def no_progress(_done: int, _total: int) -> None:
    """Ignore the progress."""
