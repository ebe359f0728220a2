"""Network sets: networks with labels, which rules with a label match in the same way as endpoints."""

from __future__ import annotations

import json

from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.networks import Network, enforced_network


@dataclass(frozen=True, slots=True)
class NetworkSet:
    """A network set.

    Attributes:
        labels: The keys of its labels.
        networks: Its networks.
    """

    labels: frozenset[str]
    networks: tuple[Network, ...]


def read_network_set(value: str) -> NetworkSet | None:
    """Read the JSON of a set, `labels` and `nets`; None if a network is invalid, as the agent then ignores the set."""
    document = json.loads(value)
    nets = document["nets"]
    if not isinstance(nets, list):
        return None
    parsed = (enforced_network(net) for net in nets if isinstance(net, str))
    networks = tuple(network for network in parsed if network is not None)
    return NetworkSet(frozenset(document["labels"]), networks) if len(networks) == len(nets) else None
