"""One etcd server, used through its JSON gateway with http.client; one request at a time.

Importing http.client takes 18 ms, importing the packages for etcd 45 to 90 ms. None of those packages has fail-over,
authentication and nested transactions together.
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

from calicoctl.annotations import TYPE_CHECKING, Any
from calicoctl.diagnostics import messages
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.credentials import Access
from calicoctl.store.etcd.failures import (
    UNTIL_THE_DEADLINE,
    Refusal,
    RequestFailure,
    no_complete_response,
    not_connected,
    permission_denied,
    printable_message,
    tls_failure,
    unexpected_response,
    unexpected_status,
)
from calicoctl.store.etcd.server import EtcdServer

if TYPE_CHECKING:
    import http.client

Body = dict[str, Any]
# A function that sends a body to a path of the gateway and returns the body of the response.
Post = Callable[[str, Body], Body]

# The maximum size of a response, as received. A listing of 100,000 endpoints has 60 MB.
RESPONSE_BYTES = 256 << 20

# Codes of gRPC (google/rpc/code.proto).
INVALID_ARGUMENT, DEADLINE_EXCEEDED, PERMISSION_DENIED, RESOURCE_EXHAUSTED = 3, 4, 7, 8
FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED, UNAUTHENTICATED = 9, 11, 12, 16
# Codes of requests that were certainly not carried out. With any other code they may be carried out, now or later.
_REFUSING = frozenset(
    {INVALID_ARGUMENT, RESOURCE_EXHAUSTED, FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED, UNAUTHENTICATED}
)
# Messages about authentication that servers send with the code of an invalid argument.
_NO_TOKEN = "user name is empty"
_OLD_TOKENS = ("invalid auth token", "revision of auth store is old")
_CODE_BY_MESSAGE = {"authentication failed": UNAUTHENTICATED, "authentication is not enabled": FAILED_PRECONDITION}

_LOADING = Lock()  # several threads may import http.client at once


def _http_client(*, is_secure: bool) -> ModuleType:
    """The module http.client.

    It imports ssl, which takes 5 ms, a tenth of the time that a command adds to Python's start. Without TLS,
    http.client is therefore imported as on a Python without ssl.
    """
    with _LOADING:
        hides_tls = not is_secure and "ssl" not in sys.modules and "http.client" not in sys.modules
        if hides_tls:
            # Makes an import of ssl fail (library reference, `sys.modules`); typeshed does not allow None.
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
    """The server no longer accepts the token of the last login; the request was not carried out."""


class GatewayServer(EtcdServer):
    """One server of a cluster, used through its JSON gateway."""

    def __init__(self, address: str, access: Access, deadline: Deadline) -> None:
        super().__init__(address, access, deadline)
        self._connection: http.client.HTTPConnection | None = None
        self._token: str | None = None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _client(self, share: float) -> Post:
        return partial(self._post_as_user, share)

    def _post_as_user(self, share: float, path: str, body: Body) -> Body:
        """Send a body, with a token if a user name is set, and with a new token if the server rejects the old one."""
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
                raise permission_denied(self.address, self._access) from None

    def _log_in(self, share: float) -> None:
        self._token = ""
        credentials = {"name": self._access.username, "password": self._access.password}
        try:
            token = self._post(share, "/v3/auth/authenticate", credentials)["token"]
        except Refusal as refusal:
            if refusal.code != FAILED_PRECONDITION:
                raise permission_denied(self.address, self._access) from refusal
            return  # authentication is disabled, so no token is needed
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
            response = json.loads(content)
        except ValueError:
            response = None
        if status == 200 and isinstance(response, dict):
            return response
        # The server may be about to close the connection, which would make the outcome of the next request unknown.
        self.close()
        raise self._error_response(status, response if isinstance(response, dict) else {}, content)

    def _ready_connection(self, share: float) -> http.client.HTTPConnection:
        """The open connection, whose timeout is a share of the remaining time."""
        timeouts = self._next_timeouts(share)
        if self._connection is None or self._connection.sock is None:
            self._connection = self._connect(timeouts.connect)
        self._connection.sock.settimeout(timeouts.read)
        return self._connection

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        client = _http_client(is_secure=self._is_secure)
        # Imported here, since it imports http.client.
        from calicoctl.store.etcd.limited_response import LimitedResponse

        connection: http.client.HTTPConnection = (
            client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._tls_context())
            if self._is_secure
            else client.HTTPConnection(self._host, self._port, timeout=timeout)
        )
        # http.client creates its responses with this class; there is no other way to limit them.
        connection.response_class = partial(LimitedResponse, self._limits)  # type: ignore[assignment]
        try:
            connection.connect()
        except OSError as error:
            raise self._connection_failure(error, is_connected=False) from error
        return connection

    def _tls_context(self) -> Any:
        import ssl

        context = ssl.create_default_context(cafile=self._access.ca_file)
        if self._access.cert_file:
            context.load_cert_chain(self._access.cert_file, self._access.key_file)
        return context

    def _exchange(
        self, connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        """Send a request and read its status and its whole response.

        Raises:
            RequestFailure: There is no complete response.
        """
        import http.client

        try:
            connection.request("POST", path, body, headers)
            with connection.getresponse() as response:
                return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._connection_failure(error, is_connected=True) from error

    # --- failures ------------------------------------------------------------------------------

    def _connection_failure(self, error: Exception, *, is_connected: bool) -> RequestFailure:
        """The failure of a request without a response."""
        import ssl

        from calicoctl.store.etcd.limited_response import UnexpectedResponse

        if isinstance(error, UnexpectedResponse):
            return unexpected_response(self.address, str(error))
        if isinstance(error, ssl.SSLError):
            return tls_failure(self.address, error, self._access)
        if not is_connected:
            return not_connected(self.address, error)
        return no_complete_response(self.address, is_outstanding=isinstance(error, TimeoutError))

    def _error_response(self, status: int, response: Body, content: bytes) -> Exception:
        """The failure that a response other than 200 means."""
        code, message = response.get("code"), response.get("message") or response.get("error")
        if not isinstance(code, int) or not isinstance(message, str):
            return self._not_from_gateway(status, content)
        if any(text in message for text in _OLD_TOKENS) and self._token:
            return _OldToken()
        if code in (PERMISSION_DENIED, UNAUTHENTICATED) or _NO_TOKEN in message:
            return permission_denied(self.address, self._access)
        code = next((correct for text, correct in _CODE_BY_MESSAGE.items() if text in message), code)
        visible = printable_message(message, self._access)
        if code in _REFUSING:
            return Refusal(code, visible)
        return unexpected_response(self.address, visible, UNTIL_THE_DEADLINE)

    def _not_from_gateway(self, status: int, content: bytes) -> RequestFailure:
        """The failure that a response means which the gateway does not send."""
        if status == 404:
            return RequestFailure(
                messages.ETCD_V3_OFF, self.address, "no JSON gateway of the v3 API", may_be_done=False
            )
        text = ""
        if status >= 500:
            with contextlib.suppress(UnicodeDecodeError):
                text = printable_message(content[:1000].decode(), self._access)
        return unexpected_status(self.address, status, text)
