"""How far something is, told to whoever wants to know."""

from __future__ import annotations

from collections.abc import Callable

# Told how many of how many are done.
Progress = Callable[[int, int], None]


def no_progress(_done: int, _total: int) -> None:
    """Nobody wants to know."""
