"""Regular expressions that are compiled on first use.

For mypy and for readers, `pattern` is `re.compile`. Compiling an expression takes 0.1 ms, and a command uses few of
those in the modules it imports: compiling all of them would take a tenth of the command's time.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in `typing`, which takes 2 ms to import
if TYPE_CHECKING:
    from re import compile as pattern
else:
    import re

    class pattern:  # noqa: N801 - used like a function
        """A regular expression; on first use, it gets the methods of the compiled expression."""

        def __init__(self, text, flags=0):
            self.pattern = text
            self._flags = flags

        def __getattr__(self, name):
            # Called only for a missing attribute, so only on first use.
            compiled = re.compile(self.pattern, self._flags)
            for method in ("match", "fullmatch", "search", "finditer", "split", "sub"):
                setattr(self, method, getattr(compiled, method))
            return getattr(compiled, name)


__all__ = ["pattern"]
