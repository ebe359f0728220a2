"""An oracle of the agent: which rules it enforces as written, according to its description alone.

It shares no code with the program's validation, and is written for clarity, not for speed.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any

PROTOCOLS = ("tcp", "udp", "icmp", "icmpv6", "sctp", "udplite")
PORT_PROTOCOLS = ("tcp", "udp")
NETS = ("src_nets", "dst_nets")  # only agents from 2.0 on read them
SIDES = ("src_net", "dst_net", "!src_net", "!dst_net")
LANGUAGE = {"action", "protocol", "src_tag", "src_net", "src_ports", "dst_tag", "dst_net", "dst_ports"}
LANGUAGE |= {"icmp_type", "icmp_code"}
AGENT = {"action", "ip_version", "log_prefix"}
for _name in LANGUAGE - {"action"} | {"src_selector", "dst_selector"}:
    AGENT |= {_name, f"!{_name}"}


AGENT |= set(NETS)


def is_number(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def is_name(value: object) -> bool:
    allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
    return isinstance(value, str) and 1 <= len(value) <= 128 and value[0] != "-" and set(value) <= set(allowed)


def net_version(value: object) -> int | None:
    """4 or 6 for a CIDR that every part of the agent accepts, None for any other value."""
    if not isinstance(value, str):
        return None
    address, slash, length = value.partition("/")
    for version, bits, parse in ((4, 32, ipaddress.IPv4Address), (6, 128, ipaddress.IPv6Address)):
        with contextlib.suppress(ValueError):
            parse(address)
            if "%" in address or not address.isascii():
                return None
            return version if not slash or length in {str(number) for number in range(bits + 1)} else None
    return None


PORT_TEXTS = {str(number) for number in range(1, 65536)}


def is_port(value: object) -> bool:
    if isinstance(value, str):
        first, colon, last = value.partition(":")
        return bool(colon) and first in PORT_TEXTS and last in PORT_TEXTS and int(first) < int(last)
    return is_number(value, 1, 65535)


class Selector:
    """A recursive-descent parser of selectors."""

    def __init__(self, text: str) -> None:
        self.remaining = text.lstrip(" ")

    def take(self, pattern: str) -> bool:
        match = re.match(pattern, self.remaining)
        if match:
            self.remaining = self.remaining[match.end() :].lstrip(" ")
        return bool(match)

    def either(self) -> bool:
        while self.both():
            if not self.take(r"\|\|"):
                return True
        return False

    def both(self) -> bool:
        while self.term():
            if not self.take("&&"):
                return True
        return False

    def term(self) -> bool:
        while self.take("!(?!=)"):
            pass
        label, string = r"[A-Za-z0-9_./-]+", r""" *("[^"]*"|'[^']*')"""
        if self.take(r"\("):
            return self.either() and self.take(r"\)")
        if self.take(r"all\(\)") or self.take(rf"has\( *{label} *\)"):
            return True
        listed = rf" *\{{{string}( *,{string})* *\}}"
        return self.take(rf"{label} *[!=]={string}") or self.take(rf"{label} +(not +)?in{listed}")


def is_selector(value: object) -> bool:
    if not isinstance(value, str) or not value.isprintable():
        return False
    selector = Selector(value)
    return selector.remaining == "" or (selector.either() and selector.remaining == "")


def is_protocol(value: object) -> bool:
    return value in PROTOCOLS or is_number(value, 1, 255)


CHECKS: dict[str, Callable[[Any], object]] = {
    "action": lambda value: value in ("allow", "deny", "log", "next-tier"),
    "ip_version": lambda value: is_number(value, 4, 4) or is_number(value, 6, 6),
    "log_prefix": lambda value: isinstance(value, str) and re.fullmatch(r'[^\x00-\x1f"\\\x7f-\U0010ffff]{1,27}', value),
    "protocol": is_protocol,
    "tag": is_name,
    "net": lambda value: net_version(value) is not None,
    "nets": lambda value: isinstance(value, list) and value != [] and all(map(net_version, value)),
    "selector": is_selector,
    "ports": lambda value: isinstance(value, list) and value != [] and all(map(is_port, value)),
    "icmp_type": lambda value: is_number(value, 0, 254),
    "icmp_code": lambda value: is_number(value, 0, 255),
}


def enforced_lists(text: str) -> dict[str, list[dict[str, Any]]]:
    """The two lists of a stored document; asserts that the agent enforces every rule as written."""
    document = json.loads(text, object_pairs_hook=_object, parse_constant=_never, parse_float=_never)
    # The agent ignores comments and the profile's name.
    lists = {name: rules for name, rules in document.items() if not name.startswith("_") and name != "id"}
    assert set(lists) == {"inbound_rules", "outbound_rules"}, text
    for rules in lists.values():
        assert isinstance(rules, list), text
        for rule in rules:
            assert enforced_as_written(rule), rule
    return lists


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "a key is given twice"
    return dict(pairs)


def _never(text: str) -> Any:
    raise AssertionError(f"{text} is not an integer")


def enforced_as_written(rule: object) -> bool:
    """Whether the agent enforces a rule as written, according to the agent's description alone."""
    if not isinstance(rule, dict) or not set(rule) <= AGENT:
        return False
    for key, value in rule.items():
        name = key.lstrip("!")
        if not CHECKS[name if name in CHECKS else name.partition("_")[2]](value):
            return False
    protocol = rule.get("protocol")
    if any(key.endswith("_ports") for key in rule) and protocol not in PORT_PROTOCOLS:
        return False
    for sign in ("", "!"):
        if f"{sign}icmp_type" in rule and protocol not in ("icmp", "icmpv6"):
            return False
        if f"{sign}icmp_code" in rule and f"{sign}icmp_type" not in rule:
            return False
    versions = {net_version(rule[key]) for key in SIDES if key in rule} | {rule.get("ip_version")}
    versions |= {net_version(net) for key in NETS for net in rule.get(key, ())}
    versions.add({"icmp": 4, 1: 4, "icmpv6": 6, 58: 6}.get(protocol))
    return len(versions - {None}) <= 1


def meaning(rule: dict[str, Any]) -> dict[str, object]:
    """A rule in a normal form: networks without host bits, ports as sets of numbers."""
    normalized: dict[str, object] = {"action": "allow", **rule}
    for key, value in rule.items():
        if key in SIDES:
            normalized[key] = ipaddress.ip_network(value, strict=False)
        if key in NETS:
            normalized[key] = [ipaddress.ip_network(net, strict=False) for net in value]
        if key.endswith("_ports"):
            pairs = [str(port).partition(":") for port in value]
            normalized[key] = {number for low, _, high in pairs for number in range(int(low), int(high or low) + 1)}
    return normalized
