"""The order in which the servers of a cluster are tried: the one that responded last comes first."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock


class ServerOrder:
    """The order of the servers, shared by all connections of one command; safe for use from several threads.

    A run opens many datastores, one for each writer. Without a shared order, each of them would wait for a server that
    does not respond.

    Args:
        addresses: The addresses of the servers, in the configured order.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = tuple(addresses)
        self._lock = Lock()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses in the order in which the servers are tried."""
        return self._addresses

    def move_to_front(self, address: str) -> None:
        """Put a server that responded first."""
        if self._addresses[0] != address:
            with self._lock:
                self._addresses = (address, *self._others(address))

    def move_to_end(self, address: str) -> None:
        """Put a server that did not respond last."""
        if self._addresses[-1] != address:
            with self._lock:
                self._addresses = (*self._others(address), address)

    def _others(self, address: str) -> tuple[str, ...]:
        return tuple(other for other in self._addresses if other != address)
