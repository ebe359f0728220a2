"""Regular expressions that are compiled when they are first used.

To mypy and to readers `pattern` is `re.compile`. A command uses few of the expressions that its modules have, and to
compile one takes 0.1 ms: all of them would take a tenth of the command's time.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in `typing`, which takes 2 ms to import
if TYPE_CHECKING:
    from re import compile as pattern
else:
    import re

    class pattern:  # noqa: N801 - it stands for a function
        """An expression; the methods of what it is compiled to become its own."""

        def __init__(self, text, flags=0):
            self.pattern = text
            self._flags = flags

        def __getattr__(self, name):
            # Asked for what this object has not yet: it is used for the first time.
            compiled = re.compile(self.pattern, self._flags)
            for each in ("match", "fullmatch", "search", "finditer", "split", "sub"):
                setattr(self, each, getattr(compiled, each))
            return getattr(compiled, name)


__all__ = ["pattern"]
