"""What the agent enforces as it is written: an oracle for rule documents, made from the agent's description alone.

It shares no code and no tables with the program, and reads the stored text with the standard library.
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any

_MATCHES = {"protocol", "icmp_type", "icmp_code"} | {
    f"{side}_{what}" for side in ("src", "dst") for what in ("net", "tag", "selector", "ports")
}
_KEYS = {"action", "ip_version", "log_prefix"} | _MATCHES | {"!" + key for key in _MATCHES}
_TOKEN = re.compile(
    r"""\s*(?:(?P<op>&&|\|\||==|!=|!|\(|\)|\{|\}|,)|(?P<string>"[^"]*"|'[^']*')|(?P<word>[A-Za-z0-9_./-]+))"""
)


class Wrong(Exception):
    """The agent would refuse a document, or take it for something else."""


def check_document(text: str) -> dict[str, list[dict[str, Any]]]:
    """The two lists of a stored document.

    Raises:
        Wrong: Why the agent would not enforce it as it is written.
    """
    document: dict[str, list[dict[str, Any]]] = json.loads(
        text, object_pairs_hook=_object, parse_constant=_never, parse_float=_never
    )
    # A comment, or the profile's name, is nothing to the agent.
    document = {name: rules for name, rules in document.items() if not name.startswith("_") and name != "id"}
    if set(document) != {"inbound_rules", "outbound_rules"}:
        raise Wrong(f"the members are {sorted(document)}")
    for name, rules in document.items():
        if not isinstance(rules, list):
            raise Wrong(f"{name} is no list")
        for rule in rules:
            check_rule(rule)
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise Wrong("a key stands twice")
    return dict(pairs)


def _never(text: str) -> Any:
    raise Wrong(f"{text} is no integer")


def check_rule(rule: Any) -> None:
    """Raise `Wrong` unless the agent enforces the rule as it is written."""
    if not isinstance(rule, dict):
        raise Wrong("no object")
    if unknown := set(rule) - _KEYS:
        raise Wrong(f"unknown keys {unknown}")
    if any(value is None for value in rule.values()):
        raise Wrong("a null")
    if rule.get("action", "allow") not in ("allow", "deny", "log", "next-tier"):
        raise Wrong("no action")
    if "log_prefix" in rule and not isinstance(rule["log_prefix"], str):
        raise Wrong("a log prefix that is no text")
    for sign in ("", "!"):
        if sign + "protocol" in rule:
            _check_protocol(rule[sign + "protocol"])
        for side in ("src", "dst"):
            _check_peer(rule, sign, side)
        _check_icmp(rule, sign)
    _check_versions(rule)


def _integer(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _check_protocol(protocol: Any) -> None:
    if protocol not in ("tcp", "udp", "icmp", "icmpv6", "sctp", "udplite") and not _integer(protocol, 1, 255):
        raise Wrong(f"protocol {protocol!r}")


def _check_peer(rule: dict[str, Any], sign: str, side: str) -> None:
    tag = rule.get(f"{sign}{side}_tag")
    if tag is not None and not (isinstance(tag, str) and re.fullmatch(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,127}", tag)):
        raise Wrong(f"tag {tag!r}")
    net = rule.get(f"{sign}{side}_net")
    if net is not None:
        _network(net)
    selector = rule.get(f"{sign}{side}_selector")
    if selector is not None:
        check_selector(selector)
    ports = rule.get(f"{sign}{side}_ports")
    if ports is None:
        return
    if rule.get("protocol") not in ("tcp", "udp"):
        raise Wrong("ports without tcp or udp")
    if not isinstance(ports, list) or not ports:
        raise Wrong("no ports")
    for port in ports:
        _check_port(port)


def _check_port(port: Any) -> None:
    if _integer(port, 1, 65535):
        return
    match = re.fullmatch(r"([1-9][0-9]*):([1-9][0-9]*)", port) if isinstance(port, str) else None
    if match is None or not 1 <= int(match[1]) < int(match[2]) <= 65535:
        raise Wrong(f"port {port!r}")


def _network(net: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    # An address, and a decimal length at most: no netmask, no zone, no abbreviation, and no host bits once stored.
    if not isinstance(net, str) or not re.fullmatch(r"[0-9A-Fa-f.:]+(/[0-9]{1,3})?", net):
        raise Wrong(f"network {net!r}")
    try:
        return ipaddress.ip_network(net, strict=False)
    except ValueError as error:
        raise Wrong(f"network {net!r}") from error


def _check_icmp(rule: dict[str, Any], sign: str) -> None:
    icmp_type, icmp_code = rule.get(f"{sign}icmp_type"), rule.get(f"{sign}icmp_code")
    if icmp_type is not None:
        if not _integer(icmp_type, 0, 254):
            raise Wrong(f"ICMP type {icmp_type!r}")
        if rule.get("protocol") not in ("icmp", "icmpv6"):
            raise Wrong("an ICMP type without an ICMP protocol")
    if icmp_code is not None and (icmp_type is None or not _integer(icmp_code, 0, 255)):
        raise Wrong(f"ICMP code {icmp_code!r}")


def _check_versions(rule: dict[str, Any]) -> None:
    versions = {"icmp": {4}, "icmpv6": {6}}.get(rule.get("protocol") or "", set())
    versions |= {_network(rule[key]).version for key in rule if key.endswith("_net")}
    if "ip_version" in rule:
        if not (_integer(rule["ip_version"], 4, 4) or _integer(rule["ip_version"], 6, 6)):
            raise Wrong("an IP version that is none")
        versions |= {rule["ip_version"]}
    if len(versions) > 1:
        raise Wrong("two IP versions")


def check_selector(text: Any) -> None:
    """Raise `Wrong` unless the text is a selector: a reader by recursive descent."""
    if not isinstance(text, str):
        raise Wrong(f"selector {text!r}")
    tokens: list[str] = []
    at = 0
    while text[at:].strip(" "):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Wrong(f"selector {text!r}")
        tokens.append(match[0].strip(" "))
        at = match.end()
    if tokens and _alternatives([*tokens, "end"], 0) != len(tokens):
        raise Wrong(f"selector {text!r}")


def _alternatives(tokens: list[str], at: int) -> int:
    at = _term(tokens, at)
    while tokens[at] in ("&&", "||"):
        at = _term(tokens, at + 1)
    return at


def _term(tokens: list[str], at: int) -> int:
    while tokens[at] == "!":
        at += 1
    if tokens[at] == "(":
        return _need(tokens, _alternatives(tokens, at + 1), ")")
    if tokens[at : at + 3] == ["all", "(", ")"]:
        return at + 3
    if tokens[at : at + 2] == ["has", "("]:
        return _need(tokens, _label(tokens, at + 2), ")")
    at = _label(tokens, at)
    if tokens[at] in ("==", "!="):
        return _string(tokens, at + 1)
    if tokens[at] == "not":
        at += 1
    at = _string(tokens, _need(tokens, _need(tokens, at, "in"), "{"))
    while tokens[at] == ",":
        at = _string(tokens, at + 1)
    return _need(tokens, at, "}")


def _need(tokens: list[str], at: int, token: str) -> int:
    if tokens[at] != token:
        raise Wrong(f"{tokens[at]} where {token} is needed")
    return at + 1


def _label(tokens: list[str], at: int) -> int:
    if not re.fullmatch(r"[A-Za-z0-9_./-]+", tokens[at]) or at == len(tokens) - 1:
        raise Wrong(f"label {tokens[at]}")
    return at + 1


def _string(tokens: list[str], at: int) -> int:
    if tokens[at][0] not in "\"'":
        raise Wrong(f"string {tokens[at]}")
    return at + 1
