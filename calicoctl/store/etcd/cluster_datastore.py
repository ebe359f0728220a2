"""The part of a datastore in etcd that both APIs share: the cluster, and the health checks of its servers."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

from calicoctl.annotations import Any
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import diagnose
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.cluster import Cluster
from calicoctl.store.etcd.credentials import Access
from calicoctl.store.etcd.failures import Refusal, RequestFailure
from calicoctl.store.etcd.server import EtcdServer, Request
from calicoctl.store.etcd.server_order import ServerOrder
from calicoctl.store.interface import Change, Probe, TooLarge, Unreachable

_MAX_VERSION_LENGTH = 100  # etcd's versions are shorter


class ClusterDatastore(ABC):
    """The part of a `Datastore` that both APIs share; each API derives its own class.

    Args:
        endpoints: The servers of one cluster as `http(s)://HOST:PORT`, in the order in which they are tried at first.
        deadline: When to stop trying.
        access: Certificates and credentials.
        order: The order in which the servers are tried, shared by all connections of the command; None for a new one.
    """

    _product = "etcd"
    _server_type: type[EtcdServer]
    _max_change_bytes: int

    def __init__(
        self,
        endpoints: Sequence[str],
        deadline: Deadline,
        access: Access | None = None,
        order: ServerOrder | None = None,
    ) -> None:
        self._name = f"{self._product} at {','.join(endpoints)}"
        self._deadline = deadline
        servers = [self._server_type(endpoint, access or Access(), deadline) for endpoint in endpoints]
        self._cluster = Cluster(servers, deadline, order)

    @property
    def name(self) -> str:
        """See `Datastore.name`."""
        return self._name

    @property
    def has_resources(self) -> bool:
        """See `Datastore.has_resources`: an adapter reads keys and values; `calicoctl.layout` reads resources."""
        return False

    @property
    def has_journals(self) -> bool:
        """See `Datastore.has_journals`."""
        return True

    def check(self, changes: Sequence[Change]) -> None:
        """See `Datastore.check`.

        Raises:
            ValueError: A change is invalid: there is nothing to change, or the entry that was read has no version.
            TooLarge, Unreachable: See `Datastore.check`.
        """
        for change in changes:
            self._check_change(change)

    def close(self) -> None:
        """Close the connections."""
        self._cluster.close()

    def _check_change(self, change: Change) -> None:
        if change.before is None and change.after is None:
            raise ValueError(f"there is nothing to delete at {change.key}")
        if change.before is not None and change.before.version < 1:
            raise ValueError(f"an entry of {change.key} has no version")
        try:
            size = self._change_bytes(change)
        except UnicodeEncodeError as error:
            raise Unreachable(diagnose(messages.VALUE_NOT_TEXT, None, None, key=change.key)) from error
        limit = self._max_change_bytes
        if size > limit:
            hint = "spread the rules over several profiles"
            raise TooLarge(diagnose(messages.VALUE_TOO_LARGE, None, hint, key=change.key, size=size, limit=limit))

    @abstractmethod
    def _change_bytes(self, change: Change) -> int:
        """The size of a change as the API measures it.

        Raises:
            UnicodeEncodeError: It cannot be sent.
        """


def probe(
    server: EtcdServer, version: Request[str], read: Request[Any], max_bytes: int, *, may_refuse: bool = False
) -> Probe:
    """Check the health of a server: request its version, and read something.

    Args:
        server: The server.
        version: Requests the version.
        read: Reads something that needs the agreement of a majority of the servers.
        max_bytes: The maximum size of a response.
        may_refuse: Whether a refusal of `read` is also healthy: nothing may be stored there yet.
    """
    reported_version = ""
    started = time.monotonic()
    try:
        reported_version = server.ask(version, 1.0, max_bytes)
        server.ask(read, 1.0, max_bytes)
    except RequestFailure as failure:
        return Probe(server.address, None, reported_version, failure.diagnostic)
    except Refusal as refusal:
        if not may_refuse:
            problem = diagnose(messages.ETCD_UNEXPECTED_RESPONSE, reason=str(refusal))
            return Probe(server.address, None, reported_version, problem)
    return Probe(server.address, time.monotonic() - started, reported_version, None)


def etcd_version(version: object) -> str:
    """A server's version for output.

    Raises:
        ValueError: It is not a version of etcd.
    """
    if not isinstance(version, str) or len(version) > _MAX_VERSION_LENGTH:
        raise ValueError("the version is not etcd's")
    return f"etcd {version}"
