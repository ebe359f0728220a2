"""The tags that addresses have as members of network sets."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from calicoctl.analysis.boxes import NO_TAGS
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.networks import Network
from calicoctl.policy.documents.network_set import NetworkSet


@dataclass(frozen=True)
class _Ranges:
    """Addresses of one IP version as disjoint, sorted ranges."""

    firsts: Sequence[int]
    lasts: Sequence[int]

    def has_all(self, network: Network) -> bool:
        index = bisect_right(self.firsts, int(network.network_address)) - 1
        return index >= 0 and self.lasts[index] >= int(network.broadcast_address)

    def has_some(self, network: Network) -> bool:
        index = bisect_right(self.firsts, int(network.broadcast_address)) - 1
        return index >= 0 and self.lasts[index] >= int(network.network_address)


class NetworkSetTags:
    """Finds the tags that network sets give to addresses.

    Args:
        network_sets: All network sets.
    """

    def __init__(self, network_sets: Iterable[NetworkSet]) -> None:
        networks: dict[tuple[str, int], list[Network]] = {}
        for network_set in network_sets:
            for label in network_set.labels:
                for network in network_set.networks:
                    networks.setdefault((label, network.version), []).append(network)
        self._ranges = {key: _ranges(tagged) for key, tagged in networks.items()}
        self._tags = frozenset(label for label, _ in networks)

    def find(self, networks: Sequence[Network]) -> tuple[frozenset[str], frozenset[str]]:
        """The tags that all given addresses have, and the tags that only some of them have.

        Args:
            networks: The addresses; empty if they are unknown, so that they may have any tag.
        """
        if not networks:
            return NO_TAGS, self._tags
        certain = frozenset(
            tag for tag in self._tags if all(self._ranges_of(tag, network).has_all(network) for network in networks)
        )
        some = frozenset(
            tag for tag in self._tags if any(self._ranges_of(tag, network).has_some(network) for network in networks)
        )
        return certain, some - certain

    def _ranges_of(self, tag: str, network: Network) -> _Ranges:
        return self._ranges.get((tag, network.version), _NO_RANGES)


_NO_RANGES = _Ranges((), ())


def _ranges(networks: Sequence[Network]) -> _Ranges:
    """The ranges of networks of one IP version. Adjacent halves are merged, so that each network is in one range."""
    ranges = sorted((int(network.network_address), int(network.broadcast_address)) for network in collapsed(networks))
    return _Ranges([first for first, _ in ranges], [last for _, last in ranges])


def collapsed(networks: Sequence[Network]) -> Iterable[Network]:
    """The fewest networks that contain the same addresses as some networks of one IP version, at least one."""
    if networks[0].version == 4:
        return collapse_addresses(network for network in networks if isinstance(network, IPv4Network))
    return collapse_addresses(network for network in networks if isinstance(network, IPv6Network))
