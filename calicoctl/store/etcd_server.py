"""One etcd server: one request at a time through python-etcd, and what becomes of it.

What python-etcd does on its own is switched off: it replays writes, loses servers for good and
follows addresses that servers advertise. One client speaks to one server, once for each request. This
is the only module that knows python-etcd and urllib3, which take 90 ms to import: not before they are needed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Kind, diagnose
from calicoctl.store.deadline import Deadline

# etcd itself answers after 7 s when its leader is lost; to wait less would take a slow answer for none.
_READ_SECONDS = 10.0
_CONNECT_SECONDS = 3.0

# Ranges of the v2 API's error codes (etcd's Documentation/v2/errorcode.md).
_COMMAND_ERRORS = range(100, 110)  # refused by the tree of keys: certainly not made
_FORM_ERRORS = range(200, 300)  # refused before anything was tried
_RAFT_ERRORS = range(300, 400)  # no leader, or no agreement in time: made or not, or made later

_ONCE_MORE = 1
_A_FEW_TIMES = 4  # about 3 s
_UNTIL_THE_DEADLINE = sys.maxsize

_NOT_ETCD = "it is not in etcd's form"

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Access:
    """What etcd's servers want to see. Everything is optional.

    Attributes:
        ca_file: PEM certificates of the authorities that a server's certificate is checked against.
        cert_file: The client's own certificate, PEM; goes with `key_file`.
        key_file: Its key, PEM, not encrypted.
        username: For basic authentication; goes with `password`.
        password: Never part of any message.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)


class Refusal(Exception):
    """A server answered cleanly that it does not do what was asked: an error code of the v2 API."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code


class NoAnswer(Exception):
    """A server gave no answer that can be relied on.

    Attributes:
        kind: What to tell the user.
        where: The server's address; empty when several are meant.
        reason: What happened.
        may_be_done: Whether the request may have been carried out all the same, now or a little later.
        further_rounds: How many more times it is worth asking, each time after a longer pause: once for a
            server that is not there or is not etcd, until the deadline where waiting is what helps.
    """

    def __init__(
        self, kind: Kind, where: str, reason: str, *, may_be_done: bool, further_rounds: int = _ONCE_MORE
    ) -> None:
        super().__init__(f"`{where}`: {reason}" if where else reason)
        self.kind = kind
        self.where = where
        self.reason = reason
        self.may_be_done = may_be_done
        self.further_rounds = further_rounds

    @property
    def diagnostic(self) -> Diagnostic:
        """What to tell the user."""
        return diagnose(self.kind, None, _HINTS.get(self.kind), where=self.where, reason=self)


_HINTS = {
    messages.ETCD_V2_OFF: "start etcd (3.5 or older) with `--enable-v2=true`",
    messages.ETCD_DENIED: "set ETCD_USERNAME and ETCD_PASSWORD to a user who may read and write below /calico",
    messages.ETCD_NO_ANSWER: "check the address, and that etcd runs there",
    messages.ETCD_ODD_ANSWER: "check that an etcd server runs at this address",
}


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
        self._client: Any = None

    def ask(self, request: Callable[[Any], _Result]) -> _Result:
        """Send one request.

        Args:
            request: Calls one method of the python-etcd client it is given and takes from the answer
                what it needs; a ValueError or TypeError of it says that the answer is not etcd's.

        Raises:
            NoAnswer: No answer, or none that can be relied on.
            Refusal: A clean refusal.
        """
        import etcd

        client = self._ready_client()
        try:
            return request(client)
        except etcd.EtcdConnectionFailed as error:
            raise _connection_problem(self.address, error.cause) from error
        except etcd.EtcdException as error:
            raise _error_answer(self.address, error.payload) from error
        except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
            # What python-etcd, too, stumbles over when an answer is JSON but not etcd's.
            raise odd_answer(self.address, _NOT_ETCD) from error

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.http.clear()
            self._client = None

    def _ready_client(self) -> Any:
        """The client, set to wait no longer than the deadline."""
        import urllib3

        remaining = self._deadline.remaining()
        if remaining == 0:
            raise NoAnswer(messages.ETCD_NO_ANSWER, self.address, "the time is up", may_be_done=False)
        if self._client is None:
            self._client = _new_client(self.address, self._access)
        # Set here since the constructor takes only a number, and would use it for connecting too.
        self._client._read_timeout = urllib3.Timeout(
            connect=min(_CONNECT_SECONDS, remaining), read=min(_READ_SECONDS, remaining)
        )
        return self._client


def _new_client(endpoint: str, access: Access) -> Any:
    import etcd
    import urllib3

    url = urlsplit(endpoint)
    host = url.hostname or ""
    secure = url.scheme == "https"
    client = etcd.Client(
        host=f"[{host}]" if ":" in host else host,
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
    return client


def _as_sent(credential: str) -> str:
    # urllib3 encodes credentials as Latin-1, while etcd compares bytes of UTF-8.
    return credential.encode("utf-8", "surrogateescape").decode("latin-1")


# --- what a failure means ----------------------------------------------------------------------


def _connection_problem(endpoint: str, cause: Any) -> NoAnswer:
    """What became of a request that brought no answer at all.

    Args:
        endpoint: The server's address.
        cause: urllib3's error, or that of the socket or http.client.
    """
    from urllib3 import exceptions

    reason = getattr(cause, "reason", None) or cause
    if isinstance(reason, exceptions.SSLError):
        return _tls_problem(endpoint, reason.args[0] if reason.args else reason)
    never_sent = (exceptions.NewConnectionError, exceptions.ConnectTimeoutError)
    if isinstance(reason, never_sent):
        text = _connect_reason(reason)
        return NoAnswer(messages.ETCD_NO_ANSWER, endpoint, text, may_be_done=False)
    if isinstance(reason, exceptions.TimeoutError):
        text, further_rounds = "no answer in time", _UNTIL_THE_DEADLINE
    else:  # also what a server does that expects TLS, so no endless waiting
        text, further_rounds = "the connection was cut", _A_FEW_TIMES
    return NoAnswer(messages.ETCD_NO_ANSWER, endpoint, text, may_be_done=True, further_rounds=further_rounds)


def _connect_reason(error: Exception) -> str:
    from urllib3 import exceptions

    if isinstance(error, exceptions.NameResolutionError):
        return "no such host"
    if isinstance(error, exceptions.NewConnectionError):  # to urllib3 it is a ConnectTimeoutError, too
        cause = error.__cause__
        return ((cause.strerror if isinstance(cause, OSError) else None) or "no connection").lower()
    return "no connection in time"


def _tls_problem(endpoint: str, error: Exception) -> NoAnswer:
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"its certificate is not accepted: {error.verify_message}"
        return NoAnswer(messages.ETCD_NO_ANSWER, endpoint, text, may_be_done=False)
    # A server that refuses the client's certificate says so only after the request was sent.
    text = f"TLS failed: {getattr(error, 'reason', None) or error}"
    return NoAnswer(messages.ETCD_NO_ANSWER, endpoint, text, may_be_done=True)


def _error_answer(endpoint: str, payload: object) -> NoAnswer | Refusal:
    """What an answer other than 200 and 201 means.

    Args:
        endpoint: The server's address.
        payload: python-etcd's reading of it: the JSON object with its HTTP `status` added, or for what is
            no JSON object `message` and, as `cause`, the text.
    """
    fields = payload if isinstance(payload, dict) else {}
    code, status, text = fields.get("errorCode"), fields.get("status"), str(fields.get("cause") or "")
    if status == 401 or code == 110:
        return NoAnswer(messages.ETCD_DENIED, endpoint, "not permitted", may_be_done=False)
    if isinstance(code, int) and (code in _COMMAND_ERRORS or code in _FORM_ERRORS):
        return Refusal(code, str(fields.get("message")))
    if isinstance(code, int) and code in _RAFT_ERRORS:
        return odd_answer(endpoint, text or str(fields.get("message")), _UNTIL_THE_DEADLINE)
    if status is None and text.startswith("404 page not found"):
        return NoAnswer(messages.ETCD_V2_OFF, endpoint, "the v2 API is off", may_be_done=False)
    further_rounds = _UNTIL_THE_DEADLINE if isinstance(status, int) and status >= 500 else _ONCE_MORE
    return odd_answer(endpoint, " ".join(text.split())[:100] or _NOT_ETCD, further_rounds)


def odd_answer(endpoint: str, reason: str, further_rounds: int = _ONCE_MORE) -> NoAnswer:
    """An answer that nothing can be concluded from."""
    return NoAnswer(messages.ETCD_ODD_ANSWER, endpoint, reason, may_be_done=True, further_rounds=further_rounds)


def sum_up(failures: Sequence[NoAnswer]) -> NoAnswer:
    """One failure that tells of all servers; what a server said counts for more than another's silence."""
    said = [failure for failure in failures if failure.kind is not messages.ETCD_NO_ANSWER]
    if said or len(failures) == 1:
        return (said or failures)[0]
    return NoAnswer(messages.ETCD_NO_ANSWER, "", "; ".join(map(str, failures)), may_be_done=False)
