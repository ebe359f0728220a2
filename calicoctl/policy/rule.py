"""A rule and its parts: immutable, valid and canonical.

A `Rule` is a rule that the language can express. For stored rules that it cannot express, or that are invalid, see
`calicoctl.policy.documents.rules_document`.
"""

from __future__ import annotations

from calicoctl.fast_dataclasses import dataclass, field
from calicoctl.language.keywords import Action
from calicoctl.language.networks import Network
from calicoctl.language.ports import PortRange, merge_ports
from calicoctl.language.protocols import Protocol


@dataclass(frozen=True, slots=True)
class Peer:
    """One side of a match: the source or the destination of a packet.

    Attributes:
        ports: The ports in the user's order; empty means any port.
        tag: The tag of the endpoint at that address; None means any.
        net: The network that contains the address; None means any.
    """

    ports: tuple[PortRange, ...] = ()
    tag: str | None = None
    net: Network | None = None


ANYONE = Peer()


@dataclass(frozen=True, slots=True)
class Match:
    """The parts of a rule without the action, in the same order as in `Rule`."""

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
    """An action and the match that selects its packets. A part that is None or empty matches anything.

    Attributes:
        action: What happens to the packet.
        protocol: The protocol; ports need one that has them, and an ICMP type one that is ICMP.
        icmp_type: 0 to 254.
        icmp_code: 0 to 255; only with a type.
        source: Where the packet comes from.
        destination: Where it goes.
        fingerprint: The hash of `meaning`. Comparing it first makes the search of a long list several times faster,
            with a tenth of the memory that storing the meaning would take.
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

    def is_equivalent(self, other: Rule) -> bool:
        """Whether two rules match the same packets and have the same action."""
        return self.fingerprint == other.fingerprint and self.meaning == other.meaning

    @property
    def meaning(self) -> tuple[object, ...]:
        """A hashable value that two rules share exactly if they are equivalent.

        Ports are compared as sets of numbers, and all other parts literally, as networks are canonical.
        """
        return (
            self.action,
            self.protocol,
            self.icmp_type,
            self.icmp_code,
            (merge_ports(self.source.ports), self.source.tag, self.source.net),
            (merge_ports(self.destination.ports), self.destination.tag, self.destination.net),
        )
