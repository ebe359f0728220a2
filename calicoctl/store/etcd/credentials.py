"""What etcd's servers want to see of a client."""

from __future__ import annotations

from calicoctl.records import dataclass, field


@dataclass(frozen=True)
class Access:
    """Certificates and credentials. Everything is optional.

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
