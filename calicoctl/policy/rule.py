"""A rule and its parts: immutable, valid and canonical.

A `Rule` is what the rule language can say. What the language cannot say, or says wrongly, never
becomes one; see `calicoctl.policy.documents.rules_document` for rules that other tools stored.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from calicoctl.language.protocols import Protocol
from calicoctl.language.words import Action
from calicoctl.records import dataclass, field

Network = IPv4Network | IPv6Network

# IPv4-mapped addresses (RFC 4291, 2.5.5.2) stand for those of IPv4 inside a program; no packet has one.
MAPPED_NETWORK = IPv6Network("::ffff:0:0/96")


@dataclass(frozen=True, slots=True, order=True)
class PortRange:
    """The ports `first` to `last`, both included; 1 <= first <= last <= 65535."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}:{self.last}"


@dataclass(frozen=True, slots=True)
class Peer:
    """One side of a match: the source or the destination of a packet.

    Attributes:
        ports: The ports in the user's order; empty means any port.
        tag: The tag that an endpoint at that address carries; None means any.
        net: The network that holds the address; None means any.
    """

    ports: tuple[PortRange, ...] = ()
    tag: str | None = None
    net: Network | None = None


ANYONE = Peer()


@dataclass(frozen=True, slots=True)
class Match:
    """The packets that a rule would match: its parts without the action, in the order in which `Rule` has them."""

    protocol: Protocol | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    source: Peer = ANYONE
    destination: Peer = ANYONE

    def rule(self, action: Action) -> Rule:
        """A rule with this match."""
        return Rule(action, self.protocol, self.icmp_type, self.icmp_code, self.source, self.destination)


@dataclass(frozen=True, slots=True)
class Rule:
    """An action and the match that selects its packets. What is None or empty matches anything.

    Attributes:
        action: What happens to the packet.
        protocol: The protocol; ports need one that has them, and an ICMP type one that is ICMP.
        icmp_type: 0 to 254.
        icmp_code: 0 to 255; only with a type.
        source: Where the packet comes from.
        destination: Where it goes.
        fingerprint: The hash of `meaning`. Comparing it first makes the search of a long list several times
            faster, and it takes a tenth of the memory that keeping the meaning would.
    """

    action: Action
    protocol: Protocol | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    source: Peer = ANYONE
    destination: Peer = ANYONE
    fingerprint: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", hash(self.meaning))

    @property
    def meaning(self) -> tuple[object, ...]:
        """A hashable value that two rules share exactly when they match the same packets and act alike.

        Ports count as sets of numbers; everything else counts literally, networks being canonical.
        """
        return (
            self.action,
            self.protocol,
            self.icmp_type,
            self.icmp_code,
            (merge_ports(self.source.ports), self.source.tag, self.source.net),
            (merge_ports(self.destination.ports), self.destination.tag, self.destination.net),
        )


def merge_ports(ports: tuple[PortRange, ...]) -> tuple[PortRange, ...]:
    """The same set of ports as the fewest ranges, in ascending order."""
    if len(ports) < 2:
        return ports
    merged: list[PortRange] = []
    for port in sorted(ports):
        if merged and port.first <= merged[-1].last + 1:
            merged[-1] = PortRange(merged[-1].first, max(merged[-1].last, port.last))
        else:
            merged.append(port)
    return tuple(merged)


def network_text(network: Network) -> str:
    """The canonical text of a network: always with its length, IPv6 compressed and in lower case.

    An IPv4-mapped IPv6 address is written in hexadecimal, on every Python version: 3.13 began to
    write it with dots, and stored text must not depend on the interpreter.
    """
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
        high, low = divmod(int(network.network_address.ipv4_mapped), 0x10000)
        address = f"::ffff:{high:x}:{low:x}"
        return f"{address}/{network.prefixlen}"
    return str(network)
