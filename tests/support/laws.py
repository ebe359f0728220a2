"""How many examples a law is tried with."""

from __future__ import annotations

from hypothesis import settings

# What the profiles of `tests/conftest.py` differ by: `make test` tries a quarter of the examples of `make laws`.
SAME_EXAMPLES = 100
SEARCH_EXAMPLES = 4 * SAME_EXAMPLES


def examples(count: int) -> int:
    """How many examples a law is tried with in this run, where each of them takes long.

    Args:
        count: How many `make laws` tries.
    """
    return max(1, count * settings().max_examples // SEARCH_EXAMPLES)
