"""Rules of iptables, translated if there is a rule with exactly the same meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence

from calicoctl.language.keywords import PEERS, Action, Direction
from calicoctl.language.limits import PORT_MAX
from calicoctl.language.protocols import PROTOCOLS, Protocol

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
# Options without an effect on the match: the chain is the direction, and a module only adds options.
_IGNORED = {"-A", "-I", "--append", "--insert", "-m", "--match"}
_INSERTIONS = ("-I", "--insert")
_CHAINS = {"INPUT": Direction.INBOUND.value, "OUTPUT": Direction.OUTBOUND.value}
_IGNORED_VALUES = frozenset({*_CHAINS, "multiport", "icmp6", "state", "conntrack", *PROTOCOLS})
# Options for the state of a connection. Only `NEW` has an equivalent, since rules apply to new connections.
STATE_OPTIONS = ("--state", "--ctstate")
_NEW = "NEW"
_PORTS = re.compile(r"[0-9]+(?::[0-9]+)?(?:,[0-9]+(?::[0-9]+)?)*\Z")
# A range without an upper bound: `1024:`.
_OPEN_RANGE = re.compile(r"([0-9]+):(?=,|\Z)")


def rule_of(words: Sequence[str], before: Sequence[str] = ()) -> tuple[str, ...] | None:
    """The rule with exactly the meaning of the options of an iptables rule; None if there is none.

    Args:
        words: The options, such as `-p tcp --dport 80 -j ACCEPT`.
        before: The words of this language before them: an action, or an action and a protocol.
    """
    parts = _parts_before(before, words)
    if parts is None:
        return None
    options = list(words)
    while len(options) >= 2:
        option, value = options.pop(0), options.pop(0)
        if option in _INSERTIONS and value in _CHAINS and options and options[0].isdigit():
            options.pop(0)
        if (option in _IGNORED and value in _IGNORED_VALUES) or (option in STATE_OPTIONS and value == _NEW):
            continue
        name = _NAMES.get(option)
        if name is None or name in parts or value.startswith("-"):
            return None
        parts[name] = _OPEN_RANGE.sub(rf"\1:{PORT_MAX}", value) if name.endswith("ports") else value
    if options or parts.get("action") not in _TARGETS:
        return None
    is_consistent = not before or _TARGETS[parts["action"]] == before[0]
    return _rule(parts) if is_consistent else None


def position_of(words: Sequence[str]) -> int | None:
    """The position at which the options insert their rule, 1 if none is given; None if they append it."""
    insertion = next((index for index, word in enumerate(words) if word in _INSERTIONS), None)
    if insertion is None:
        return None
    numbers = [int(word) for word in words[insertion + 2 : insertion + 3] if word.isdigit()]
    return numbers[0] if numbers else 1


def is_chain_of(direction: str | None, words: Sequence[str]) -> bool:
    """Whether all chains in the options are that of a direction; if that is None, whether there are no chains."""
    return {_CHAINS[word] for word in words if word in _CHAINS} <= {direction}


def _parts_before(before: Sequence[str], words: Sequence[str]) -> dict[str, str] | None:
    """The parts of a rule before the options; None if they are not an action and perhaps a protocol."""
    parts: dict[str, str] = {}
    if before and not {"-j", "--jump"} & set(words):
        targets = [target for target, action in _TARGETS.items() if action == before[0]]
        if not targets:
            return None
        parts["action"] = targets[0]
    if len(before) > 1:
        parts["protocol"] = before[1]
    return parts if len(before) <= 2 and set(before[1:]) <= set(_PROTOCOLS) else None


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
