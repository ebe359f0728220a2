"""Requests to the servers of one etcd cluster, with fail-over: the server that responded last is tried first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

from calicoctl.annotations import TypeVar
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.failures import Refusal, RequestFailure, combined_failure
from calicoctl.store.etcd.server import EtcdServer, Request
from calicoctl.store.etcd.server_order import ServerOrder

_Result = TypeVar("_Result")


class Cluster:
    """The servers of one cluster.

    Args:
        servers: The servers, in the order in which they are tried at first.
        deadline: When to stop trying.
        order: The order in which the servers are tried, shared by all connections of the command; None for a new one.
    """

    def __init__(self, servers: Sequence[EtcdServer], deadline: Deadline, order: ServerOrder | None) -> None:
        self._deadline = deadline
        self._by_address: Mapping[str, EtcdServer] = {server.address: server for server in servers}
        self._order = order or ServerOrder(tuple(self._by_address))
        # A server that hangs must leave time for the others and, after a write, for reading whether it was made.
        self._write_share = 1 / (2 * len(servers))
        self._read_share = 1.0 if len(servers) == 1 else self._write_share

    @property
    def servers(self) -> tuple[EtcdServer, ...]:
        """The servers in the order in which they are tried."""
        return tuple(self._by_address[address] for address in self._order.addresses)

    def close(self) -> None:
        """Close the connections."""
        for server in self._by_address.values():
            server.close()

    def read(self, request: Request[_Result], max_bytes: int, *, patient: bool = False) -> _Result:
        """Send a read request to one server after the other, in several rounds.

        The number of rounds depends on the failures; a `patient` read is repeated until the deadline.

        Raises:
            RequestFailure: No server responded.
            Refusal: A server refused the request.
        """
        for attempt in count():
            failures: list[RequestFailure] = []
            for server in self.servers:
                try:
                    return self._ask(server, request, self._read_share, max_bytes)
                except RequestFailure as failure:
                    failures.append(failure)
            if patient or attempt < max(failure.further_rounds for failure in failures):
                self._deadline.pause(back_off(attempt))
                if self._deadline.remaining() > 0:
                    continue
            raise combined_failure(failures)
        raise AssertionError("an endless loop ended")

    def write(self, request: Request[_Result], max_bytes: int) -> _Result:
        """Send one write to the first server that accepts it.

        Raises:
            RequestFailure: No server could be reached, or (`may_be_done`) one gave no reliable response.
            Refusal: The server refused the request.
        """
        failures: list[RequestFailure] = []
        for attempt in range(2):
            for server in self.servers:
                try:
                    return self._ask(server, request, self._write_share, max_bytes)
                except RequestFailure as failure:
                    if failure.may_be_done:
                        raise
                    failures.append(failure)
            if attempt == 0:
                self._deadline.pause(back_off(attempt))
        raise combined_failure(failures[-len(self._by_address) :])

    def ask_first(self, request: Request[_Result], max_bytes: int) -> _Result:
        """Send a request to the first server, once.

        Raises:
            RequestFailure, Refusal: See `EtcdServer.ask`.
        """
        return self.servers[0].ask(request, self._write_share, max_bytes)

    def _ask(self, server: EtcdServer, request: Request[_Result], share: float, max_bytes: int) -> _Result:
        """Send a request to one server. A server that responds, even with a refusal, is tried first the next time.

        One that does not is tried last, even if it responds to reads and fails only writes.
        """
        try:
            result = server.ask(request, share, max_bytes)
        except Refusal:
            self._order.move_to_front(server.address)
            raise
        except RequestFailure:
            self._order.move_to_end(server.address)
            raise
        self._order.move_to_front(server.address)
        return result


def back_off(attempt: int) -> float:
    """Seconds to wait before the next round: 0.1 to 2, longer each time, with random jitter."""
    import random  # imported only when waiting

    return min(2.0, 0.2 * 2.0**attempt) * random.uniform(0.5, 1.0)
