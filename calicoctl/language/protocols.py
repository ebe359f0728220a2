"""The protocols of the language, and the other protocols that the agent supports.

Sources: the IANA registry for protocol numbers; the agent's validation and rendering for everything else.
"""

from __future__ import annotations

from enum import Enum

from calicoctl.fast_dataclasses import dataclass


class Ports(Enum):
    """What the agent does with a rule that has ports."""

    RENDERED = "rendered"
    DROPPING = "dropping"  # the rule passes the agent's validation, and then drops all traffic
    REFUSED = "refused"  # the agent rejects the whole profile


@dataclass(frozen=True)
class AgentProtocol:
    """A protocol as the agent treats it.

    Attributes:
        number: Its number in an IP header.
        name: Its name in rule JSON; None where rule JSON has only the number.
        ports: What the agent does with ports in a rule that has the protocol's name.
        ports_by_number: What the agent does with ports in a rule that has the protocol's number.
        ip_version: The IP version that it belongs to; None for both.
        is_icmp: Whether a rule that has the protocol's name may have ICMP types.
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
    """The protocols of the language; each must be in `AGENT_PROTOCOLS` under the same name.

    Attributes:
        number: Its number in an IP header.
        has_ports: Whether a rule of this protocol may have ports.
        is_icmp: Whether a rule of this protocol may have an ICMP type.
        ip_version: The IP version that the protocol belongs to; None for both.
    """

    # Attributes for speed, not properties: they are read for every rule.
    number: int
    has_ports: bool
    is_icmp: bool
    ip_version: int | None

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"
    ICMPV6 = "icmpv6"

    def __init__(self, name: str) -> None:
        protocol = next((protocol for protocol in AGENT_PROTOCOLS if protocol.name == name), None)
        assert protocol is not None, f"add the protocol {name} to AGENT_PROTOCOLS"
        self.number = protocol.number
        self.has_ports = protocol.ports is Ports.RENDERED
        self.is_icmp = protocol.is_icmp
        self.ip_version = protocol.ip_version


PROTOCOLS = tuple(protocol.value for protocol in Protocol)
PORT_PROTOCOLS = tuple(protocol.value for protocol in Protocol if protocol.has_ports)
ICMP_PROTOCOLS = tuple(protocol.value for protocol in Protocol if protocol.is_icmp)
_AGENT_NAMES = tuple(protocol.name for protocol in AGENT_PROTOCOLS if protocol.name is not None)
# The protocols that have a name in rule JSON and none in the language.
OTHER_PROTOCOLS = tuple(name for name in _AGENT_NAMES if name not in PROTOCOLS)
