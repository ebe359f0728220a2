"""What is left of two versions of a sequence between their common beginning and their common end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from calicoctl.annotations import TypeVar

_Item = TypeVar("_Item")


def between_common_ends(
    old: Sequence[_Item], new: Sequence[_Item], are_alike: Callable[[_Item, _Item], bool]
) -> tuple[range, range]:
    """The 0-based indices in both sequences that are in neither; an item is in one of the two at the most.

    Args:
        old: One version.
        new: The other one.
        are_alike: Whether two items are the same.
    """
    length = min(len(old), len(new))
    start = next((at for at in range(length) if not are_alike(old[at], new[at])), length)
    end = next((at for at in range(length - start) if not are_alike(old[-1 - at], new[-1 - at])), length - start)
    return range(start, len(old) - end), range(start, len(new) - end)
