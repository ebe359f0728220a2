"""One etcd server: one request at a time through python-etcd, and what becomes of it.

What python-etcd does on its own is switched off: it replays writes, loses servers for good and
follows addresses that servers advertise. One client speaks to one server, once for each request. This
is the only module that knows python-etcd and urllib3, which take 90 ms to import: not before they are needed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, partial
from threading import Lock
from types import ModuleType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from calicoctl import messages
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
from calicoctl.store.etcd.v2.form_encoding import form_text

# What an answer may have, as it comes. One about a value holds it twice at most, and JSON's escapes are up to six
# times as long as the characters; etcd takes 10 MiB, of a form that is longer than the value. A listing of a hundred
# thousand endpoints has 40 MB. Reading and parsing takes some four times as much memory.
VALUE_BYTES = 64 << 20
LISTING_BYTES = 128 << 20

_LOADING = Lock()  # several threads may want the client at once

# Ranges of the v2 API's error codes (etcd's Documentation/v2/errorcode.md).
_COMMAND_ERRORS = range(100, 110)  # refused by the tree of keys: certainly not made
_FORM_ERRORS = range(200, 300)  # refused before anything was tried
_RAFT_ERRORS = range(300, 400)  # no leader, or no agreement in time: made or not, or made later


_Result = TypeVar("_Result")


class EtcdServer:
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
        self._bounds = AnswerBounds(deadline, VALUE_BYTES)
        self._client: Any = None

    def ask(self, request: Callable[[Any], _Result], share: float = 1.0, most: int = VALUE_BYTES) -> _Result:
        """Send one request.

        Args:
            request: Calls one method of the python-etcd client it is given and takes from the answer
                what it needs; a ValueError or TypeError of it says that the answer is not etcd's.
            share: How much of the time that is left may be spent on waiting for the answer's next piece; of less
                than all of it, the whole answer may take half.
            most: The bytes that the answer may have.

        Raises:
            NoAnswer: No answer, or none that can be relied on.
            Refusal: A clean refusal.
        """
        etcd = load_client()
        client = self._ready_client(share)
        self._bounds.most = most
        try:
            return request(client)
        except etcd.EtcdConnectionFailed as error:
            raise _connection_problem(self.address, error.cause, self._access) from error
        except etcd.EtcdException as error:
            raise _error_answer(self.address, error.payload, self._access) from error
        except (TypeError, ValueError, LookupError, AttributeError, RecursionError, ArithmeticError) as error:
            # What python-etcd, too, stumbles over when an answer is JSON but not etcd's.
            raise odd_answer(self.address, NOT_ETCD) from error

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.http.clear()
            self._client = None

    def _ready_client(self, share: float) -> Any:
        """The client, set to wait no longer than its share of the time until the deadline."""
        import urllib3

        allotment = allotted(self._deadline, share)
        if allotment is None:
            raise time_is_up(self.address)
        if self._client is None:
            self._client = _new_client(self.address, self._access, self._bounds)
        self._bounds.deadline = allotment.whole
        # Set here since the constructor takes only a number, and would use it for connecting too.
        self._client._read_timeout = urllib3.Timeout(connect=allotment.connect, read=allotment.read)
        return self._client


@cache
def load_client() -> Any:
    """Import etcd's client.

    python-etcd imports dnspython for the discovery of servers in the DNS, which nothing here asks for, and which takes
    nearly half of the 80 ms that this would take: an empty module stands in for it meanwhile.
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


def _new_client(endpoint: str, access: Access, bounds: AnswerBounds) -> Any:
    import urllib3

    etcd = load_client()
    url = urlsplit(endpoint)
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or ""
    secure = url.scheme == "https"
    client = etcd.Client(
        host=host,
        port=url.port,
        protocol=url.scheme,
        allow_reconnect=False,
        allow_redirect=False,  # a redirected write would carry the credentials to whoever is named there
        ca_cert=access.ca_file if secure else None,
        cert=(access.cert_file, access.key_file) if secure and access.cert_file else None,
        username=access.username and _as_sent(access.username),
        password=access.password and _as_sent(access.password),
    )
    # urllib3 would send a request up to four times, so that one's own write looks like another's.
    client.http.connection_pool_kw["retries"] = urllib3.Retry(0)
    pools = client.http.pool_classes_by_scheme
    client.http.pool_classes_by_scheme = {scheme: partial(_bounded_pool, pools[scheme], bounds) for scheme in pools}
    client.http.request_encode_body = partial(
        _send_form, client, partial(client.http.connection_from_host, host, url.port, url.scheme)
    )
    return client


def _send_form(client: Any, connections: Callable[[], Any], method: str, url: str, **options: Any) -> Any:
    """What python-etcd's writes are sent with, in the stead of urllib3's own: it takes a fifth of their time off.

    The form is put together faster, and the server's address is not read anew each time.

    Args:
        client: Whose writes these are.
        connections: Gives the connections to its server.
        method: As python-etcd has it, like the others.
        url: The key's whole address.
        options: The form's `fields`, the `headers`, and what urllib3 is told besides.
    """
    del options["encode_multipart"]  # there are no files
    path = url[len(client.base_uri) :]
    headers = {**options.pop("headers"), "Content-Type": "application/x-www-form-urlencoded"}
    return connections().urlopen(method, path, body=form_text(options.pop("fields")), headers=headers, **options)


def _bounded_pool(pool_class: Any, bounds: AnswerBounds, *arguments: Any, **options: Any) -> Any:
    """A pool of urllib3's, whose connections read no longer than there is time, and no more than was asked for."""
    pool = pool_class(*arguments, **options)
    pool.ConnectionCls = partial(_bounded_connection, pool.ConnectionCls, bounds)
    return pool


def _bounded_connection(connection_class: Any, bounds: AnswerBounds, **options: Any) -> Any:
    from calicoctl.store.etcd.bounded_answer import BoundedAnswer

    connection = connection_class(**options)
    connection.response_class = partial(BoundedAnswer, bounds)
    return connection


def _as_sent(credential: str) -> str:
    # urllib3 encodes credentials as Latin-1, while etcd compares bytes of UTF-8.
    return credential.encode("utf-8", "surrogateescape").decode("latin-1")


# --- what a failure means ----------------------------------------------------------------------


def _connection_problem(endpoint: str, cause: Any, access: Access) -> NoAnswer:
    """What became of a request that brought no answer at all.

    Args:
        endpoint: The server's address.
        cause: urllib3's error, or that of the socket or http.client.
        access: What it was shown.
    """
    from urllib3 import exceptions

    from calicoctl.store.etcd.bounded_answer import OddAnswer

    reason = getattr(cause, "reason", None) or cause
    odd = next((each for each in (reason, *reason.args) if isinstance(each, OddAnswer)), None)
    if odd is not None:
        return odd_answer(endpoint, str(odd))
    if isinstance(reason, exceptions.SSLError):
        return tls_problem(endpoint, reason.args[0] if reason.args else reason, access)
    never_sent = (exceptions.NewConnectionError, exceptions.ConnectTimeoutError)
    if isinstance(reason, never_sent):
        return not_connected(endpoint, _connect_reason(reason))
    return cut_off(endpoint, is_outstanding=isinstance(reason, exceptions.TimeoutError))


def _connect_reason(error: Exception) -> str:
    from urllib3 import exceptions

    if isinstance(error, exceptions.NameResolutionError):
        return "no such host"
    if isinstance(error, exceptions.NewConnectionError):  # to urllib3 it is a ConnectTimeoutError, too
        cause = error.__cause__
        return ((cause.strerror if isinstance(cause, OSError) else None) or "no connection").lower()
    return "no connection in time"


def _error_answer(endpoint: str, payload: object, access: Access) -> NoAnswer | Refusal:
    """What an answer other than 200 and 201 means.

    Args:
        endpoint: The server's address.
        payload: python-etcd's reading of it: the JSON object with its HTTP `status` added, or for what is
            no JSON object `message` and, as `cause`, the text.
        access: What it was shown.
    """
    fields = payload if isinstance(payload, dict) else {}
    code, status = fields.get("errorCode"), fields.get("status")
    text, said = (shown(fields.get(name), access) for name in ("cause", "message"))
    if status == 401 or code == 110:
        return denied(endpoint, access)
    if isinstance(code, int) and (code in _COMMAND_ERRORS or code in _FORM_ERRORS):
        return Refusal(code, said, text)
    if isinstance(code, int) and code in _RAFT_ERRORS:
        return odd_answer(endpoint, text or said, UNTIL_THE_DEADLINE)
    if status is None and text.startswith("404 page not found"):
        return NoAnswer(messages.ETCD_V2_OFF, endpoint, "the v2 API is off", may_be_done=False)
    further_rounds = UNTIL_THE_DEADLINE if isinstance(status, int) and status >= 500 else ONCE_MORE
    return odd_answer(endpoint, text or NOT_ETCD, further_rounds)
