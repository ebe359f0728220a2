"""The names of `typing` that annotations need, without the import, which takes 2 ms, a twentieth of a command.

For mypy and for readers these are the names of `typing`. At run time they are placeholders, since annotations are not
evaluated. Modules that every command imports take them from here, other modules from `typing`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO, NoReturn, Protocol, TypeVar, overload
else:
    Any = BinaryIO = NoReturn = object

    class Protocol:
        """A replacement for `typing.Protocol`."""

    class TypeVar:
        """A replacement for `typing.TypeVar`."""

        def __init__(self, name):
            self.__name__ = name

    def overload(function):
        """A replacement for `typing.overload`."""
        return function


__all__ = ["TYPE_CHECKING", "Any", "BinaryIO", "NoReturn", "Protocol", "TypeVar", "overload"]
