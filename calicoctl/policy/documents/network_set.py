"""Sets of addresses with labels: a rule that asks for a label matches them as it does endpoints."""

from __future__ import annotations

import json

from calicoctl.language.networks import Network, enforced_network
from calicoctl.records import dataclass


@dataclass(frozen=True, slots=True)
class NetworkSet:
    """What a set of addresses says.

    Attributes:
        labels: The keys of its labels.
        networks: Its addresses.
    """

    labels: frozenset[str]
    networks: tuple[Network, ...]


def read_network_set(value: str) -> NetworkSet | None:
    """Read a set's JSON, `labels` and `nets`; None where a network is none, so that the agent leaves out the set."""
    document = json.loads(value)
    nets = document["nets"]
    if not isinstance(nets, list):
        return None
    read = (enforced_network(net) for net in nets if isinstance(net, str))
    networks = tuple(network for network in read if network is not None)
    return NetworkSet(frozenset(document["labels"]), networks) if len(networks) == len(nets) else None
