"""The servers of one etcd cluster: asked in turn, in an order that remembers who answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count

from calicoctl.annotations import Any, Protocol, TypeVar
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.failures import NoAnswer, Refusal, sum_up
from calicoctl.store.etcd.server_order import ServerOrder

_Result = TypeVar("_Result")
# What a request is made with: the client of one server.
Request = Callable[[Any], _Result]


class Server(Protocol):
    """One server of a cluster.

    Attributes:
        address: Where it is, as `http(s)://HOST:PORT`.
    """

    address: str

    def ask(self, request: Request[_Result], share: float, most: int) -> _Result:
        """Send one request.

        Args:
            request: Makes it with the server's client.
            share: How much of the time that is left may be spent on it.
            most: The bytes that the answer may have.

        Raises:
            NoAnswer: No answer, or none that can be relied on.
            Refusal: A clean refusal.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class Cluster:
    """The servers, and how they are asked.

    Args:
        servers: Each of them.
        deadline: When to stop trying.
        order: What is known of the servers' answers; shared by all that one command opens.
    """

    def __init__(self, servers: Sequence[Server], deadline: Deadline, order: ServerOrder | None) -> None:
        self._deadline = deadline
        self._by_address: Mapping[str, Server] = {server.address: server for server in servers}
        self._order = order or ServerOrder(tuple(self._by_address))
        # One that stands still must leave time to ask the others, and after a write to read what has become of it.
        self._write_share = 1 / (2 * len(servers))
        self._read_share = 1.0 if len(servers) == 1 else self._write_share

    @property
    def servers(self) -> tuple[Server, ...]:
        """All of them, the one to be asked first in front."""
        return tuple(self._by_address[address] for address in self._order.addresses)

    def close(self) -> None:
        """Close the connections."""
        for server in self._by_address.values():
            server.close()

    def read(self, request: Request[_Result], most: int, *, patient: bool = False) -> _Result:
        """Ask the servers in turn, again and again, for something that changes nothing.

        How many rounds depends on how they fail; for the `patient`, until the deadline.

        Raises:
            NoAnswer: None of them answered.
            Refusal: One refused.
        """
        for attempt in count():
            failures: list[NoAnswer] = []
            for server in self.servers:
                try:
                    return self._ask(server, request, self._read_share, most)
                except NoAnswer as failure:
                    failures.append(failure)
            if patient or attempt < max(failure.further_rounds for failure in failures):
                self._deadline.pause(back_off(attempt))
                if self._deadline.remaining() > 0:
                    continue
            raise sum_up(failures)
        raise AssertionError("an endless loop ended")

    def write(self, request: Request[_Result], most: int) -> _Result:
        """Send one write to the first server that takes it.

        Raises:
            NoAnswer: No server could be reached, or (`may_be_done`) one did not answer cleanly.
            Refusal: The server refused.
        """
        failures: list[NoAnswer] = []
        for attempt in range(2):
            for server in self.servers:
                try:
                    return self._ask(server, request, self._write_share, most)
                except NoAnswer as failure:
                    if failure.may_be_done:
                        raise
                    failures.append(failure)
            if attempt == 0:
                self._deadline.pause(back_off(attempt))
        raise sum_up(failures[-len(self._by_address) :])

    def ask_first(self, request: Request[_Result], most: int) -> _Result:
        """Ask the first server, once.

        Raises:
            NoAnswer, Refusal: See `Server.ask`.
        """
        return self.servers[0].ask(request, self._write_share, most)

    def _ask(self, server: Server, request: Request[_Result], share: float, most: int) -> _Result:
        """Ask one server; the one that answered, if only to refuse, is the first to be asked the next time.

        One that did not is the last, also where it answers reads and goes on failing writes.
        """
        try:
            result = server.ask(request, share, most)
        except Refusal:
            self._order.answered(server.address)
            raise
        except NoAnswer:
            self._order.silent(server.address)
            raise
        self._order.answered(server.address)
        return result


def back_off(attempt: int) -> float:
    """Seconds to wait before the next round: 0.1 to 2, longer each time, never the same for two clients."""
    import random  # paid for by those who wait

    return min(2.0, 0.2 * 2.0**attempt) * random.uniform(0.5, 1.0)
