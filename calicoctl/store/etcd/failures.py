"""Failures of requests to etcd servers."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Kind, diagnose
from calicoctl.store.etcd.credentials import Access

# The number of further rounds after a failure.
ONCE_MORE = 1
A_FEW_TIMES = 4  # about 3 s
UNTIL_THE_DEADLINE = sys.maxsize

_MAX_SHOWN_LENGTH = 100  # characters
_MAX_MESSAGE_LENGTH = 10_000
INVALID_RESPONSE = "it is not a valid etcd response"


class Refusal(Exception):
    """A server refused a request with an error code; the request was certainly not carried out.

    Attributes:
        code: The code of the v2 API, or of gRPC.
        text: The server's message.
        cause: The server's details, usually a key; empty in the v3 API.
    """

    def __init__(self, code: int, text: str, cause: str = "") -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.cause = cause


class RequestFailure(Exception):
    """A request got no response, or none that is reliable.

    Attributes:
        kind: The kind of the message for the user.
        where: The server's address; empty for several servers.
        reason: What happened.
        may_be_done: Whether the request may have been carried out nevertheless, now or a little later.
        is_outstanding: Whether a server that hangs may still have the request, and carry it out when it continues.
        further_rounds: How many more times the request should be sent, each time after a longer pause: once if the
            server is not there or is not etcd, until the deadline if waiting helps.
        hint: Advice; None for the usual advice about this kind.
    """

    def __init__(  # noqa: PLR0913 - the message, and keyword arguments for the conclusions from it
        self,
        kind: Kind,
        where: str,
        reason: str,
        *,
        may_be_done: bool,
        is_outstanding: bool = False,
        further_rounds: int = ONCE_MORE,
        hint: str | None = None,
    ) -> None:
        super().__init__(f"`{where}`: {reason}" if where else reason)
        self.kind = kind
        self.where = where
        self.reason = reason
        self.may_be_done = may_be_done
        self.is_outstanding = is_outstanding
        self.further_rounds = further_rounds
        self.hint = hint

    @property
    def diagnostic(self) -> Diagnostic:
        """The message for the user."""
        return diagnose(self.kind, None, self.hint or _HINTS.get(self.kind), where=self.where, reason=self)


_HINTS = {
    messages.ETCD_V2_OFF: "start etcd (3.5 or older) with `--enable-v2=true`",
    messages.ETCD_V3_OFF: "use etcd 3.4 or later, and do not start it with `--enable-grpc-gateway=false`",
    messages.ETCD_DENIED: "set ETCD_USERNAME and ETCD_PASSWORD to a user who may read and write below /calico",
    messages.ETCD_NO_RESPONSE: "check the address, and that etcd runs there",
    messages.ETCD_UNEXPECTED_RESPONSE: "check that an etcd server runs at this address",
}
# etcd's response is the same in all these cases.
_DENIED_HINT = (
    "the user name or the password is wrong, or the user may not read and write below /calico (for runs: /calicoctl)"
)
_CHECK_CLOCKS = "the server needs a valid certificate; if it has one, check this host's clock"
# Advice about a server's certificate, by OpenSSL's error numbers (X509_V_ERR_...).
_CERTIFICATE_HINTS = {
    9: _CHECK_CLOCKS,  # not yet valid
    10: _CHECK_CLOCKS,  # expired
    18: "if you trust this certificate, add it to the file in ETCD_CA_CERT_FILE",  # self-signed
    62: "use a name that is in its certificate",  # another host's name
    64: "use an address that is in its certificate",
}
_OTHER_AUTHORITY = "add the certificate of the authority that signed it to the file in ETCD_CA_CERT_FILE"
# TLS alerts (RFC 8446, 6.2) of a server that rejects the client certificate, or requires one.
_CLIENT_CERTIFICATE_ALERTS = frozenset(
    {
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        "TLSV1_ALERT_ACCESS_DENIED",
        "TLSV1_ALERT_UNKNOWN_CA",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    }
)
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})


def tls_failure(endpoint: str, error: Exception, access: Access) -> RequestFailure:
    """The failure of a request whose connection had a TLS error.

    Args:
        endpoint: The server's address.
        error: The exception of the module `ssl`.
        access: The certificates and credentials in use.
    """
    import ssl  # already imported if the connection uses TLS; 5 ms otherwise

    hint = None
    may_be_done = False
    reason = getattr(error, "reason", None)
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"its certificate is not accepted: {error.verify_message.rstrip('.')}"
        hint = _CERTIFICATE_HINTS.get(error.verify_code, _OTHER_AUTHORITY)
    elif reason in _CLIENT_CERTIFICATE_ALERTS and access.cert_file:
        # The alert arrives only after the request was sent, but the server has not read the request.
        text, hint = "it does not accept the certificate that ETCD_CERT_FILE names", "set one that it accepts"
    elif reason in _CLIENT_CERTIFICATE_ALERTS:
        text, hint = "it requires a client certificate", "set ETCD_CERT_FILE and ETCD_KEY_FILE"
    elif reason in _NO_TLS or isinstance(error, ssl.SSLEOFError):
        text = "it does not support TLS, or closed the connection"
        hint = "check whether its address begins with `http:`"
        may_be_done = reason not in _NO_TLS
    else:
        text, may_be_done = f"TLS failed: {reason or error}", True
    return RequestFailure(messages.ETCD_NO_RESPONSE, endpoint, text, may_be_done=may_be_done, hint=hint)


def printable_message(text: object, access: Access) -> str:
    """A server's message for output: on one line, shortened, and without the password."""
    visible = " ".join(text[:_MAX_MESSAGE_LENGTH].split()) if isinstance(text, str) else ""
    for secret in _secrets(access):
        visible = visible.replace(secret, "...")
    return visible[:_MAX_SHOWN_LENGTH]


def _secrets(access: Access) -> Sequence[str]:
    """The forms in which the password is sent to a server."""
    if not access.password:
        return ()
    from base64 import b64encode

    pair = f"{access.username}:{access.password}".encode("utf-8", "surrogateescape")
    return (b64encode(pair).decode(), access.password)


def unexpected_response(endpoint: str, reason: str, further_rounds: int = ONCE_MORE) -> RequestFailure:
    """The failure of a request whose response shows neither success nor failure."""
    kind = messages.ETCD_UNEXPECTED_RESPONSE
    return RequestFailure(kind, endpoint, reason, may_be_done=True, further_rounds=further_rounds)


def unexpected_status(endpoint: str, status: object, text: str) -> RequestFailure:
    """The failure of a request whose response has no error code of etcd.

    Args:
        endpoint: The server's address.
        status: The HTTP status, if there is one.
        text: The body for output; it may be empty.
    """
    further_rounds = UNTIL_THE_DEADLINE if isinstance(status, int) and status >= 500 else ONCE_MORE
    return unexpected_response(endpoint, text or INVALID_RESPONSE, further_rounds)


def deadline_passed(endpoint: str) -> RequestFailure:
    """The failure of a request that was not sent because the deadline had passed."""
    return _not_sent(endpoint, "the timeout has expired")


def not_connected(endpoint: str, error: BaseException | None) -> RequestFailure:
    """The failure of a request that was not sent because there was no connection.

    Args:
        endpoint: The server's address.
        error: The exception of the socket.
    """
    import socket  # already imported by every client; not by commands that only open a datastore

    if isinstance(error, socket.gaierror):
        return _not_sent(endpoint, "no such host")
    if isinstance(error, TimeoutError):
        return _not_sent(endpoint, "the connection timed out")
    reason = error.strerror if isinstance(error, OSError) else None
    return _not_sent(endpoint, (reason or "no connection").lower())


def _not_sent(endpoint: str, reason: str) -> RequestFailure:
    return RequestFailure(messages.ETCD_NO_RESPONSE, endpoint, reason, may_be_done=False)


def no_complete_response(endpoint: str, *, is_outstanding: bool) -> RequestFailure:
    """The failure of a request that was sent, at least in part, without a complete response.

    Args:
        endpoint: The server's address.
        is_outstanding: Whether the response may still come; otherwise the connection was closed. A server that expects
            TLS also closes it, so the request is not repeated until the deadline.
    """
    return RequestFailure(
        messages.ETCD_NO_RESPONSE,
        endpoint,
        "the request timed out" if is_outstanding else "the connection was closed",
        may_be_done=True,
        is_outstanding=is_outstanding,
        further_rounds=UNTIL_THE_DEADLINE if is_outstanding else A_FEW_TIMES,
    )


def permission_denied(endpoint: str, access: Access) -> RequestFailure:
    """The failure of a request that the user is not permitted to make."""
    hint = _DENIED_HINT if access.username else None
    return RequestFailure(messages.ETCD_DENIED, endpoint, "not permitted", may_be_done=False, hint=hint)


def combined_failure(failures: Sequence[RequestFailure]) -> RequestFailure:
    """One failure for all servers; a server's response takes precedence over missing responses of others."""
    responses = [failure for failure in failures if failure.kind is not messages.ETCD_NO_RESPONSE]
    if responses or len(failures) == 1:
        return (responses or failures)[0]
    return RequestFailure(messages.ETCD_NO_RESPONSE, "", "; ".join(map(str, failures)), may_be_done=False)
