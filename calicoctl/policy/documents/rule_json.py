"""Rules as JSON: the form in which they are stored, and the reading back of what the language can say.

The reading here answers only whether a JSON value is a rule of the language; what is wrong with one that
is not, `calicoctl.policy.documents.agent_schema` tells.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network

from calicoctl.language.limits import (
    ICMP_CODE_MAX,
    ICMP_TYPE_MAX,
    NAME_LENGTH,
    NAME_PATTERN,
    PORT_MAX,
    PORT_MIN,
    STORED,
)
from calicoctl.language.protocols import Protocol
from calicoctl.language.words import Action
from calicoctl.patterns import pattern
from calicoctl.policy.rule import ANYONE, MAPPED_NETWORK, Network, Peer, PortRange, Rule, network_text
from calicoctl.records import dataclass

# The keys of a rule that the language can say, in the order in which they are printed.
LANGUAGE_KEYS = (
    "action",
    "dst_net",
    "dst_ports",
    "dst_tag",
    "icmp_code",
    "icmp_type",
    "protocol",
    "src_net",
    "src_ports",
    "src_tag",
)
_LANGUAGE_KEYS = frozenset(LANGUAGE_KEYS)
_ACTIONS = {action.value: action for action in Action}
# What the agent takes a rule without `action` for; OpenStack's driver writes all of its rules so.
_DEFAULT_ACTION = Action.ALLOW.value
_PROTOCOLS = {protocol.value: protocol for protocol in Protocol}

# `ipaddress` alone would also take a netmask for the length, an IPv6 zone and leading zeros in the length.
_NETWORK = pattern(r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)(?:/(?:0|[1-9][0-9]{0,2}))?")
# No leading zeros: the agent passes them on to a reader of octal.
_PORT_RANGE = pattern(r"([1-9][0-9]{0,4}):([1-9][0-9]{0,4})")


_PEER_KEYS = {side: (f"{side}_net", f"{side}_ports", f"{side}_tag") for side in ("src", "dst")}


class _NotInLanguage(Exception):
    """A value that no rule of the language has."""


def to_json(rule: Rule) -> dict[str, object]:
    """A rule as JSON: only the keys that it uses, in alphabetical order.

    Ports are integers and `"N:M"` strings in the user's order; networks are canonical.
    """
    members: tuple[tuple[str, object], ...] = (
        ("action", rule.action.value),
        ("dst_net", _net_json(rule.destination)),
        ("dst_ports", _ports_json(rule.destination)),
        ("dst_tag", rule.destination.tag),
        ("icmp_code", rule.icmp_code),
        ("icmp_type", rule.icmp_type),
        ("protocol", rule.protocol.value if rule.protocol else None),
        ("src_net", _net_json(rule.source)),
        ("src_ports", _ports_json(rule.source)),
        ("src_tag", rule.source.tag),
    )
    return {key: value for key, value in members if value is not None}


def _net_json(peer: Peer) -> str | None:
    return None if peer.net is None else network_text(peer.net)


def _ports_json(peer: Peer) -> list[int | str] | None:
    if not peer.ports:
        return None
    return [port.first if port.first == port.last else str(port) for port in peer.ports]


def rule_text(rule: Rule) -> str:
    """The text that is stored for a rule: compact, keys in alphabetical order."""
    return compact_json(to_json(rule))


_COMPACT = json.JSONEncoder(separators=(",", ":"), sort_keys=True)


def compact_json(value: object) -> str:
    """JSON without spaces, keys in alphabetical order, nothing but ASCII."""
    return _COMPACT.encode(value)


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What the values of a rule may be.

    Attributes:
        port_min: The lowest port.
        icmp_type_max: The highest ICMP type.
        tag: What a whole tag matches.
        port_range: What a whole port in quotes matches: its first and its last port.
        single_range: Whether those may be the same port.
    """

    port_min: int
    icmp_type_max: int
    tag: re.Pattern[str]
    port_range: re.Pattern[str]
    single_range: bool


_OF_THE_LANGUAGE = _Bounds(
    PORT_MIN, ICMP_TYPE_MAX, pattern(rf"(?=.{{1,{NAME_LENGTH}}}\Z){NAME_PATTERN.pattern}"), _PORT_RANGE, False
)
# What older tools could store, for rules that are only looked for: ports in quotes, too, and any tag.
_OLDER_PORT = pattern(r"([0-9]{1,5})(?::([0-9]{1,5}))?")
_OF_OLDER_TOOLS = _Bounds(STORED.port_min, STORED.icmp_type_max, pattern(r"(?s:.+)"), _OLDER_PORT, True)


def from_json(value: object) -> Rule | None:
    """The rule that a JSON value is, if the language can say it and the agent enforces it as written.

    Host bits of networks are masked, as the agent does.

    Args:
        value: A JSON value, with objects as dictionaries.
    """
    return _from_json(value, _OF_THE_LANGUAGE)


def from_older_json(value: object) -> Rule | None:
    """The rule that a JSON value was meant to be by an older tool, whether or not the agent enforces it as written.

    Args:
        value: A JSON value, with objects as dictionaries.
    """
    return _from_json(value, _OF_OLDER_TOOLS)


def _from_json(value: object, bounds: _Bounds) -> Rule | None:
    if not isinstance(value, dict) or not _LANGUAGE_KEYS.issuperset(value):
        return None
    try:
        rule = Rule(
            _ACTIONS[_string(value.get("action", _DEFAULT_ACTION))],
            _PROTOCOLS[_string(value["protocol"])] if "protocol" in value else None,
            _integer(value["icmp_type"], bounds.icmp_type_max) if "icmp_type" in value else None,
            _integer(value["icmp_code"], ICMP_CODE_MAX) if "icmp_code" in value else None,
            _peer(value, "src", bounds),
            _peer(value, "dst", bounds),
        )
    except (_NotInLanguage, KeyError):
        return None
    return rule if _agrees(rule) else None


def _agrees(rule: Rule) -> bool:
    """Whether the parts of a rule fit together: ports and ICMP types with the protocol, one IP version."""
    protocol, source, destination = rule.protocol, rule.source, rule.destination
    if (source.ports or destination.ports) and (protocol is None or not protocol.has_ports):
        return False
    if rule.icmp_type is None:
        if rule.icmp_code is not None:
            return False
    elif protocol is None or not protocol.is_icmp:
        return False
    if source.net is None and destination.net is None:
        return True
    versions: set[int] = {net.version for net in (source.net, destination.net) if net is not None}
    if protocol is not None and protocol.ip_version is not None:
        versions.add(protocol.ip_version)
    return len(versions) == 1


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise _NotInLanguage
    return value


def _integer(value: object, maximum: int) -> int:
    # Not `isinstance`: JSON's true is Python's True, which is an int.
    if type(value) is not int or not 0 <= value <= maximum:
        raise _NotInLanguage
    return value


def _peer(rule: dict[str, object], side: str, bounds: _Bounds) -> Peer:
    net_key, ports_key, tag_key = _PEER_KEYS[side]
    net: Network | None = None
    ports: tuple[PortRange, ...] = ()
    tag: str | None = None
    if net_key in rule:
        net = read_network(_string(rule[net_key]))
        if net is None:
            raise _NotInLanguage
    if ports_key in rule:
        listed = rule[ports_key]
        if not isinstance(listed, list) or not listed:
            raise _NotInLanguage
        ports = tuple(_port(port, bounds) for port in listed)
    if tag_key in rule:
        tag = _string(rule[tag_key])
        if not bounds.tag.fullmatch(tag):
            raise _NotInLanguage
    if net is None and tag is None and not ports:
        return ANYONE
    return Peer(ports, tag, net)


def _port(value: object, bounds: _Bounds) -> PortRange:
    if type(value) is int:
        first = last = value
    elif isinstance(value, str) and (match := bounds.port_range.fullmatch(value)):
        first, last = int(match[1]), int(match[2] or match[1])
        if first == last and not bounds.single_range:  # The agent refuses a range of one port.
            raise _NotInLanguage
    else:
        raise _NotInLanguage
    if not bounds.port_min <= first <= last <= PORT_MAX:
        raise _NotInLanguage
    return PortRange(first, last)


@lru_cache(maxsize=65536)
def read_network(text: str) -> Network | None:
    """The network of a CIDR, host bits masked; None if the text is none.

    Four dotted decimals or an IPv6 address without zone; the length is decimal, and optional.
    """
    if not _NETWORK.fullmatch(text):
        return None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def has_host_bits(text: str) -> bool:
    """Whether a CIDR that `read_network` accepts names an address inside its network, rather than the network."""
    network = read_network(text)
    if network is None:
        return False
    address = text.partition("/")[0]
    kind = IPv4Network if network.version == 4 else IPv6Network
    return network.network_address != kind(address).network_address


def is_mapped(text: str) -> bool:
    """Whether a CIDR is a network of IPv4-mapped IPv6 addresses, which no packet has."""
    network = read_network(text)
    return isinstance(network, IPv6Network) and network.subnet_of(MAPPED_NETWORK)


def with_single_ports(value: object) -> object:
    """A rule's JSON with every port range of one port, `"80:80"`, as that port.

    The language takes such a range for the port itself; the agent refuses it, so it must not be stored.
    """
    if not isinstance(value, dict):
        return value
    plain = value
    for key in ("src_ports", "dst_ports", "!src_ports", "!dst_ports"):
        if isinstance(ports := value.get(key), list):
            plain = {**plain, key: [_single_port(port) for port in ports]}
    return plain


def _single_port(value: object) -> object:
    match = _PORT_RANGE.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) if match and match[1] == match[2] else value
