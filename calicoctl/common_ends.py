"""The parts of two sequences between their common prefix and their common suffix."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calicoctl.annotations import TypeVar

_Item = TypeVar("_Item")


def between_common_ends(
    old: Sequence[_Item], new: Sequence[_Item], are_equal: Callable[[_Item, _Item], bool]
) -> tuple[range, range]:
    """The 0-based indices between the common prefix and the common suffix, in both sequences.

    Prefix and suffix do not overlap.

    Args:
        old: The one sequence.
        new: The other sequence.
        are_equal: Whether two items are equal.
    """
    length = min(len(old), len(new))
    start = next((index for index in range(length) if not are_equal(old[index], new[index])), length)
    end = next(
        (index for index in range(length - start) if not are_equal(old[-1 - index], new[-1 - index])), length - start
    )
    return range(start, len(old) - end), range(start, len(new) - end)
