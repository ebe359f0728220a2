"""In which order the servers of a cluster are asked: the one that answered last comes first."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock


class ServerOrder:
    """The order, kept for a whole command.

    A run opens many datastores, one for each writer. Each of them would wait for a server that does not answer,
    if it did not know what the others have learnt.

    Args:
        addresses: The servers as they are listed.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = tuple(addresses)
        self._changing = Lock()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The servers, the one to be asked first in front."""
        return self._addresses

    def answered(self, address: str) -> None:
        """Put a server first."""
        if self._addresses[0] != address:
            self._move(address, first=True)

    def silent(self, address: str) -> None:
        """Put a server last."""
        if self._addresses[-1] != address:
            self._move(address, first=False)

    def _move(self, address: str, *, first: bool) -> None:
        with self._changing:
            others = tuple(each for each in self._addresses if each != address)
            self._addresses = (address, *others) if first else (*others, address)
