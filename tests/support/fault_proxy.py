"""A proxy between the program and a real etcd that injects chosen faults."""

from __future__ import annotations

import http.client
import os
import select
import socket
import struct
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


def _do_nothing() -> None:
    """The default of `before` and `after`."""


def reply(status: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    """The bytes of an HTTP answer; `length` is the length in its header, if it differs from that of the body."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


READ, WRITE, LOGIN = "READ", "WRITE", "LOGIN"
CUT = b""
HANG = None
PASS_ON = b"pass on"


@dataclass(frozen=True)
class Fault:
    """How one request is handled.

    Attributes:
        is_delivered: Whether the server receives it.
        answer: What the client receives: bytes and then the end of the connection, no answer
            (`HANG`), or the server's answer (`PASS_ON`).
        before: Called before the server receives it.
        after: Called after that and before the answer.
        is_halved: Whether the server receives only the first half of the request, and then the end of the connection.
        is_reset: Whether the connection ends with a reset (TCP RST), as that of a crashed host does.
        mangle: Changes the server's answer; the connection ends after it.
        pace: Seconds between the bytes of the answer, which come one at a time; 0 for all at once.
    """

    is_delivered: bool
    answer: bytes | None
    before: Callable[[], object] = _do_nothing
    after: Callable[[], object] = _do_nothing
    is_halved: bool = False
    is_reset: bool = False
    mangle: Callable[[bytes], bytes] | None = None
    pace: float = 0.0


def first_half(answer: bytes) -> bytes:
    """An answer whose connection ends in the middle of the body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n" + body[: len(body) // 2]


CUT_BEFORE = Fault(False, CUT)
CUT_AFTER = Fault(True, CUT)
HANG_BEFORE = Fault(False, HANG)
HANG_AFTER = Fault(True, HANG)
RESET_MIDWAY = Fault(False, CUT, is_halved=True, is_reset=True)
RESET_AFTER = Fault(True, CUT, is_reset=True)
TRUNCATED = Fault(True, PASS_ON, mangle=first_half)
_PASSED = Fault(True, PASS_ON)


class _Server(ThreadingHTTPServer):
    # With the default of 5, some of many simultaneous connections are made only after a second.
    request_queue_size = 128
    block_on_close = False  # handlers may hang, and are ended by the proxy itself


def _kind(method: str, path: str, body: bytes) -> str:
    """The kind of a request: its method or, in the v3 API, `READ`, `WRITE` or `LOGIN`."""
    if method != "POST":
        return method
    if path == "/v3/auth/authenticate":
        return LOGIN
    return WRITE if b"request_put" in body or b"request_delete_range" in body else READ


class FaultProxy:
    """The proxy.

    Attributes:
        url: Its address, to be used instead of that of the server.
        requests: The method and path of every complete request so far. A request that its client did not send
            completely is not counted; etcd ignores it as well. In the v3 API, where all requests have one method,
            `READ`, `WRITE` or `LOGIN` replaces it.
        choose: Returns the fault of each request without an injected one, or None for no fault.
    """

    def __init__(self, upstream: str, port: int = 0) -> None:
        self.requests: list[tuple[str, str]] = []
        self.choose: Callable[[str, str], Fault | None] = lambda _method, _path: None
        self._upstream = urlsplit(upstream)
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._always: dict[str, Fault] = {}
        self._closed = threading.Event()
        self._connections: set[socket.socket] = set()
        self._port_holders: list[socket.socket] = []
        self._is_silent = False
        self._on_their_way = 0
        self._delivering = threading.Condition()
        self._port = port
        self._server: _Server | None = None
        self._listen()
        self.url = f"http://127.0.0.1:{self._port}"

    # --- faults --------------------------------------------------------------------------------

    def inject(self, method: str, *faults: Fault) -> None:
        """Inject these faults into the next requests of a method, one for each request."""
        self._faults[method].extend(faults)

    def inject_always(self, fault: Fault, *methods: str) -> None:
        """Inject a fault into every request of these methods from now on."""
        self._always.update(dict.fromkeys(methods, fault))

    def refuse(self) -> None:
        """Refuse new connections from now on, and end the existing ones."""
        self._stop_listening()
        # Connections to a bound socket that does not listen are refused, and no other process gets its port.
        self._reserve_port()
        self._end_connections()

    def black_hole(self) -> None:
        """Do not answer from now on: existing connections hang, and new ones are never established.

        The kernel drops a connection's first packet while the listener's queue is full, as a firewall would.
        """
        self._is_silent = True
        self._stop_listening()
        self._reserve_port().listen(0)
        while _connects(client := socket.socket(), self._port):
            self._port_holders.append(client)
        client.close()

    def accept(self) -> None:
        """Accept connections again."""
        self._release_port()
        if self._server is None:
            self._listen()

    def writes(self) -> int:
        """The number of writes of values so far; the removal of a folder is not counted."""
        return sum(method in ("PUT", "DELETE", WRITE) and "dir=true" not in path for method, path in self.requests)

    def wait_until_delivered(self) -> None:
        """Wait until no request is being delivered to the server, including those of clients that have ended."""
        with self._delivering:
            self._delivering.wait_for(lambda: self._on_their_way == 0)

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._closed.is_set()

    def close(self) -> None:
        """End all connections, and refuse new ones."""
        self._closed.set()
        self._release_port()
        self._stop_listening()
        self._end_connections()

    # --- connections ---------------------------------------------------------------------------

    def _listen(self) -> None:
        self._server = _Server(("127.0.0.1", self._port), self._handler())
        self._port = self._server.server_address[1]
        # The poll interval only bounds how long closing takes.
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def _reserve_port(self) -> socket.socket:
        """Bind a socket to the port, which keeps it until `_release_port`."""
        placeholder = socket.socket()
        placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        placeholder.bind(("127.0.0.1", self._port))
        self._port_holders.append(placeholder)
        return placeholder

    def _release_port(self) -> None:
        """Close the sockets that keep the port; connections that hang end."""
        for placeholder in self._port_holders:
            placeholder.close()
        self._port_holders.clear()
        if self._is_silent:
            self._is_silent = False
            self._end_connections()

    def _end_connections(self) -> None:
        for connection in tuple(self._connections):
            with suppress(OSError):  # already ended
                connection.shutdown(socket.SHUT_RDWR)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if len(body) < length:
                    self.close_connection = True
                    return
                fault, answer = proxy._answer(self.command, self.path, body, dict(self.headers))
                self.close_connection = fault.answer != PASS_ON or fault.mangle is not None or not answer
                if answer is None:
                    proxy._wait_for_end(self.connection)
                proxy._send(self.connection, answer or b"", fault.pace)
                if fault.is_reset:
                    _reset(self.connection)
                elif self.close_connection:
                    self.connection.shutdown(socket.SHUT_RDWR)

            do_GET = do_PUT = do_DELETE = do_POST = serve  # noqa: N815 - the names that http.server looks for

            def handle(self) -> None:
                proxy._connections.add(self.connection)
                try:
                    super().handle()
                except OSError:
                    self.close_connection = True  # the client went away
                finally:
                    proxy._connections.discard(self.connection)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def _send(self, connection: socket.socket, answer: bytes, pace: float) -> None:
        if not pace:
            connection.sendall(answer)
            return
        for place in range(len(answer)):
            connection.sendall(answer[place : place + 1])
            if self._closed.wait(pace):
                return

    def _wait_for_end(self, connection: socket.socket) -> None:
        """Wait until the client gives up, or the proxy is closed."""
        while not self._closed.is_set():
            readable, _, _ = select.select([connection], [], [], 0.1)
            if readable and not connection.recv(1, socket.MSG_PEEK):
                return

    # --- requests ------------------------------------------------------------------------------

    def _answer(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[Fault, bytes | None]:
        """The fault of a request, and the answer to it."""
        kind = _kind(method, path, body)
        self.requests.append((kind, path))
        waiting = self._faults[kind]
        is_write = "dir=true" not in path
        if self._is_silent:
            fault = HANG_BEFORE
        elif waiting and is_write:
            fault = waiting.popleft()
        else:
            fault = self._always.get(kind) or self.choose(kind, path) or _PASSED
        delivered = CUT
        with self._counted():
            fault.before()
            if fault.is_halved:
                self._deliver_half(method, path, body, headers)
            elif fault.is_delivered:
                delivered = self._deliver(method, path, body, headers)
        fault.after()
        if self._is_silent:
            return HANG_BEFORE, HANG
        if fault.answer != PASS_ON:
            return fault, fault.answer
        return fault, delivered if fault.mangle is None else fault.mangle(delivered)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count a request as being delivered."""
        with self._delivering:
            self._on_their_way += 1
        try:
            yield
        finally:
            with self._delivering:
                self._on_their_way -= 1
                self._delivering.notify_all()

    def _deliver(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        """Forward the request, and return the server's answer, which is empty if there is none."""
        connection = self._connect()
        try:
            connection.request(method, path, body, _forwarded_headers(headers))
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            return CUT
        finally:
            connection.close()
        lines = [f"{name}: {value}" for name, value in answer.getheaders() if name.lower().startswith("x-")]
        return reply(f"{answer.status} {answer.reason}", content, *lines)

    def _deliver_half(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> None:
        """Forward the head of a request and half of its body, and end the connection."""
        connection = self._connect()
        forwarded = {**_forwarded_headers(headers), "Content-Length": str(len(body))}
        with suppress(OSError):
            connection.request(method, path, body[: len(body) // 2], forwarded)
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._upstream.hostname or "", self._upstream.port, timeout=30)


def _forwarded_headers(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name in ("Content-Type", "Authorization")}


def _connects(client: socket.socket, port: int) -> bool:
    """Whether a connection is established at once; on loopback, it is never established later."""
    client.settimeout(0.1)
    try:
        client.connect(("127.0.0.1", port))
    except OSError:
        return False
    return True


def _reset(connection: socket.socket) -> None:
    """End a connection by a reset: with a linger time of 0, pending data is not sent either."""
    with suppress(OSError):  # the client has ended it already
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(connection.detach())


@contextmanager
def fault_proxy(upstream: str, port: int = 0) -> Iterator[FaultProxy]:
    """A proxy for `upstream`, on a free port unless one is given."""
    proxy = FaultProxy(upstream, port)
    try:
        yield proxy
    finally:
        if not proxy.is_closed:
            proxy.close()
