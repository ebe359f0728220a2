"""Certificates and credentials for etcd."""

from __future__ import annotations

from calicoctl.fast_dataclasses import dataclass, field


@dataclass(frozen=True)
class Access:
    """Certificates and credentials. All are optional.

    Attributes:
        ca_file: PEM certificates of the authorities that verify the servers' certificates.
        cert_file: The client certificate, PEM; given together with `key_file`.
        key_file: Its private key, PEM, not encrypted.
        username: For basic authentication; given together with `password`.
        password: Never part of a message.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
