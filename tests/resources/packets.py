"""Rules of Calico's v3 data model, evaluated packet by packet from the resource, to check conversions.

It shares no code with the program. Source: the resource definitions of projectcalico.org/v3, and Felix, which renders
a rule only for the IP versions of its networks and of its ICMP.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from calicoctl.analysis.boxes import Packet

Json = dict[str, Any]

_NUMBERS = {"TCP": 6, "UDP": 17, "ICMP": 1, "ICMPv6": 58, "SCTP": 132, "UDPLite": 136}
_VERSIONS = {"ICMP": 4, "ICMPv6": 6}


def matches(rule: Json, packet: Packet) -> bool:
    """Whether a rule matches a packet."""
    versions = (rule.get("ipVersion"), _VERSIONS.get(rule.get("protocol", "")))
    return (
        all(version in (None, packet.version) for version in versions)
        and ("protocol" not in rule or _number(rule["protocol"]) == packet.protocol)
        and ("notProtocol" not in rule or _number(rule["notProtocol"]) != packet.protocol)
        and ("icmp" not in rule or _is_icmp(rule["icmp"], packet))
        and ("notICMP" not in rule or not _is_icmp(rule["notICMP"], packet))
        and _is_at(rule.get("source", {}), packet.version, packet.source, packet.source_tags, packet.source_number)
        and _is_at(
            rule.get("destination", {}),
            packet.version,
            packet.destination,
            packet.destination_tags,
            packet.destination_number,
        )
    )


def decision(rules: Sequence[Json], packet: Packet) -> str:
    """The decision about a packet: `allow`, `deny` or `none`."""
    for rule in rules:
        if rule["action"] != "Log" and matches(rule, packet):
            return {"Allow": "allow", "Deny": "deny", "Pass": "none"}[rule["action"]]
    return "none"


def _number(protocol: object) -> int:
    return protocol if isinstance(protocol, int) else _NUMBERS[str(protocol)]


def _is_icmp(icmp: Json, packet: Packet) -> bool:
    code = icmp.get("code", packet.destination_number)
    return (icmp["type"], code) == (packet.source_number, packet.destination_number)


def _is_at(entity: Json, version: int, address: int, tags: frozenset[str], port: int) -> bool:
    for key, is_excluded in (("nets", False), ("notNets", True)):
        nets = [ip_network(net) for net in entity.get(key, []) if ip_network(net).version == version]
        if key in entity and (not nets or any(_address(version, address) in net for net in nets) == is_excluded):
            return False
    for key, is_excluded in (("ports", False), ("notPorts", True)):
        if key in entity and any(_is_port(listed_port, port) for listed_port in entity[key]) == is_excluded:
            return False
    return not any(
        key in entity and _is_selected(entity[key], tags) == is_excluded
        for key, is_excluded in (("selector", False), ("notSelector", True))
    )


def _address(version: int, address: int) -> Any:
    return ip_address(address.to_bytes(4 if version == 4 else 16, "big"))


def _is_port(value: object, port: int) -> bool:
    first, _, last = str(value).partition(":")
    return int(first) <= port <= int(last or first)


def _is_selected(selector: str, tags: frozenset[str]) -> bool:
    """Whether a selector of one tag selects an endpoint with these tags."""
    return selector.removeprefix("has(").removesuffix(")") in tags
