"""Boxes: sets of packets as a product of independent dimensions, such as the packets that a match selects.

A packet has an IP version, a protocol, and on each side an address, the tags of its endpoint, and a number: the source
and the destination port, or the ICMP type and code. An endpoint may have any set of tags: a box requires tags, but
never excludes any.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from calicoctl.analysis.number_ranges import Ranges, do_intersect, intersection
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language import limits, networks
from calicoctl.language.protocols import AGENT_PROTOCOLS, Ports, Protocol

ADDRESS_BITS = limits.ADDRESS_BITS

# A network: the first bits of its addresses as a number, and how many bits they are (the prefix length).
Net = tuple[int, int]
EVERYWHERE: Net = (0, 0)

# One protocol by its number, or all protocols except those in a set.
Protocols = int | frozenset[int]
ANY_PROTOCOL: frozenset[int] = frozenset()

NO_TAGS: frozenset[str] = frozenset()

ICMP_OF_VERSION = {4: Protocol.ICMP.number, 6: Protocol.ICMPV6.number}
# The protocols whose packets have ports.
WITH_PORTS = frozenset(protocol.number for protocol in AGENT_PROTOCOLS if protocol.ports is not Ports.REFUSED)


class Box(NamedTuple):
    """A set of packets.

    Attributes:
        version: The IP version.
        protocols: One protocol, or all except some.
        source_net: The network of the source addresses.
        source_tags: The tags that the source must have; it may have others.
        source_numbers: The source ports, or the ICMP types.
        destination_net: The network of the destination addresses.
        destination_tags: The tags that the destination must have; it may have others.
        destination_numbers: The destination ports, or the ICMP codes.
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
        source_tags: All tags of its source.
        source_number: Its source port or ICMP type; without meaning if the protocol has neither.
        destination: The destination address, as a number.
        destination_tags: All tags of its destination.
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
    """The text of an address that is given as a number."""
    return networks.address_text(IPv4Address(address) if version == 4 else IPv6Address(address))


def common_box(one: Box, other: Box) -> Box | None:
    """The intersection of two boxes; None if it is empty."""
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


def common_boxes(boxes: Iterable[Box], others: Sequence[Box]) -> tuple[Box, ...]:
    """The intersections of each of some boxes with each of others that are not empty."""
    return tuple(common for box in boxes for other in others if (common := common_box(box, other)) is not None)


def do_any_overlap(boxes: Collection[Box], others: Collection[Box]) -> bool:
    """Whether any of some boxes has packets in common with any of others."""
    if len(boxes) == len(others) == 1:  # the usual case
        return do_overlap(*boxes, *others)
    return any(do_overlap(box, other) for box in boxes for other in others)


def do_overlap(one: Box, other: Box) -> bool:
    """Whether two boxes have packets in common; faster than to compute these packets."""
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
    """Whether `outer` contains all protocols of `inner`."""
    if isinstance(outer, int):
        return outer == inner
    return inner not in outer if isinstance(inner, int) else outer <= inner


def _inner(one: Net, other: Net) -> Net | None:
    """The smaller of two networks if it is inside the other; networks are nested or disjoint."""
    if one[1] < other[1]:
        one, other = other, one
    return one if one[0] >> (one[1] - other[1]) == other[0] else None


def is_within(inner: Net, outer: Net) -> bool:
    """Whether a network is inside another one, or equal to it."""
    return inner[1] >= outer[1] and inner[0] >> (inner[1] - outer[1]) == outer[0]


def contains(outer: Box, inner: Box) -> bool:
    """Whether `outer` contains all packets of `inner`."""
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
