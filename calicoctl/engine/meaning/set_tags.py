"""The tags that addresses carry because they are in sets of addresses."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from calicoctl.analysis.boxes import NO_TAGS
from calicoctl.language.networks import Network
from calicoctl.policy.documents.network_set import NetworkSet
from calicoctl.records import dataclass


@dataclass(frozen=True)
class _Ranges:
    """Addresses of one IP version as ranges that are apart from one another, in their order."""

    firsts: Sequence[int]
    lasts: Sequence[int]

    def has_all(self, network: Network) -> bool:
        index = bisect_right(self.firsts, int(network.network_address)) - 1
        return index >= 0 and self.lasts[index] >= int(network.broadcast_address)

    def has_some(self, network: Network) -> bool:
        index = bisect_right(self.firsts, int(network.broadcast_address)) - 1
        return index >= 0 and self.lasts[index] >= int(network.network_address)


class SetTags:
    """What tags the addresses in sets have.

    Args:
        network_sets: All sets.
    """

    def __init__(self, network_sets: Iterable[NetworkSet]) -> None:
        networks: dict[tuple[str, int], list[Network]] = {}
        for each in network_sets:
            for label in each.labels:
                for network in each.networks:
                    networks.setdefault((label, network.version), []).append(network)
        self._ranges = {key: _ranges(found) for key, found in networks.items()}
        self._tags = frozenset(label for label, _ in networks)

    def find(self, networks: Sequence[Network]) -> tuple[frozenset[str], frozenset[str]]:
        """The tags that all of some addresses have; and those that only some of them have.

        Args:
            networks: The addresses; empty where they are not known, so that they may have any tag.
        """
        if not networks:
            return NO_TAGS, self._tags
        sure = frozenset(tag for tag in self._tags if all(self._of(tag, each).has_all(each) for each in networks))
        some = frozenset(tag for tag in self._tags if any(self._of(tag, each).has_some(each) for each in networks))
        return sure, some - sure

    def _of(self, tag: str, network: Network) -> _Ranges:
        return self._ranges.get((tag, network.version), _NOTHING)


_NOTHING = _Ranges((), ())


def _ranges(networks: Sequence[Network]) -> _Ranges:
    """Networks of one IP version. What is in several of these together is in one, once halves are put together."""
    found = sorted((int(each.network_address), int(each.broadcast_address)) for each in collapsed(networks))
    return _Ranges([first for first, _ in found], [last for _, last in found])


def collapsed(networks: Sequence[Network]) -> Iterable[Network]:
    """The fewest networks with the addresses of some networks of one IP version, of which there is at least one."""
    if networks[0].version == 4:
        return collapse_addresses(each for each in networks if isinstance(each, IPv4Network))
    return collapse_addresses(each for each in networks if isinstance(each, IPv6Network))
