"""The nearest known name to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable

# The longest word that is compared. Longer words are not misspelt names, and comparing them takes long.
_LENGTH_MAX = 200


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that is most similar to a word; None when none is similar enough.

    Args:
        word: The word.
        known: The names, compared without regard to case.
        cutoff: The least similarity, from 0 to 1; see `difflib.get_close_matches`.
    """
    if len(word) > _LENGTH_MAX:
        return None
    # Imported here: commands without a misspelt name do not need it.
    import difflib

    names = {name.lower(): name for name in known}
    matches = difflib.get_close_matches(word.lower(), names, n=1, cutoff=cutoff)
    return names[matches[0]] if matches else None
