"""Rules evaluated packet by packet: a small space of packets, one for every way in which small lists can differ."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

from hypothesis import strategies as st

from calicoctl.analysis.boxes import Packet
from calicoctl.language.protocols import PORT_PROTOCOLS
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule, read_stored_rules
from calicoctl.source import Source

Json = dict[str, Any]

NETS = {
    4: ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "10.128.0.0/32"],
    6: ["::/0", "fd00::/8", "fd00::/9", "fd80::/9"],
}
DESTINATION_NETS = {4: ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"], 6: ["::/0", "fd00::/9"]}
# One address for each combination of networks that can contain one.
ADDRESSES = {
    4: ["1.1.1.1", "129.1.1.1", "10.1.1.1", "10.128.0.0", "10.128.0.1"],
    6: ["2000::1", "fd00::1", "fd80::1"],
}
TAGS = ["A", "B"]
TAG_SETS = [frozenset(tags) for count in range(3) for tags in itertools.combinations(TAGS, count)]
PORT_LISTS = [[80], [22, 80], ["1:65535"], ["80:443"], [81], [22, "444:65535"]]
SOURCE_PORT_LISTS = [[22], ["22:80"]]
PORTS = [0, 1, 22, 80, 81, 443, 444]
ICMP = [0, 8, 254, 255]
NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "sctp": 132}


@st.composite
def rules(draw: st.DrawFn) -> Json:
    """A rule that the agent enforces as written, not necessarily of the language."""
    rule: Json = {"action": draw(st.sampled_from(["allow", "allow", "deny", "deny", "next-tier", "log"]))}
    version = draw(st.sampled_from([4, 4, 6]))
    protocol = draw(st.sampled_from([None, None, "tcp", "tcp", "udp", "icmp" if version == 4 else "icmpv6", "sctp"]))
    if protocol is not None:
        rule[draw(st.sampled_from(["protocol"] * 3 + ["!protocol"]))] = protocol
    has_protocol = "protocol" in rule
    for side in ("src", "dst"):
        if draw(st.booleans()):
            sign = draw(st.sampled_from(["", "", "", "!"]))
            rule[f"{sign}{side}_net"] = draw(st.sampled_from((NETS if side == "src" else DESTINATION_NETS)[version]))
        if draw(st.sampled_from([True, False, False])):
            rule[f"{side}_tag"] = draw(st.sampled_from(TAGS[: 2 if side == "src" else 1]))
        if has_protocol and protocol in PORT_PROTOCOLS and draw(st.booleans()):
            sign = draw(st.sampled_from(["", "", "", "!"]))
            rule[f"{sign}{side}_ports"] = draw(st.sampled_from(SOURCE_PORT_LISTS if side == "src" else PORT_LISTS))
    if has_protocol and protocol in ("icmp", "icmpv6") and draw(st.booleans()):
        rule["icmp_type"] = draw(st.sampled_from([0, 8]))
        if draw(st.booleans()):
            rule["icmp_code"] = draw(st.sampled_from([0, 8]))
    return rule


def document(inbound: Sequence[Json]) -> RulesDocument:
    """A stored document with these inbound rules."""
    text = json.dumps({"inbound_rules": list(inbound), "outbound_rules": []})
    read = read_stored_rules(Source("rules", text))
    assert isinstance(read, RulesDocument)
    return read


def stored(inbound: Sequence[Json]) -> tuple[StoredRule, ...]:
    """The rules as read from the datastore."""
    return document(inbound).inbound


def packets(version: int) -> Iterator[Packet]:
    """Every packet of the small space with one IP version."""
    ports = list(itertools.product([0, 22, 80], PORTS))
    icmp = list(itertools.product(ICMP, ICMP))
    own, other = (1, 58) if version == 4 else (58, 1)
    numbers = {6: ports, 17: ports, own: icmp, other: [(0, 0)], 132: [(0, 0)], 253: [(0, 0)]}
    addresses = [int(ip_address(address)) for address in ADDRESSES[version]]
    for source, destination in itertools.product(addresses, addresses[1:3]):
        for source_tags, destination_tags in itertools.product(TAG_SETS, TAG_SETS[:2]):
            for protocol, pairs in numbers.items():
                for first, second in pairs:
                    yield Packet(
                        version, protocol, source, source_tags, first, destination, destination_tags, second
                    )  # fmt: skip


def matches(rule: Json, packet: Packet) -> bool:
    """Whether a rule matches a packet, evaluated from the rule's JSON."""
    return all(_meets(key, value, packet) for key, value in rule.items() if key != "action")


def _meets(key: str, value: Any, packet: Packet) -> bool:
    name = key.removeprefix("!")
    if name in ("src_net", "dst_net"):
        version, first, last = _network(value)
        # A network, negated or not, matches only packets of its version.
        if version != packet.version:
            return False
        meets = first <= (packet.source if name == "src_net" else packet.destination) <= last
    elif name == "protocol":
        meets = NUMBERS[value] == packet.protocol
        if key == "protocol" and value in ("icmp", "icmpv6"):
            meets = meets and packet.version == (4 if value == "icmp" else 6)
    else:
        meets = _OTHERS[name](value, packet)
    return meets is (name == key)


_OTHERS: dict[str, Callable[[Any, Packet], bool]] = {
    "src_tag": lambda value, packet: value in packet.source_tags,
    "dst_tag": lambda value, packet: value in packet.destination_tags,
    "src_ports": lambda value, packet: _is_listed(packet.source_number, value),
    "dst_ports": lambda value, packet: _is_listed(packet.destination_number, value),
    "icmp_type": lambda value, packet: value == packet.source_number,
    "icmp_code": lambda value, packet: value == packet.destination_number,
}


@cache
def _network(net: str) -> tuple[int, int, int]:
    """The version of a network, and its first and last address."""
    network = ip_network(net)
    return network.version, int(network.network_address), int(network.broadcast_address)


@cache
def _ports(text: str) -> tuple[int, int]:
    """The first and the last port of a range."""
    first, _, last = text.partition(":")
    return int(first), int(last or first)


def _is_listed(port: int, ports: Sequence[object]) -> bool:
    return any(first <= port <= last for first, last in map(_ports, map(str, ports)))


def decider(inbound: Sequence[Json], packet: Packet, without: int = -1) -> int | None:
    """The position of the rule that decides a packet; None if there is none."""
    for position, rule in enumerate(inbound, 1):
        if position != without and rule["action"] != "log" and matches(rule, packet):
            return position
    return None


def decision(inbound: Sequence[Json], packet: Packet, without: int = -1) -> str:
    """The decision about a packet: `allow`, `deny` or `none`."""
    return decision_of(inbound, decider(inbound, packet, without))


def decision_of(inbound: Sequence[Json], position: int | None) -> str:
    """The decision of the rule at a position: `allow`, `deny` or `none`; `none` without a rule."""
    action = "none" if position is None else str(inbound[position - 1]["action"])
    return "none" if action == "next-tier" else action


def packet_of(shown: Json) -> Packet:
    """The packet that a JSON document describes."""
    first, second = (
        next((int(shown[name]) for name in names if shown[name] is not None), 0)
        for names in (("source_port", "icmp_type"), ("destination_port", "icmp_code"))
    )
    return Packet(
        shown["version"],
        NUMBERS[shown["protocol"]] if shown["protocol"] in NUMBERS else int(shown["protocol"]),
        int(ip_address(shown["source"])),
        frozenset(shown["source_tags"]),
        first,
        int(ip_address(shown["destination"])),
        frozenset(shown["destination_tags"]),
        second,
    )
