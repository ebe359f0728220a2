"""A proxy in front of a real etcd that fails in chosen ways."""

from __future__ import annotations

import http.client
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


def _nothing() -> None:
    """Nothing happens in between."""


def reply(status: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    """The bytes of an HTTP answer; `length` is what it says its body's length is."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


CUT = b""
HANG = None
PASS_ON = b"pass on"


@dataclass(frozen=True)
class Fault:
    """What becomes of one request.

    Attributes:
        is_delivered: Whether the server gets it.
        answer: What the client gets: bytes and then the end of the connection, nothing at all
            (`HANG`), or the server's answer (`PASS_ON`).
        before: What happens before the server gets it.
        after: What happens between that and the answer.
    """

    is_delivered: bool
    answer: bytes | None
    before: Callable[[], object] = _nothing
    after: Callable[[], object] = _nothing


CUT_BEFORE = Fault(False, CUT)
CUT_AFTER = Fault(True, CUT)
HANG_BEFORE = Fault(False, HANG)
HANG_AFTER = Fault(True, HANG)


class _Server(ThreadingHTTPServer):
    # With socketserver's 5, a connection out of many at once is made only after a second.
    request_queue_size = 128


class FaultProxy:
    """The proxy.

    Attributes:
        url: Its address, to be used in place of the server's.
        requests: The method and path of every request so far.
    """

    def __init__(self, upstream: str) -> None:
        self.requests: list[tuple[str, str]] = []
        self._upstream = urlsplit(upstream)
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._always: dict[str, Fault] = {}
        self._closed = threading.Event()
        self._connections: list[socket.socket] = []
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        # The poll interval only bounds how long closing takes.
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def inject(self, method: str, *faults: Fault) -> None:
        """Let the next requests of a method fail, one fault each; those after them pass."""
        self._faults[method].extend(faults)

    def inject_always(self, fault: Fault, *methods: str) -> None:
        """Let every request of these methods fail from now on."""
        self._always.update(dict.fromkeys(methods, fault))

    def writes(self) -> int:
        """How many writes of values were sent so far; a folder's removal is not counted."""
        return sum(method in ("PUT", "DELETE") and "dir=true" not in path for method, path in self.requests)

    def close(self) -> None:
        """End all connections, and refuse new ones."""
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for connection in self._connections:
            with suppress(OSError):  # ended already
                connection.shutdown(socket.SHUT_RDWR)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer, self.close_connection = proxy._answer(self.command, self.path, body, dict(self.headers))
                if answer is None:
                    proxy._closed.wait()
                self.wfile.write(answer or b"")
                if self.close_connection:
                    self.connection.shutdown(socket.SHUT_RDWR)

            do_GET = do_PUT = do_DELETE = serve  # noqa: N815 - the names that http.server looks for

            def handle(self) -> None:
                proxy._connections.append(self.connection)
                try:
                    super().handle()
                except OSError:
                    self.close_connection = True  # the client went away

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def _answer(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[bytes | None, bool]:
        """The answer to a request, and whether the connection ends after it."""
        self.requests.append((method, path))
        waiting = self._faults[method]
        is_write = "dir=true" not in path
        fault = waiting.popleft() if waiting and is_write else self._always.get(method, Fault(True, PASS_ON))
        fault.before()
        delivered = self._deliver(method, path, body, headers) if fault.is_delivered else CUT
        fault.after()
        return (delivered, False) if fault.answer == PASS_ON else (fault.answer, True)

    def _deliver(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        connection = http.client.HTTPConnection(self._upstream.hostname or "", self._upstream.port, timeout=30)
        kept = {name: value for name, value in headers.items() if name in ("Content-Type", "Authorization")}
        connection.request(method, path, body, kept)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        lines = [f"{name}: {value}" for name, value in answer.getheaders() if name.lower().startswith("x-")]
        return reply(f"{answer.status} {answer.reason}", content, *lines)


@contextmanager
def fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    """A proxy in front of `upstream`."""
    proxy = FaultProxy(upstream)
    try:
        yield proxy
    finally:
        if not proxy._closed.is_set():
            proxy.close()
