"""Answers with an end: in time, though a server may send byte by byte, and in size, though it may never stop."""

from __future__ import annotations

import http.client
import io
import socket

from calicoctl.annotations import Any
from calicoctl.store.etcd.bounds import AnswerBounds


class OddAnswer(http.client.HTTPException):
    """An answer that etcd would not give."""


class BoundedAnswer(http.client.HTTPResponse):
    """An HTTP answer, its head and its body, read only within its bounds; beyond them is an error.

    etcd compresses nothing, so that its bytes are counted as they come. An answer that is compressed is not etcd's.

    Args:
        bounds: What it may take.
        sock: The connection; its own timeout holds for each piece as before.
        options: What http.client gives to its answers.

    Raises:
        TimeoutError: While it is read: the time is up.
        OddAnswer: While it is read: it is longer, or compressed.
    """

    def __init__(self, bounds: AnswerBounds, sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self._most = bounds.most
        self.fp: io.BufferedReader = _BoundedReader(_TimedReader(self.fp.detach(), sock, bounds), bounds.most)

    def begin(self) -> None:
        """Read the head; http.client calls it."""
        super().begin()
        if self.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise OddAnswer("it is compressed")
        length = self.headers.get("Content-Length", "").strip()
        # As text: Python does not read a number of thousands of digits.
        if length.isdecimal() and (len(length) > len(str(self._most)) or int(length) > self._most):
            raise too_long(self._most)


def too_long(most: int) -> OddAnswer:
    """The error that says so."""
    return OddAnswer(f"it has more than {most} bytes")


class _BoundedReader(io.BufferedReader):
    """What a connection sends; no more is asked for at once than there may be, since room is made for all of it."""

    def __init__(self, raw: io.RawIOBase, most: int) -> None:
        super().__init__(raw)
        self._most = most

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > self._most:
            raise too_long(self._most)
        return super().read(size)


class _TimedReader(io.RawIOBase):
    """What a connection sends, as long as there is time, and no more than there may be."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, bounds: AnswerBounds) -> None:
        self._raw = raw
        self._socket = sock
        self._deadline = bounds.deadline
        self._most = bounds.most
        self._left = bounds.most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline.remaining()
        if left == 0:
            raise TimeoutError("the time is up")
        wait = self._socket.gettimeout()
        if wait is None or wait > left:
            self._socket.settimeout(left)
        count = self._raw.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise too_long(self._most)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
