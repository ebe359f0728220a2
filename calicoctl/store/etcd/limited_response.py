"""HTTP responses with a time limit, even if a server sends single bytes, and a size limit, even if it never stops."""

from __future__ import annotations

import http.client
import io
import socket

from calicoctl.annotations import Any
from calicoctl.store.etcd.request_limits import ResponseLimits


class UnexpectedResponse(http.client.HTTPException):
    """A response that etcd would not give."""


class LimitedResponse(http.client.HTTPResponse):
    """An HTTP response whose head and body are read within limits; exceeding them is an error.

    etcd does not compress responses, so the received bytes are counted. A compressed response is not etcd's.

    Args:
        limits: The limits.
        sock: The connection; its own timeout still applies to each chunk.
        options: The other arguments of `http.client.HTTPResponse`.

    Raises:
        TimeoutError: While reading: the deadline has passed.
        UnexpectedResponse: While reading: the response is too long, or compressed.
    """

    def __init__(self, limits: ResponseLimits, sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self._max_bytes = limits.max_bytes
        self.fp: io.BufferedReader = _LimitedReader(_TimedReader(self.fp.detach(), sock, limits), limits.max_bytes)

    def begin(self) -> None:
        """Read the head; http.client calls it."""
        super().begin()
        if self.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise UnexpectedResponse("it is compressed")
        length = self.headers.get("Content-Length", "").strip()
        # The number of digits is compared first, since `int` rejects numbers of thousands of digits.
        if length.isdecimal() and (len(length) > len(str(self._max_bytes)) or int(length) > self._max_bytes):
            raise _too_long(self._max_bytes)


def _too_long(max_bytes: int) -> UnexpectedResponse:
    return UnexpectedResponse(f"it has more than {max_bytes} bytes")


class _LimitedReader(io.BufferedReader):
    """Received data. A single read may not exceed the size limit, since a buffer of that size is allocated."""

    def __init__(self, raw: io.RawIOBase, max_bytes: int) -> None:
        super().__init__(raw)
        self._max_bytes = max_bytes

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > self._max_bytes:
            raise _too_long(self._max_bytes)
        return super().read(size)


class _TimedReader(io.RawIOBase):
    """Received data, up to the deadline and the size limit."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, limits: ResponseLimits) -> None:
        self._raw = raw
        self._socket = sock
        self._deadline = limits.deadline
        self._max_bytes = limits.max_bytes
        self._remaining_bytes = limits.max_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining_seconds = self._deadline.remaining()
        if remaining_seconds == 0:
            raise TimeoutError("the timeout has expired")
        timeout = self._socket.gettimeout()
        if timeout is None or timeout > remaining_seconds:
            self._socket.settimeout(remaining_seconds)
        count = self._raw.readinto(buffer)
        self._remaining_bytes -= count or 0
        if self._remaining_bytes < 0:
            raise _too_long(self._max_bytes)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
