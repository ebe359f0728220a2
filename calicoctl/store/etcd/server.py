"""The part of an etcd server that both APIs share: its address, and the limits of a request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from urllib.parse import urlsplit

from calicoctl.annotations import Any, TypeVar
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.credentials import Access
from calicoctl.store.etcd.failures import INVALID_RESPONSE, deadline_passed, unexpected_response
from calicoctl.store.etcd.request_limits import RequestTimeouts, ResponseLimits, request_timeouts

_Result = TypeVar("_Result")
# A function that sends a request with the client of one server and reads the response.
Request = Callable[[Any], _Result]


class EtcdServer(ABC):
    """One server of a cluster; each API derives its own class.

    Args:
        address: `http(s)://HOST:PORT`.
        access: Certificates and credentials.
        deadline: No request waits longer.
    """

    def __init__(self, address: str, access: Access, deadline: Deadline) -> None:
        url = urlsplit(address)
        self.address = address
        self._host = url.hostname or ""
        self._port = url.port
        self._is_secure = url.scheme == "https"
        self._access = access
        self._deadline = deadline
        self._limits = ResponseLimits(deadline, 0)

    def ask(self, request: Request[_Result], share: float, max_bytes: int) -> _Result:
        """Send one request.

        Args:
            request: Sends it with the client of the API and returns what it needs from the response; a ValueError,
                TypeError or LookupError of it means that the response is not etcd's.
            share: The share of the remaining time that may be spent waiting for the next chunk of the response. If it
                is less than 1, the whole response may take half of the remaining time.
            max_bytes: The maximum size of the response.

        Raises:
            RequestFailure: There was no response, or none that is reliable.
            Refusal: The server refused the request.
        """
        self._limits.max_bytes = max_bytes
        client = self._client(share)
        try:
            return self._send(request, client)
        except (TypeError, ValueError, LookupError, AttributeError, RecursionError, ArithmeticError) as error:
            # A response that is JSON but not etcd's also raises these in python-etcd.
            raise unexpected_response(self.address, INVALID_RESPONSE) from error

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    @abstractmethod
    def _client(self, share: float) -> Any:
        """The client that a request is sent with, limited to a share of the remaining time."""

    def _send(self, request: Request[_Result], client: Any) -> _Result:
        """Send a request; an API overrides this if its client has exceptions of its own."""
        return request(client)

    def _next_timeouts(self, share: float) -> RequestTimeouts:
        """The time limits of the next request.

        Raises:
            RequestFailure: The deadline has passed.
        """
        timeouts = request_timeouts(self._deadline, share)
        if timeouts is None:
            raise deadline_passed(self.address)
        self._limits.deadline = timeouts.whole
        return timeouts
