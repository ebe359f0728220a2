"""The protocols: those that the language names, and those that the agent knows beside them.

Sources: the IANA registry of protocol numbers; the agent's validation and rendering for the rest.
"""

from __future__ import annotations

from enum import Enum

from calicoctl.records import dataclass


class Ports(Enum):
    """What becomes of a rule with ports at the agent."""

    RENDERED = "rendered"
    DROPPING = "dropping"  # passes the agent's validation, and then drops everything
    REFUSED = "refused"  # the agent drops the whole profile


@dataclass(frozen=True)
class AgentProtocol:
    """A protocol as the agent knows it.

    Attributes:
        number: Its number in an IP header.
        name: Its name in rule JSON; None where only the number is known.
        ports: What becomes of ports beside its name.
        ports_by_number: What becomes of ports beside its number.
        ip_version: The IP version that it belongs to; None when it runs over both.
        is_icmp: Whether it has ICMP types, by its name.
    """

    number: int
    name: str | None
    ports: Ports = Ports.REFUSED
    ports_by_number: Ports = Ports.REFUSED
    ip_version: int | None = None
    is_icmp: bool = False


AGENT_PROTOCOLS = (
    AgentProtocol(6, "tcp", Ports.RENDERED, Ports.DROPPING),
    AgentProtocol(17, "udp", Ports.RENDERED, Ports.DROPPING),
    AgentProtocol(1, "icmp", ip_version=4, is_icmp=True),
    AgentProtocol(58, "icmpv6", ip_version=6, is_icmp=True),
    AgentProtocol(132, "sctp", Ports.DROPPING, Ports.DROPPING),
    AgentProtocol(136, "udplite", Ports.DROPPING, Ports.DROPPING),
    AgentProtocol(33, None, ports_by_number=Ports.DROPPING),  # DCCP
)


class Protocol(Enum):
    """The protocols that the language names; each must be one that the agent knows by that name.

    Attributes:
        number: Its number in an IP header.
        has_ports: Whether a rule of this protocol may name ports.
        is_icmp: Whether a rule of this protocol may name an ICMP type.
        ip_version: The IP version that the protocol belongs to; None when it runs over both.
    """

    # Attributes, not properties: every rule asks for them.
    number: int
    has_ports: bool
    is_icmp: bool
    ip_version: int | None

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"
    ICMPV6 = "icmpv6"

    def __init__(self, name: str) -> None:
        (known,) = (each for each in AGENT_PROTOCOLS if each.name == name)
        self.number = known.number
        self.has_ports = known.ports is Ports.RENDERED
        self.is_icmp = known.is_icmp
        self.ip_version = known.ip_version


PROTOCOLS = tuple(each.value for each in Protocol)
PORT_PROTOCOLS = tuple(each.value for each in Protocol if each.has_ports)
ICMP_PROTOCOLS = tuple(each.value for each in Protocol if each.is_icmp)
# What rule JSON can name, and the language cannot.
OTHER_PROTOCOLS = tuple(each.name for each in AGENT_PROTOCOLS if each.name is not None and each.name not in PROTOCOLS)
