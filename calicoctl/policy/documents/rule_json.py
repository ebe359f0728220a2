"""Rules as JSON, the format in which they are stored: from rules to JSON, and from JSON to rules.

Only JSON that the language can express becomes a rule. The problems of other JSON are reported by
`calicoctl.policy.documents.agent_schema`.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.keywords import SIDES, Action
from calicoctl.language.limits import (
    ICMP_CODE_MAX,
    ICMP_TYPE_MAX,
    STORED,
)
from calicoctl.language.names import is_tag
from calicoctl.language.networks import Network, enforced_network, network_text
from calicoctl.language.numerals import is_integer
from calicoctl.language.ports import JsonPortMistake, PortRange, enforced_port, older_port, read_json_port
from calicoctl.language.protocols import Protocol
from calicoctl.policy.documents.agent_schema import PORTS_KEYS
from calicoctl.policy.rule import ANYONE, Peer, Rule

# The keys that the language can express, in the order in which they are printed.
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
# The agent treats a rule without `action` as this action; OpenStack's driver writes all of its rules without it.
_DEFAULT_ACTION = Action.ALLOW.value
_PROTOCOLS = {protocol.value: protocol for protocol in Protocol}
# The keys of a peer, by its prefix.
_PEER_KEYS = {side: (f"{side}_net", f"{side}_ports", f"{side}_tag") for side in SIDES.values()}


class _NotInLanguage(Exception):
    """A value that the language cannot express."""


def to_json(rule: Rule) -> dict[str, object]:
    """A rule as JSON: only the keys with a value, in alphabetical order.

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
    return [port.json_value for port in peer.ports]


def rule_json_text(rule: Rule) -> str:
    """The text that is stored for a rule: compact, keys in alphabetical order."""
    return compact_json(to_json(rule))


_COMPACT = json.JSONEncoder(separators=(",", ":"), sort_keys=True)


def compact_json(value: object) -> str:
    """JSON in ASCII without spaces, with the keys in alphabetical order."""
    return _COMPACT.encode(value)


@dataclass(frozen=True, slots=True)
class _Bounds:
    """The limits of the values of a rule.

    Attributes:
        icmp_type_max: The highest ICMP type.
        is_tag: Whether a text is valid as a tag.
        port: The ports of a JSON value; None if it is not valid.
    """

    icmp_type_max: int
    is_tag: Callable[[str], bool]
    port: Callable[[object], PortRange | None]


_LANGUAGE_BOUNDS = _Bounds(ICMP_TYPE_MAX, is_tag, enforced_port)
# For rules that are only searched for: older tools could also store ports as strings, and any tag.
_LENIENT_BOUNDS = _Bounds(STORED.icmp_type_max, bool, older_port)


def from_json(value: object) -> Rule | None:
    """The rule of a JSON value; None if the language cannot express it, or the agent does not enforce it as written.

    Host bits of networks are masked, as by the agent.

    Args:
        value: A JSON value, with objects as dictionaries.
    """
    return _from_json(value, _LANGUAGE_BOUNDS)


def from_json_leniently(value: object) -> Rule | None:
    """The rule that an older tool meant by a JSON value, even if the agent does not enforce it as written; or None.

    Args:
        value: A JSON value, with objects as dictionaries.
    """
    return _from_json(value, _LENIENT_BOUNDS)


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
    return rule if _is_consistent(rule) else None


def _is_consistent(rule: Rule) -> bool:
    """Whether the protocol allows the ports and the ICMP type, and all parts have the same IP version."""
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
    if not is_integer(value, 0, maximum):
        raise _NotInLanguage
    return value


def _peer(rule: dict[str, object], side: str, bounds: _Bounds) -> Peer:
    """The source or the destination of a rule.

    Raises:
        _NotInLanguage: A value of it cannot be expressed.
    """
    net_key, ports_key, tag_key = _PEER_KEYS[side]
    net: Network | None = None
    ports: tuple[PortRange, ...] = ()
    tag: str | None = None
    if net_key in rule:
        net = enforced_network(_string(rule[net_key]))
        if net is None:
            raise _NotInLanguage
    if ports_key in rule:
        listed = rule[ports_key]
        if not isinstance(listed, list) or not listed:
            raise _NotInLanguage
        ports = tuple(_port(port, bounds) for port in listed)
    if tag_key in rule:
        tag = _string(rule[tag_key])
        if not bounds.is_tag(tag):
            raise _NotInLanguage
    if net is None and tag is None and not ports:
        return ANYONE
    return Peer(ports, tag, net)


def _port(value: object, bounds: _Bounds) -> PortRange:
    port = bounds.port(value)
    if port is None:
        raise _NotInLanguage
    return port


def with_single_ports(value: object) -> object:
    """The JSON of a rule, with every port range of a single port, such as `"80:80"`, replaced by the port.

    The agent refuses such a range, so it must not be stored.
    """
    if not isinstance(value, dict):
        return value
    plain = value
    for key in PORTS_KEYS:
        if isinstance(ports := value.get(key), list):
            plain = {**plain, key: [_single_port(port) for port in ports]}
    return plain


def _single_port(value: object) -> object:
    port = read_json_port(value)
    if port.item is None or port.mistake is not JsonPortMistake.SINGLE:
        return value
    first = port.item.first
    return first if value == f"{first}:{first}" else value
