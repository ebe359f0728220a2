"""Conversion of v3 rules to v1, as far as v1 can express them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from calicoctl.fast_dataclasses import dataclass, field
from calicoctl.language.names import is_agent_tag
from calicoctl.policy.documents.agent_schema import KNOWN_KEYS
from calicoctl.policy.documents.json_text import JsonPath
from calicoctl.policy.documents.selector import selector_fault
from calicoctl.resources.schema import V3_PROTOCOLS, ResourceProblem
from calicoctl.resources.selectors import split_tag, with_renamed_labels
from calicoctl.resources.upgrade import ENTITY_KEYS, PROTOCOL_KEYS, V3_ACTION_BY_V1

V1_ACTION_BY_V3 = {new: old for old, new in V3_ACTION_BY_V1.items()}
_PROTOCOL_NAMES = {name: name.lower() for name in V3_PROTOCOLS}
_NUMERIC_PORT = re.compile("[0-9]{1,5}(?::[0-9]{1,5})?")
_RULE_KEYS = ("action", "ipVersion", "protocol", "notProtocol", "icmp", "notICMP", "source", "destination")
_SIDE_KEYS = ("nets", "notNets", "ports", "notPorts", "selector", "notSelector")


@dataclass
class Downgrade:
    """The state of a conversion from v3 to v1.

    Attributes:
        problems: The parts that v1 cannot express.
        tags: The names of tags by their labels, if they differ.
    """

    problems: list[ResourceProblem] = field(default_factory=list)
    tags: Mapping[str, str] = field(default_factory=dict)


def downgraded_rule(downgrade: Downgrade, value: object, path: JsonPath = ()) -> dict[str, object]:
    """A v1 rule that matches the same packets as a valid v3 rule.

    Args:
        downgrade: The conversion; problems are added to it.
        value: The rule's JSON value.
        path: The path of the rule.
    """
    rule = _members(value)
    _refuse_others(downgrade, rule, _RULE_KEYS, path)
    v1_rule: dict[str, object] = {"action": V1_ACTION_BY_V3.get(str(rule.get("action")), rule.get("action"))}
    if "ipVersion" in rule:
        v1_rule["ip_version"] = rule["ipVersion"]
    for sign, protocol, icmp in PROTOCOL_KEYS:
        if protocol in rule:
            v1_rule[f"{sign}protocol"] = _protocol(rule[protocol])
        for part, number in _members(rule.get(icmp)).items():
            v1_rule[f"{sign}icmp_{part}"] = number
    for prefix, side in ENTITY_KEYS.items():
        _add_side(downgrade, v1_rule, prefix, _members(rule.get(side)), (*path, side))
    return v1_rule


def _members(value: object) -> dict[str, object]:
    """The members of an object that are not empty: an empty list means the same as an absent one."""
    if not isinstance(value, dict):
        return {}
    return {key: member for key, member in value.items() if member not in (None, [], {}, "")}


def _refuse_others(downgrade: Downgrade, members: Mapping[str, object], known: Sequence[str], path: JsonPath) -> None:
    for key in members:
        if key not in known:
            downgrade.problems.append(ResourceProblem((*path, key), "has no counterpart in v1"))


def _protocol(value: object) -> object:
    if isinstance(value, str):
        return int(value) if value.isdecimal() else _PROTOCOL_NAMES.get(value, value)
    return value


def _add_side(
    downgrade: Downgrade, v1_rule: dict[str, object], prefix: str, entity: Mapping[str, object], path: JsonPath
) -> None:
    _refuse_others(downgrade, entity, _SIDE_KEYS, path)
    for sign, nets, ports, selector in (
        ("", "nets", "ports", "selector"),
        ("!", "notNets", "notPorts", "notSelector"),
    ):
        start = f"{sign}{prefix}_"
        _add_nets(downgrade, v1_rule, start, entity.get(nets), (*path, nets))
        _add_ports(downgrade, v1_rule, start, entity.get(ports), (*path, ports))
        _add_selector(downgrade, v1_rule, start, entity.get(selector), (*path, selector))


def _add_nets(downgrade: Downgrade, v1_rule: dict[str, object], start: str, nets: object, path: JsonPath) -> None:
    if not isinstance(nets, list):
        return
    key, list_key = f"{start}net", f"{start}nets"
    if len(nets) == 1:
        v1_rule[key] = nets[0]
    elif list_key in KNOWN_KEYS:
        v1_rule[list_key] = nets
    else:
        downgrade.problems.append(ResourceProblem(path, "has several networks, but v1 can exclude only one"))


def _add_ports(downgrade: Downgrade, v1_rule: dict[str, object], start: str, ports: object, path: JsonPath) -> None:
    if not isinstance(ports, list):
        return
    for index, port in enumerate(ports):
        if isinstance(port, str) and not _NUMERIC_PORT.fullmatch(port):
            downgrade.problems.append(ResourceProblem((*path, index), "is a named port, which v1 does not support"))
    v1_rule[f"{start}ports"] = [int(port) if isinstance(port, str) and port.isdecimal() else port for port in ports]


def _add_selector(
    downgrade: Downgrade, v1_rule: dict[str, object], start: str, selector: object, path: JsonPath
) -> None:
    """Add the tag and the selector of one side of a rule, with a problem for a selector that v1 does not have."""
    if not isinstance(selector, str):
        return
    v1_selector, label = split_tag(selector, is_negated=start.startswith("!"))
    tag = None if label is None else downgrade.tags.get(label, label)
    if tag is None or not is_agent_tag(tag):
        v1_selector, tag = selector, None
    if tag is not None:
        v1_rule[f"{start}tag"] = tag
    if v1_selector is None:
        return
    v1_selector = with_renamed_labels(v1_selector, lambda name: downgrade.tags.get(name, name))
    fault = selector_fault(v1_selector)
    if fault is not None:
        downgrade.problems.append(ResourceProblem(path, f"is not a selector of v1: {fault}"))
    v1_rule[f"{start}selector"] = v1_selector
