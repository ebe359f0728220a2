"""Rules as iptables has them, for those that have an exact counterpart here."""

from __future__ import annotations

import re
from collections.abc import Sequence

from calicoctl.language.protocols import PROTOCOLS, Protocol
from calicoctl.language.words import PEERS, Action

_TARGETS = {"ACCEPT": Action.ALLOW.value, "DROP": Action.DENY.value, "REJECT": Action.DENY.value}
_PROTOCOLS = {**{name: name for name in PROTOCOLS}, "ipv6-icmp": Protocol.ICMPV6.value}
_NAMES = {
    "-p": "protocol",
    "--protocol": "protocol",
    "-s": "from cidr",
    "--source": "from cidr",
    "--src": "from cidr",
    "-d": "to cidr",
    "--destination": "to cidr",
    "--dst": "to cidr",
    "--sport": "from ports",
    "--source-port": "from ports",
    "--sports": "from ports",
    "--dport": "to ports",
    "--destination-port": "to ports",
    "--dports": "to ports",
    "--icmp-type": "type",
    "--icmpv6-type": "type",
    "-j": "action",
    "--jump": "action",
}
# Options that say nothing about packets here: the chain is the direction, and a module only brings options.
_IGNORED = {"-A", "-I", "--append", "--insert", "-m", "--match"}
_IGNORED_VALUES = frozenset({"INPUT", "OUTPUT", "multiport", "icmp6", *PROTOCOLS})
_PORTS = re.compile(r"[0-9]+(?::[0-9]+)?(?:,[0-9]+(?::[0-9]+)?)*\Z")


def rule_of(words: Sequence[str]) -> tuple[str, ...] | None:
    """The rule of this language that means exactly what the options of an iptables rule say; None if there is none.

    Args:
        words: The options, such as `-p tcp --dport 80 -j ACCEPT`.
    """
    parts: dict[str, str] = {}
    rest = list(words)
    while len(rest) >= 2:
        option, value = rest.pop(0), rest.pop(0)
        if option in _IGNORED and value in _IGNORED_VALUES:
            continue
        name = _NAMES.get(option)
        if name is None or name in parts or value.startswith("-"):
            return None
        parts[name] = value
    if rest or parts.get("action") not in _TARGETS:
        return None
    return _rule(parts)


def _rule(parts: dict[str, str]) -> tuple[str, ...] | None:
    protocol = parts.get("protocol")
    if protocol is not None and protocol not in (*_PROTOCOLS, "all"):
        return None
    rule = [_TARGETS[parts["action"]]]
    if protocol in _PROTOCOLS:
        rule.append(_PROTOCOLS[protocol])
    if "type" in parts:
        rule += ["type", parts["type"]]
    for peer in PEERS:
        named = [part for part in ("ports", "cidr") if f"{peer} {part}" in parts]
        words = [word for part in named for word in (part, parts[f"{peer} {part}"])]
        rule += [peer, *words] if words else []
    ports = [value for name, value in parts.items() if name.endswith("ports")]
    return tuple(rule) if all(map(_PORTS.match, ports)) else None
