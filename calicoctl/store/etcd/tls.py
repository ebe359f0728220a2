"""Validation of certificates and keys before use: TLS reports a bad one only as a closed connection."""

from __future__ import annotations

from collections.abc import Iterator

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, diagnose, reason_of
from calicoctl.file_reading import read_regular
from calicoctl.store.etcd.credentials import Access

# The full set of authorities of a system has about 250 kB.
_BYTES_MAX = 10_000_000


def unusable_files(access: Access) -> tuple[Diagnostic, ...]:
    """The errors in the files of `access`; messages do not quote their contents."""
    named = (
        ("ETCD_CA_CERT_FILE", access.ca_file),
        ("ETCD_CERT_FILE", access.cert_file),
        ("ETCD_KEY_FILE", access.key_file),
    )
    unreadable = tuple(problem for name, path in named if path for problem in _unreadable(name, path))
    return unreadable or tuple(_unfit(access))


def _unreadable(name: str, path: str) -> Iterator[Diagnostic]:
    try:
        read_regular(path, _BYTES_MAX)
    except (OSError, ValueError) as error:
        yield _problem(name, path, reason_of(error))


def _unfit(access: Access) -> Iterator[Diagnostic]:
    certificates = (("ETCD_CA_CERT_FILE", access.ca_file), ("ETCD_CERT_FILE", access.cert_file))
    bad = [(name, path) for name, path in certificates if path and not _holds_certificate(path)]
    for name, path in bad:
        yield _problem(name, path, "it contains no certificate in PEM format")
    if not bad and access.cert_file and access.key_file:
        reason = _wrong_with_key(access.cert_file, access.key_file)
        if reason:
            yield _problem("ETCD_KEY_FILE", access.key_file, reason)


def _holds_certificate(path: str) -> bool:
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return False
    return True


def _wrong_with_key(cert_file: str, key_file: str) -> str | None:
    """What is wrong with a key; None if it is the key of the certificate."""
    import ssl

    asked = False

    def pass_phrase() -> str:
        """Return an empty pass phrase; without this function, OpenSSL would prompt for one at the terminal."""
        nonlocal asked
        asked = True
        return ""

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert_file, key_file, password=pass_phrase)
    except ssl.SSLError as error:
        if asked:
            return "it is encrypted, and a pass phrase cannot be entered"
        if error.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
            return "it is not the key of the certificate that ETCD_CERT_FILE names"
        return "it contains no private key in PEM format"
    return None


def _problem(name: str, path: str, reason: str) -> Diagnostic:
    return diagnose(messages.TLS_FILE_UNUSABLE, None, None, name=name, path=path, reason=reason)
