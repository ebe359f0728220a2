"""Boxes: the packets that a match selects, as a product of independent dimensions.

A packet has an IP version, a protocol, and on each side an address, the tags that its endpoint carries, and a number:
the source and the destination port, or the type and the code of ICMP. Tags are read openly: an endpoint may carry any
set of them, so that a box asks for tags and never forbids one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from calicoctl.analysis.ranges import Ranges, do_intersect, intersection
from calicoctl.language import limits, networks
from calicoctl.records import dataclass

ADDRESS_BITS = limits.ADDRESS_BITS

# The bits before the prefix length, shifted down, and that length.
Net = tuple[int, int]
EVERYWHERE: Net = (0, 0)

# One protocol by its number, or all but those in a set.
Protocols = int | frozenset[int]
ANY_PROTOCOL: frozenset[int] = frozenset()

NO_TAGS: frozenset[str] = frozenset()

ICMP_OF_VERSION = {4: 1, 6: 58}
TCP, UDP = 6, 17
# The protocols whose packets have ports; SCTP and UDP-Lite beside the two.
WITH_PORTS = frozenset({TCP, UDP, 132, 136})


class Box(NamedTuple):
    """A set of packets.

    Attributes:
        version: The IP version.
        protocols: One protocol, or all but some.
        source_net: Where they come from.
        source_tags: The tags that their source carries, perhaps among others.
        source_numbers: Their source ports, or ICMP types.
        destination_net: Where they go.
        destination_tags: The tags that their destination carries, perhaps among others.
        destination_numbers: Their destination ports, or ICMP codes.
    """

    version: int
    protocols: Protocols
    source_net: Net
    source_tags: frozenset[str]
    source_numbers: Ranges
    destination_net: Net
    destination_tags: frozenset[str]
    destination_numbers: Ranges


@dataclass(frozen=True)
class Packet:
    """One packet.

    Attributes:
        version: The IP version.
        protocol: The protocol's number.
        source: The source address, as a number.
        source_tags: The tags that its source carries, and no others.
        source_number: Its source port or ICMP type; it means nothing where the protocol has neither.
        destination: The destination address, as a number.
        destination_tags: The tags that its destination carries, and no others.
        destination_number: Its destination port or ICMP code.
    """

    version: int
    protocol: int
    source: int
    source_tags: frozenset[str]
    source_number: int
    destination: int
    destination_tags: frozenset[str]
    destination_number: int

    @property
    def has_ports(self) -> bool:
        """Whether its numbers are ports."""
        return self.protocol in WITH_PORTS

    @property
    def is_icmp(self) -> bool:
        """Whether its numbers are an ICMP type and code."""
        return self.protocol == ICMP_OF_VERSION[self.version]


def text_of_number(version: int, address: int) -> str:
    """An address as people write it."""
    return networks.address_text(IPv4Address(address) if version == 4 else IPv6Address(address))


def meet(one: Box, other: Box) -> Box | None:
    """The packets in both boxes; None when there are none."""
    if one.version != other.version:
        return None
    protocols = _common_protocols(one.protocols, other.protocols)
    source = _inner(one.source_net, other.source_net)
    destination = _inner(one.destination_net, other.destination_net)
    if protocols is None or source is None or destination is None:
        return None
    first = intersection(one.source_numbers, other.source_numbers)
    second = intersection(one.destination_numbers, other.destination_numbers)
    if not first or not second:
        return None
    source_tags = one.source_tags | other.source_tags
    destination_tags = one.destination_tags | other.destination_tags
    return Box(one.version, protocols, source, source_tags, first, destination, destination_tags, second)


def meet_all(some: Iterable[Box], others: Sequence[Box]) -> tuple[Box, ...]:
    """What each of some boxes has in common with each of others, where that is anything."""
    return tuple(common for box in some for each in others if (common := meet(box, each)) is not None)


def do_meet(some: Collection[Box], others: Collection[Box]) -> bool:
    """Whether any of some boxes has a packet in common with any of others."""
    if len(some) == len(others) == 1:  # as most are
        return do_overlap(*some, *others)
    return any(do_overlap(box, each) for box in some for each in others)


def do_overlap(one: Box, other: Box) -> bool:
    """Whether two boxes have packets in common; what these are takes longer to say."""
    return (
        one.version == other.version
        and _common_protocols(one.protocols, other.protocols) is not None
        and do_intersect(one.destination_numbers, other.destination_numbers)
        and _inner(one.source_net, other.source_net) is not None
        and _inner(one.destination_net, other.destination_net) is not None
        and do_intersect(one.source_numbers, other.source_numbers)
    )


def _common_protocols(one: Protocols, other: Protocols) -> Protocols | None:
    if isinstance(one, int):
        is_common = one == other if isinstance(other, int) else one not in other
        return one if is_common else None
    if isinstance(other, int):
        return None if other in one else other
    return one | other


def includes_protocols(outer: Protocols, inner: Protocols) -> bool:
    """Whether every protocol of `inner` is one of `outer`."""
    if isinstance(outer, int):
        return outer == inner
    return inner not in outer if isinstance(inner, int) else outer <= inner


def _inner(one: Net, other: Net) -> Net | None:
    """The smaller of two networks when it is inside the other; networks are nested or apart."""
    if one[1] < other[1]:
        one, other = other, one
    return one if one[0] >> (one[1] - other[1]) == other[0] else None


def is_within(inner: Net, outer: Net) -> bool:
    """Whether a network is inside another, or the same."""
    return inner[1] >= outer[1] and inner[0] >> (inner[1] - outer[1]) == outer[0]


def contains(outer: Box, inner: Box) -> bool:
    """Whether every packet of `inner` is in `outer`."""
    return (
        outer.version == inner.version
        and includes_protocols(outer.protocols, inner.protocols)
        and outer.source_tags <= inner.source_tags
        and outer.destination_tags <= inner.destination_tags
        and is_within(inner.source_net, outer.source_net)
        and is_within(inner.destination_net, outer.destination_net)
        and intersection(inner.source_numbers, outer.source_numbers) == inner.source_numbers
        and intersection(inner.destination_numbers, outer.destination_numbers) == inner.destination_numbers
    )
