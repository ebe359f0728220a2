"""What may become of a request to an etcd server, and what it means."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Kind, diagnose
from calicoctl.store.etcd.credentials import Access

# How many more rounds a failure is worth.
ONCE_MORE = 1
A_FEW_TIMES = 4  # about 3 s
UNTIL_THE_DEADLINE = sys.maxsize

_SHOWN_AT_MOST = 100  # characters
_SAID_AT_MOST = 10_000
NOT_ETCD = "it is not in etcd's form"


class Refusal(Exception):
    """A server answered cleanly that it does not do what was asked: an error code of the v2 API.

    Attributes:
        code: The code.
        text: What it means.
        cause: What the server says it is about, a key as a rule.
    """

    def __init__(self, code: int, text: str, cause: str = "") -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.cause = cause


class NoAnswer(Exception):
    """A server gave no answer that can be relied on.

    Attributes:
        kind: What to tell the user.
        where: The server's address; empty when several are meant.
        reason: What happened.
        may_be_done: Whether the request may have been carried out all the same, now or a little later.
        is_outstanding: Whether the server may still hold the request, and carry it out whenever it goes on.
        further_rounds: How many more times it is worth asking, each time after a longer pause: once for a
            server that is not there or is not etcd, until the deadline where waiting is what helps.
        hint: Advice; None for what is usually advised.
    """

    def __init__(  # noqa: PLR0913 - the message, and by their names what may be concluded from it
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
        """What to tell the user."""
        return diagnose(self.kind, None, self.hint or _HINTS.get(self.kind), where=self.where, reason=self)


_HINTS = {
    messages.ETCD_V2_OFF: "start etcd (3.5 or older) with `--enable-v2=true`",
    messages.ETCD_V3_OFF: "use etcd 3.4 or later, and do not start it with `--enable-grpc-gateway=false`",
    messages.ETCD_DENIED: "set ETCD_USERNAME and ETCD_PASSWORD to a user who may read and write below /calico",
    messages.ETCD_NO_ANSWER: "check the address, and that etcd runs there",
    messages.ETCD_UNEXPECTED_ANSWER: "check that an etcd server runs at this address",
}
# etcd's answer is the same for each of these.
_DENIED_HINT = (
    "the user name or the password is wrong, or the user may not read and write below /calico (for runs: /calicoctl)"
)
_CHECK_CLOCKS = "the server needs another certificate; if it has a good one, check this host's clock"
# By OpenSSL's numbers (X509_V_ERR_...): what is to be done about a server's certificate.
_CERTIFICATE_HINTS = {
    9: _CHECK_CLOCKS,  # not yet valid
    10: _CHECK_CLOCKS,  # expired
    18: "have ETCD_CA_CERT_FILE hold this certificate, if it is to be trusted",  # self-signed
    62: "use a name that is in its certificate",  # another host's name
    64: "use an address that is in its certificate",
}
_OTHER_AUTHORITY = "have ETCD_CA_CERT_FILE hold the certificate of the authority that signed it"
# What a server says (RFC 8446, 6.2) that does not accept the client's certificate, or misses it.
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


def tls_problem(endpoint: str, error: Exception, access: Access) -> NoAnswer:
    """What became of a request over a connection that TLS has failed.

    Args:
        endpoint: The server's address.
        error: What the module `ssl` raised.
        access: What the server was shown.
    """
    import ssl

    hint = None
    may_be_done = False
    said = getattr(error, "reason", None)
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"its certificate is not accepted: {error.verify_message.rstrip('.')}"
        hint = _CERTIFICATE_HINTS.get(error.verify_code, _OTHER_AUTHORITY)
    elif said in _CLIENT_CERTIFICATE_ALERTS and access.cert_file:
        # It is said only after the request was sent, but before it is read.
        text, hint = "it does not accept the certificate that ETCD_CERT_FILE names", "set one that it accepts"
    elif said in _CLIENT_CERTIFICATE_ALERTS:
        text, hint = "it wants to see a client's certificate", "set ETCD_CERT_FILE and ETCD_KEY_FILE"
    elif said in _NO_TLS or isinstance(error, ssl.SSLEOFError):
        text, hint = "it does not speak TLS, or broke it off", "check whether its address begins with `http:`"
        may_be_done = said not in _NO_TLS
    else:
        text, may_be_done = f"TLS failed: {said or error}", True
    return NoAnswer(messages.ETCD_NO_ANSWER, endpoint, text, may_be_done=may_be_done, hint=hint)


def shown(text: object, access: Access) -> str:
    """What a server said, as far as it is shown: on one line, not at length, and without what it was sent in secret."""
    visible = " ".join(text[:_SAID_AT_MOST].split()) if isinstance(text, str) else ""
    for secret in _secrets(access):
        visible = visible.replace(secret, "...")
    return visible[:_SHOWN_AT_MOST]


def _secrets(access: Access) -> Sequence[str]:
    """The forms in which a password goes to a server."""
    if not access.password:
        return ()
    from base64 import b64encode

    pair = f"{access.username}:{access.password}".encode("utf-8", "surrogateescape")
    return (b64encode(pair).decode(), access.password)


def odd_answer(endpoint: str, reason: str, further_rounds: int = ONCE_MORE) -> NoAnswer:
    """An answer that nothing can be concluded from."""
    return NoAnswer(messages.ETCD_UNEXPECTED_ANSWER, endpoint, reason, may_be_done=True, further_rounds=further_rounds)


def time_is_up(endpoint: str) -> NoAnswer:
    """A request that there was no time to send."""
    return not_connected(endpoint, "the time is up")


def not_connected(endpoint: str, reason: str) -> NoAnswer:
    """A request that was not sent, since there was no connection."""
    return NoAnswer(messages.ETCD_NO_ANSWER, endpoint, reason, may_be_done=False)


def cut_off(endpoint: str, *, is_outstanding: bool) -> NoAnswer:
    """A request that was sent, at least in part, and has no whole answer.

    Args:
        endpoint: The server's address.
        is_outstanding: Whether it may still come; otherwise the connection was cut. That is also what a server does
            that expects TLS, so there is no endless waiting.
    """
    return NoAnswer(
        messages.ETCD_NO_ANSWER,
        endpoint,
        "no answer in time" if is_outstanding else "the connection was cut",
        may_be_done=True,
        is_outstanding=is_outstanding,
        further_rounds=UNTIL_THE_DEADLINE if is_outstanding else A_FEW_TIMES,
    )


def denied(endpoint: str, access: Access) -> NoAnswer:
    """A request that whoever asks may not make."""
    hint = _DENIED_HINT if access.username else None
    return NoAnswer(messages.ETCD_DENIED, endpoint, "not permitted", may_be_done=False, hint=hint)


def sum_up(failures: Sequence[NoAnswer]) -> NoAnswer:
    """One failure that tells of all servers; what a server said counts for more than another's silence."""
    said = [failure for failure in failures if failure.kind is not messages.ETCD_NO_ANSWER]
    if said or len(failures) == 1:
        return (said or failures)[0]
    return NoAnswer(messages.ETCD_NO_ANSWER, "", "; ".join(map(str, failures)), may_be_done=False)
