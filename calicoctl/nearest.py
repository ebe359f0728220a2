"""What somebody who misspelt a name probably meant."""

from __future__ import annotations

from collections.abc import Iterable

# Nobody misspells a name that is longer, and to compare it takes time.
_LONGEST = 200


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The one of some names that is nearest to a word; None when none is near.

    Args:
        word: The word.
        known: The names; capitals make no difference.
        cutoff: How near it must be, from 0 to 1; see `difflib.get_close_matches`.
    """
    if len(word) > _LONGEST:
        return None
    # Costs more to import than it is worth to commands in which nothing is misspelt.
    import difflib

    names = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), names, n=1, cutoff=cutoff)
    return names[found[0]] if found else None
