"""Rules of v3 as those of v1, as far as v1 can say them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from calicoctl.language.names import is_agent_tag
from calicoctl.policy.documents.agent_schema import KNOWN_KEYS
from calicoctl.policy.documents.json_text import Path
from calicoctl.policy.documents.selector import selector_fault
from calicoctl.records import dataclass, field
from calicoctl.resources.schema import PROTOCOLS, ResourceProblem
from calicoctl.resources.selectors import parted, renamed
from calicoctl.resources.upgrade import ACTIONS, ENTITY_KEYS

_ACTIONS = {new: old for old, new in ACTIONS.items()}
_PROTOCOL_NAMES = {name: name.lower() for name in PROTOCOLS}
_NUMERIC_PORT = re.compile("[0-9]{1,5}(?::[0-9]{1,5})?")
_RULE_KEYS = ("action", "ipVersion", "protocol", "notProtocol", "icmp", "notICMP", "source", "destination")
_SIDE_KEYS = ("nets", "notNets", "ports", "notPorts", "selector", "notSelector")


@dataclass
class Downgrade:
    """What becomes of something of v3.

    Attributes:
        problems: What v1 cannot say.
        tags: The names of tags by the labels that stand for them, where they differ.
    """

    problems: list[ResourceProblem] = field(default_factory=list)
    tags: Mapping[str, str] = field(default_factory=dict)


def downgraded_rule(downgrade: Downgrade, value: object, path: Path = ()) -> dict[str, object]:
    """A rule of v1 that matches the same packets as one of v3, which must be valid.

    Args:
        downgrade: Takes what v1 cannot say.
        value: The rule's JSON value.
        path: Where it stands.
    """
    rule = _members(value)
    _refuse_others(downgrade, rule, _RULE_KEYS, path)
    found: dict[str, object] = {"action": _ACTIONS.get(str(rule.get("action")), rule.get("action"))}
    if "ipVersion" in rule:
        found["ip_version"] = rule["ipVersion"]
    for sign, protocol, icmp in (("", "protocol", "icmp"), ("!", "notProtocol", "notICMP")):
        if protocol in rule:
            found[f"{sign}protocol"] = _protocol(rule[protocol])
        for part, number in _members(rule.get(icmp)).items():
            found[f"{sign}icmp_{part}"] = number
    for prefix, side in ENTITY_KEYS.items():
        _add_side(downgrade, found, prefix, _members(rule.get(side)), (*path, side))
    return found


def _members(value: object) -> dict[str, object]:
    """The members of an object that say something: a list that is empty says as little as one that is not there."""
    return (
        {key: each for key, each in value.items() if each not in (None, [], {}, "")} if isinstance(value, dict) else {}
    )


def _refuse_others(downgrade: Downgrade, members: Mapping[str, object], known: Sequence[str], path: Path) -> None:
    for key in members:
        if key not in known:
            downgrade.problems.append(ResourceProblem((*path, key), "has no counterpart in v1"))


def _protocol(value: object) -> object:
    if isinstance(value, str):
        return int(value) if value.isdecimal() else _PROTOCOL_NAMES.get(value, value)
    return value


def _add_side(
    downgrade: Downgrade, found: dict[str, object], prefix: str, entity: Mapping[str, object], path: Path
) -> None:
    _refuse_others(downgrade, entity, _SIDE_KEYS, path)
    for sign, nets, ports, selector in (
        ("", "nets", "ports", "selector"),
        ("!", "notNets", "notPorts", "notSelector"),
    ):
        start = f"{sign}{prefix}_"
        _add_nets(downgrade, found, start, entity.get(nets), (*path, nets))
        _add_ports(downgrade, found, start, entity.get(ports), (*path, ports))
        _add_selector(downgrade, found, start, entity.get(selector), (*path, selector))


def _add_nets(downgrade: Downgrade, found: dict[str, object], start: str, nets: object, path: Path) -> None:
    if not isinstance(nets, list):
        return
    key, several = f"{start}net", f"{start}nets"
    if len(nets) == 1:
        found[key] = nets[0]
    elif several in KNOWN_KEYS:
        found[several] = nets
    else:
        downgrade.problems.append(ResourceProblem(path, "has several networks, where v1 can exclude only one"))


def _add_ports(downgrade: Downgrade, found: dict[str, object], start: str, ports: object, path: Path) -> None:
    if not isinstance(ports, list):
        return
    for index, port in enumerate(ports):
        if isinstance(port, str) and not _NUMERIC_PORT.fullmatch(port):
            downgrade.problems.append(ResourceProblem((*path, index), "is a port by name, which v1 does not have"))
    found[f"{start}ports"] = [int(port) if isinstance(port, str) and port.isdecimal() else port for port in ports]


def _add_selector(downgrade: Downgrade, found: dict[str, object], start: str, selector: object, path: Path) -> None:
    if not isinstance(selector, str):
        return
    rest, label = parted(selector, is_negated=start.startswith("!"))
    tag = None if label is None else downgrade.tags.get(label, label)
    if tag is None or not is_agent_tag(tag):
        rest, tag = selector, None
    if tag is not None:
        found[f"{start}tag"] = tag
    if rest is None:
        return
    rest = renamed(rest, lambda name: downgrade.tags.get(name, name))
    fault = selector_fault(rest)
    if fault is not None:
        downgrade.problems.append(ResourceProblem(path, f"is not a selector of v1: {fault}"))
    found[f"{start}selector"] = rest
