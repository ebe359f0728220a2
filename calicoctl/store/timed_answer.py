"""Answers with an end: a socket's timeout is for each piece, and a server may send byte by byte."""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Callable
from typing import Any


class TimedAnswer(http.client.HTTPResponse):
    """An HTTP answer, its head and its body, read only as long as there is time; then comes a TimeoutError.

    Args:
        time_left: The seconds that are left for it; asked before each piece.
        sock: The connection; its own timeout holds for each piece as before.
        options: What http.client gives to its answers.
    """

    def __init__(self, time_left: Callable[[], float], sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self.fp: io.BufferedReader = io.BufferedReader(_TimedReader(self.fp.detach(), sock, time_left))


class _TimedReader(io.RawIOBase):
    """What a connection sends, as long as there is time."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, time_left: Callable[[], float]) -> None:
        self._raw = raw
        self._socket = sock
        self._time_left = time_left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._time_left()
        if left == 0:
            raise TimeoutError("the time is up")
        wait = self._socket.gettimeout()
        if wait is None or wait > left:
            self._socket.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
