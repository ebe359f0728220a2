"""One etcd server, used through python-etcd; one request at a time.

python-etcd's own fail-over is disabled: it repeats writes, drops servers permanently and follows addresses that servers
advertise. Each client is used for one server and sends each request once. This is the only module that uses python-etcd
and urllib3. Importing them takes 90 ms, so they are imported on first use.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, partial
from threading import Lock
from types import ModuleType
from typing import Any, TypeVar

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
from calicoctl.store.etcd.request_limits import ResponseLimits
from calicoctl.store.etcd.server import EtcdServer, Request
from calicoctl.store.etcd.v2.form_encoding import form_text

# The maximum size of a response, as received. The response to a write contains at most two values, and JSON's escapes
# are up to six times as long as the characters; etcd accepts a form of 10 MiB, which is longer than its value. A
# listing of 100,000 endpoints has 40 MB. Reading and parsing need about four times as much memory.
VALUE_BYTES = 64 << 20
LISTING_BYTES = 128 << 20

_LOADING = Lock()  # several threads may import the client at once

# Ranges of the v2 API's error codes (etcd's Documentation/v2/errorcode.md).
_COMMAND_ERRORS = range(100, 110)  # refused because of the stored keys: certainly not made
_FORM_ERRORS = range(200, 300)  # refused before it was tried
_RAFT_ERRORS = range(300, 400)  # no leader, or no agreement in time: made, not made, or made later


_Result = TypeVar("_Result")


class EtcdV2Server(EtcdServer):
    """One server of a cluster, used through python-etcd."""

    def __init__(self, address: str, access: Access, deadline: Deadline) -> None:
        super().__init__(address, access, deadline)
        self._open_client: Any = None

    def close(self) -> None:
        """Close the connection."""
        if self._open_client is not None:
            self._open_client.http.clear()
            self._open_client = None

    def _client(self, share: float) -> Any:
        """The client of python-etcd, whose timeout is a share of the remaining time."""
        load_client()  # before the timeouts are computed, since importing takes time
        import urllib3

        timeouts = self._next_timeouts(share)
        if self._open_client is None:
            self._open_client = self._new_client()
        # Set here since the constructor accepts only a number, and would also use it for connecting.
        self._open_client._read_timeout = urllib3.Timeout(connect=timeouts.connect, read=timeouts.read)
        return self._open_client

    def _send(self, request: Request[_Result], client: Any) -> _Result:
        etcd = load_client()
        try:
            return request(client)
        except etcd.EtcdConnectionFailed as error:
            raise _connection_failure(self.address, error.cause, self._access) from error
        except etcd.EtcdException as error:
            raise _error_response(self.address, error.payload, self._access) from error

    def _new_client(self) -> Any:
        import urllib3

        host = f"[{self._host}]" if ":" in self._host else self._host
        scheme = "https" if self._is_secure else "http"
        access = self._access
        client = load_client().Client(
            host=host,
            port=self._port,
            protocol=scheme,
            allow_reconnect=False,
            allow_redirect=False,  # a redirected write would send the credentials to another address
            ca_cert=access.ca_file if self._is_secure else None,
            cert=(access.cert_file, access.key_file) if self._is_secure and access.cert_file else None,
            username=access.username and _as_sent(access.username),
            password=access.password and _as_sent(access.password),
        )
        # urllib3 would send a request up to four times, so that the client's own write looks like another client's.
        client.http.connection_pool_kw["retries"] = urllib3.Retry(0)
        pools = client.http.pool_classes_by_scheme
        client.http.pool_classes_by_scheme = {
            pool_scheme: partial(_limited_pool, pool, self._limits) for pool_scheme, pool in pools.items()
        }
        client.http.request_encode_body = partial(
            _send_form, client, partial(client.http.connection_from_host, host, self._port, scheme)
        )
        return client


@cache
def load_client() -> Any:
    """Import etcd's client.

    python-etcd imports dnspython for server discovery in DNS, which is not used here and takes nearly half of the 80 ms
    of the import. An empty module replaces it during the import.
    """
    with _LOADING:
        hidden = {name: ModuleType(name) for name in ("dns", "dns.resolver") if name not in sys.modules}
        sys.modules.update(hidden)
        try:
            import etcd
        finally:
            for name in hidden:
                del sys.modules[name]
    return etcd


def _send_form(client: Any, connections: Callable[[], Any], method: str, url: str, **options: Any) -> Any:
    """Send a write of python-etcd; a replacement for urllib3's `request_encode_body` that makes writes a fifth faster.

    The form is encoded faster, and the server's address is not parsed for each request.

    Args:
        client: The client of python-etcd.
        connections: Returns the pool of connections to its server.
        method: The HTTP method.
        url: The full URL of the key.
        options: The form's `fields`, the `headers`, and further arguments for urllib3.
    """
    del options["encode_multipart"]  # there are no files
    path = url[len(client.base_uri) :]
    headers = {**options.pop("headers"), "Content-Type": "application/x-www-form-urlencoded"}
    return connections().urlopen(method, path, body=form_text(options.pop("fields")), headers=headers, **options)


def _limited_pool(pool_class: Any, limits: ResponseLimits, *arguments: Any, **options: Any) -> Any:
    """A connection pool of urllib3 whose connections read only within the limits."""
    pool = pool_class(*arguments, **options)
    pool.ConnectionCls = partial(_limited_connection, pool.ConnectionCls, limits)
    return pool


def _limited_connection(connection_class: Any, limits: ResponseLimits, **options: Any) -> Any:
    from calicoctl.store.etcd.limited_response import LimitedResponse

    connection = connection_class(**options)
    connection.response_class = partial(LimitedResponse, limits)
    return connection


def _as_sent(credential: str) -> str:
    # urllib3 encodes credentials as Latin-1, while etcd compares bytes of UTF-8.
    return credential.encode("utf-8", "surrogateescape").decode("latin-1")


# --- failures ----------------------------------------------------------------------------------


def _connection_failure(endpoint: str, cause: Any, access: Access) -> RequestFailure:
    """The failure of a request without a response.

    Args:
        endpoint: The server's address.
        cause: The exception of urllib3, of the socket or of http.client.
        access: The certificates and credentials in use.
    """
    from urllib3 import exceptions

    from calicoctl.store.etcd.limited_response import UnexpectedResponse

    reason = getattr(cause, "reason", None) or cause
    odd = next((error for error in (reason, *reason.args) if isinstance(error, UnexpectedResponse)), None)
    if odd is not None:
        return unexpected_response(endpoint, str(odd))
    if isinstance(reason, exceptions.SSLError):
        return tls_failure(endpoint, reason.args[0] if reason.args else reason, access)
    if isinstance(reason, (exceptions.NewConnectionError, exceptions.ConnectTimeoutError)):
        return not_connected(endpoint, reason.__cause__)
    return no_complete_response(endpoint, is_outstanding=isinstance(reason, exceptions.TimeoutError))


def _error_response(endpoint: str, payload: object, access: Access) -> RequestFailure | Refusal:
    """The failure that a response other than 200 and 201 means.

    Args:
        endpoint: The server's address.
        payload: The response as python-etcd parses it: the JSON object and its HTTP `status`, or, if it is not a JSON
            object, a `message` and the text as `cause`.
        access: The certificates and credentials in use.
    """
    fields = payload if isinstance(payload, dict) else {}
    code, status = fields.get("errorCode"), fields.get("status")
    cause, message = (printable_message(fields.get(name), access) for name in ("cause", "message"))
    if status == 401 or code == 110:
        return permission_denied(endpoint, access)
    if isinstance(code, int) and (code in _COMMAND_ERRORS or code in _FORM_ERRORS):
        return Refusal(code, message, cause)
    if isinstance(code, int) and code in _RAFT_ERRORS:
        return unexpected_response(endpoint, cause or message, UNTIL_THE_DEADLINE)
    if status is None and cause.startswith("404 page not found"):
        return RequestFailure(messages.ETCD_V2_OFF, endpoint, "the v2 API is off", may_be_done=False)
    return unexpected_status(endpoint, status, cause)
