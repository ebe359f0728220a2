"""The number of examples of a law."""

from __future__ import annotations

from hypothesis import settings

# The settings of the profiles in `tests/conftest.py`: `make test` tries a quarter of the examples of `make laws`.
SAME_EXAMPLES = 100
SEARCH_EXAMPLES = 4 * SAME_EXAMPLES


def examples(count: int) -> int:
    """The number of examples in this run for a law whose examples are slow.

    Args:
        count: The number in `make laws`.
    """
    return max(1, count * settings().max_examples // SEARCH_EXAMPLES)
