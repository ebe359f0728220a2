"""One etcd server: one request at a time to its JSON gateway, and what becomes of it.

http.client takes 18 ms to import, where the packages for etcd take 45 to 90; none of them has fail-over, login and
nested transactions at once.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from collections.abc import Callable
from functools import partial
from threading import Lock
from types import ModuleType
from urllib.parse import urlsplit

from calicoctl import messages
from calicoctl.annotations import TYPE_CHECKING, Any, TypeVar
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.bounds import AnswerBounds, allotted
from calicoctl.store.etcd.credentials import Access
from calicoctl.store.etcd.failures import (
    NOT_ETCD,
    ONCE_MORE,
    UNTIL_THE_DEADLINE,
    NoAnswer,
    Refusal,
    cut_off,
    denied,
    not_connected,
    odd_answer,
    shown,
    time_is_up,
    tls_problem,
)

if TYPE_CHECKING:
    import http.client

Body = dict[str, Any]
# Sends the body of a request to a path of the gateway, and gives that of the answer.
Post = Callable[[str, Body], Body]

# What an answer may have, as it comes. A listing of a hundred thousand endpoints has 60 MB.
ANSWER_BYTES = 256 << 20

# Codes of gRPC (google/rpc/code.proto).
INVALID_ARGUMENT, DEADLINE_EXCEEDED, PERMISSION_DENIED, RESOURCE_EXHAUSTED = 3, 4, 7, 8
FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED, UNAUTHENTICATED = 9, 11, 12, 16
# Refused before anything was tried; all others say that it may be done, now or later.
_REFUSING = frozenset(
    {INVALID_ARGUMENT, RESOURCE_EXHAUSTED, FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED, UNAUTHENTICATED}
)
# What servers say with the code of a wrong argument, though it is about who asks.
_NO_TOKEN = "user name is empty"
_OLD_TOKENS = ("invalid auth token", "revision of auth store is old")
_MEANT = {"authentication failed": UNAUTHENTICATED, "authentication is not enabled": FAILED_PRECONDITION}

_LOADING = Lock()  # several threads may want it at once

_Result = TypeVar("_Result")


def _http_client(*, is_secure: bool) -> ModuleType:
    """The module http.client.

    It imports ssl, which takes 5 ms, a tenth of what a command adds to Python's start. Where no server is spoken to
    through TLS, it is imported as on a Python without ssl.
    """
    with _LOADING:
        hides_tls = not is_secure and "ssl" not in sys.modules and "http.client" not in sys.modules
        if hides_tls:
            # So that an import of it fails; the library reference says so, and the types do not.
            sys.modules["ssl"] = None  # type: ignore[assignment]
        try:
            import http.client
        finally:
            if hides_tls:
                del sys.modules["ssl"]
        if is_secure and not hasattr(http.client, "HTTPSConnection"):
            importlib.reload(http.client)
    return http.client


class _OldToken(Exception):
    """The server does not know the token of the last login any more; the request was not carried out."""


class GatewayServer:
    """One server of a cluster.

    Args:
        address: `http(s)://HOST:PORT`.
        access: Certificates and credentials.
        deadline: No request waits longer.
    """

    def __init__(self, address: str, access: Access, deadline: Deadline) -> None:
        self.address = address
        self._access = access
        self._deadline = deadline
        self._bounds = AnswerBounds(deadline, ANSWER_BYTES)
        self._connection: http.client.HTTPConnection | None = None
        self._token: str | None = None

    def ask(self, request: Callable[[Post], _Result], share: float = 1.0, most: int = ANSWER_BYTES) -> _Result:
        """Send one request.

        Args:
            request: Sends one body and takes from the answer what it needs; a ValueError, TypeError or LookupError
                of it says that the answer is not etcd's.
            share: How much of the time that is left may be spent on waiting for the answer's next piece; of less
                than all of it, the whole answer may take half.
            most: The bytes that the answer may have.

        Raises:
            NoAnswer: No answer, or none that can be relied on.
            Refusal: A clean refusal.
        """
        self._bounds.most = most
        post = partial(self._post_as_user, share)
        try:
            return request(post)
        except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
            raise odd_answer(self.address, NOT_ETCD) from error

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post_as_user(self, share: float, path: str, body: Body) -> Body:
        """Send a body with a token, where there is a user; with a new one, where the server has forgotten the old."""
        if self._access.username is None:
            return self._post(share, path, body)
        if self._token is None:
            self._log_in(share)
        try:
            return self._post(share, path, body)
        except _OldToken:
            self._log_in(share)
            try:
                return self._post(share, path, body)
            except _OldToken:
                raise denied(self.address, self._access) from None

    def _log_in(self, share: float) -> None:
        self._token = ""
        credentials = {"name": self._access.username, "password": self._access.password}
        try:
            token = self._post(share, "/v3/auth/authenticate", credentials)["token"]
        except Refusal as refusal:
            if refusal.code != FAILED_PRECONDITION:
                raise denied(self.address, self._access) from refusal
            return  # there is no authentication, so that nobody asks for a token
        if not isinstance(token, str) or not token.isprintable():
            raise ValueError("the token is not a string")
        self._token = token

    def _post(self, share: float, path: str, body: Body) -> Body:
        connection = self._ready_connection(share)
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = self._token
        status, content = self._exchange(connection, path, json.dumps(body).encode("ascii"), headers)
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if status == 200 and isinstance(answer, dict):
            return answer
        # Whoever answered so may be about to hang up, which a later request would be in doubt about.
        self.close()
        raise self._error(status, answer if isinstance(answer, dict) else {}, content)

    def _ready_connection(self, share: float) -> http.client.HTTPConnection:
        """The connection, open and set to wait no longer than its share of the time until the deadline."""
        allotment = allotted(self._deadline, share)
        if allotment is None:
            raise time_is_up(self.address)
        self._bounds.deadline = allotment.whole
        if self._connection is None or self._connection.sock is None:
            self._connection = self._connected(allotment.connect)
        self._connection.sock.settimeout(allotment.read)
        return self._connection

    def _connected(self, seconds: float) -> http.client.HTTPConnection:
        url = urlsplit(self.address)
        host = url.hostname or ""
        is_secure = url.scheme == "https"
        client = _http_client(is_secure=is_secure)
        # Imported here: a datastore that is opened may never be asked.
        from calicoctl.store.etcd.bounded_answer import BoundedAnswer

        connection: http.client.HTTPConnection = (
            client.HTTPSConnection(host, url.port, timeout=seconds, context=self._tls())
            if is_secure
            else client.HTTPConnection(host, url.port, timeout=seconds)
        )
        # http.client takes the class of its answers from here, and has no other way to bound them.
        connection.response_class = partial(BoundedAnswer, self._bounds)  # type: ignore[assignment]
        try:
            connection.connect()
        except OSError as error:
            raise self._not_connected(error) from error
        return connection

    def _tls(self) -> Any:
        import ssl

        context = ssl.create_default_context(cafile=self._access.ca_file)
        if self._access.cert_file:
            context.load_cert_chain(self._access.cert_file, self._access.key_file)
        return context

    def _exchange(
        self, connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        """Send a request and read its whole answer.

        Raises:
            NoAnswer: There is none.
        """
        import http.client

        try:
            connection.request("POST", path, body, headers)
            with connection.getresponse() as answer:
                return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._cut_off(error) from error

    # --- what a failure means ------------------------------------------------------------------

    def _not_connected(self, error: OSError) -> NoAnswer:
        """What hindered a connection; nothing was sent."""
        import socket
        import ssl

        if isinstance(error, ssl.SSLError):
            return tls_problem(self.address, error, self._access)
        if isinstance(error, socket.gaierror):
            reason = "no such host"
        elif isinstance(error, TimeoutError):
            reason = "no connection in time"
        else:
            reason = (error.strerror or "no connection").lower()
        return not_connected(self.address, reason)

    def _cut_off(self, error: Exception) -> NoAnswer:
        """What became of a request that was sent, at least in part, and has no whole answer."""
        import ssl

        from calicoctl.store.etcd.bounded_answer import OddAnswer

        if isinstance(error, OddAnswer):
            return odd_answer(self.address, str(error))
        if isinstance(error, ssl.SSLError):
            return tls_problem(self.address, error, self._access)
        return cut_off(self.address, is_outstanding=isinstance(error, TimeoutError))

    def _error(self, status: int, answer: Body, content: bytes) -> Exception:
        """What an answer other than 200 means."""
        code, said = answer.get("code"), answer.get("message") or answer.get("error")
        if not isinstance(code, int) or not isinstance(said, str):
            return self._no_gateway(status, content)
        text = shown(said, self._access)
        if any(each in said for each in _OLD_TOKENS) and self._token:
            return _OldToken()
        if code in (PERMISSION_DENIED, UNAUTHENTICATED) or _NO_TOKEN in said:
            return denied(self.address, self._access)
        # Some have the code of a wrong argument.
        meant = next((own for words, own in _MEANT.items() if words in said), code)
        return Refusal(meant, text) if meant in _REFUSING else odd_answer(self.address, text, UNTIL_THE_DEADLINE)

    def _no_gateway(self, status: int, content: bytes) -> NoAnswer:
        """An answer that is none of the gateway's."""
        if status == 404:
            return NoAnswer(messages.ETCD_V3_OFF, self.address, "no JSON gateway of the v3 API", may_be_done=False)
        text = ""
        with contextlib.suppress(UnicodeDecodeError):
            text = shown(content[:1000].decode(), self._access)
        further_rounds = UNTIL_THE_DEADLINE if status >= 500 else ONCE_MORE
        return odd_answer(self.address, text if status >= 500 and text else NOT_ETCD, further_rounds)
