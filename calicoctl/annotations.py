"""What annotations need of `typing`, which takes 2 ms to import, a twentieth of a command.

To mypy and to readers these are the names of `typing`. At run time they mean nothing: annotations are not evaluated.
Modules that every command imports have them from here, the others from `typing`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO, NoReturn, Protocol, TypeVar, overload
else:
    Any = BinaryIO = NoReturn = object

    class Protocol:
        """A class whose members another class has without being derived from it."""

    class TypeVar:
        """A name for a type."""

        def __init__(self, name):
            self.__name__ = name

    def overload(function):
        """One of the ways in which a function can be called."""
        return function


__all__ = ["TYPE_CHECKING", "Any", "BinaryIO", "NoReturn", "Protocol", "TypeVar", "overload"]
