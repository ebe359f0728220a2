"""What a datastore in etcd is, whichever of its APIs it speaks: one cluster, and probes of its servers."""

from __future__ import annotations

import time
from collections.abc import Sequence

from calicoctl import messages
from calicoctl.annotations import Any
from calicoctl.diagnostics import diagnose
from calicoctl.store.deadline import Deadline
from calicoctl.store.etcd.cluster import Cluster, Request, Server
from calicoctl.store.etcd.failures import NoAnswer, Refusal
from calicoctl.store.etcd.server_order import ServerOrder
from calicoctl.store.interface import Probe

_VERSION_LENGTH = 100  # no server has a longer one


class ClusterDatastore:
    """The part of a `Datastore` that both APIs share.

    Args:
        name: How messages call it.
        servers: The servers of one cluster; tried in this order.
        deadline: When to stop trying.
        order: What is known of the servers' answers; shared by all that one command opens.
    """

    def __init__(self, name: str, servers: Sequence[Server], deadline: Deadline, order: ServerOrder | None) -> None:
        self._name = name
        self._deadline = deadline
        self._cluster = Cluster(servers, deadline, order)

    @property
    def name(self) -> str:
        """How messages call it."""
        return self._name

    @property
    def has_resources(self) -> bool:
        """See `Datastore.has_resources`: what lies in it is not known here."""
        return False

    @property
    def has_journals(self) -> bool:
        """See `Datastore.has_journals`."""
        return True

    def close(self) -> None:
        """Close the connections."""
        self._cluster.close()


def probe(
    server: Server, version: Request[str], reading: Request[Any], most: int, *, may_refuse: bool = False
) -> Probe:
    """Ask a server for its version and for something to read.

    Args:
        server: The server.
        version: Asks for the version.
        reading: Asks for something that all servers must agree on.
        most: The bytes that an answer may have.
        may_refuse: Whether a refusal is an answer, too: nothing is stored there yet.
    """
    found = ""
    started = time.monotonic()
    try:
        found = server.ask(version, 1.0, most)
        server.ask(reading, 1.0, most)
    except NoAnswer as failure:
        return Probe(server.address, None, found, failure.diagnostic)
    except Refusal as refusal:
        if not may_refuse:
            return Probe(server.address, None, found, diagnose(messages.ETCD_UNEXPECTED_ANSWER, reason=str(refusal)))
    return Probe(server.address, time.monotonic() - started, found, None)


def etcd_version(version: object) -> str:
    """A server's version, for people.

    Raises:
        ValueError: It is none of etcd's.
    """
    if not isinstance(version, str) or len(version) > _VERSION_LENGTH:
        raise ValueError("the version is not etcd's")
    return f"etcd {version}"
