"""A look at certificates and keys before they are used: a client tells of a bad one only as a cut connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, diagnose, reason_of
from calicoctl.store.etcd_server import Access


def unusable_files(access: Access) -> tuple[Diagnostic, ...]:
    """What is wrong with the files that `access` names; nothing of their contents is told."""
    named = (
        ("ETCD_CA_CERT_FILE", access.ca_file),
        ("ETCD_CERT_FILE", access.cert_file),
        ("ETCD_KEY_FILE", access.key_file),
    )
    unreadable = tuple(problem for name, path in named if path for problem in _unreadable(name, path))
    return unreadable or tuple(_unfit(access))


def _unreadable(name: str, path: str) -> Iterator[Diagnostic]:
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except OSError as error:
        yield _problem(name, path, reason_of(error))


def _unfit(access: Access) -> Iterator[Diagnostic]:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if access.ca_file:
        try:
            context.load_verify_locations(access.ca_file)
        except ssl.SSLError:
            yield _problem("ETCD_CA_CERT_FILE", access.ca_file, "it holds no certificate in PEM form")
    if access.cert_file and access.key_file:
        try:
            # An encrypted key gets an empty pass phrase: without one, OpenSSL would ask at the terminal.
            context.load_cert_chain(access.cert_file, access.key_file, password="")
        except ssl.SSLError:
            reason = "it and ETCD_CERT_FILE are not a key, unencrypted, and its certificate in PEM form"
            yield _problem("ETCD_KEY_FILE", access.key_file, reason)


def _problem(name: str, path: str, reason: str) -> Diagnostic:
    return diagnose(messages.TLS_FILE_UNUSABLE, None, None, name=name, path=path, reason=reason)
