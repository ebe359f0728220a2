"""Conversion of v1 profiles to v3: the rules of Calico's own upgrade, without its flaws.

Intentional differences from libcalico-go, lib/upgrade/converters: in selectors a tag is `has(T)`, which is its meaning
(upstream writes `T == ''`); a rule that excludes a tag and a selector excludes endpoints with either; duplicate tags
are accepted; tags that are not valid label keys are renamed; losses are reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from calicoctl.fast_dataclasses import dataclass, field
from calicoctl.language.keywords import ICMP_PARTS, SIDES, Direction
from calicoctl.language.networks import enforced_network, network_text
from calicoctl.language.ports import read_json_port
from calicoctl.policy.documents.agent_schema import RESOURCE_KEY
from calicoctl.policy.documents.json_text import JsonPath, found_text
from calicoctl.resources.schema import LIST_KEYS, V3_PROTOCOLS, ResourceProblem
from calicoctl.resources.selectors import tag_selector, with_renamed_labels, with_tag, with_v3_namespace_label
from calicoctl.resources.v3_names import label_key, v3_profile_name

API_VERSION = "projectcalico.org/v3"
KIND = "Profile"
POLICY_KIND = "GlobalNetworkPolicy"
# The v3 names of the sides of a rule, by the prefix of their keys in v1.
ENTITY_KEYS = dict(zip(SIDES.values(), ("source", "destination"), strict=True))
# The keys of a rule's protocol and ICMP numbers in v3, each pair with the sign of its keys in v1.
PROTOCOL_KEYS = (("", "protocol", "icmp"), ("!", "notProtocol", "notICMP"))

# The beginning of the names of all annotations that this program makes.
OWN_ANNOTATION_PREFIX = "calicoctl-profile/"
# Annotations that record the original names, so that the resource can be converted back.
NAME_ANNOTATION = f"{OWN_ANNOTATION_PREFIX}v1-name"
TAGS_ANNOTATION = f"{OWN_ANNOTATION_PREFIX}v1-tags"

# The actions of v3, by those that v1's agents know.
V3_ACTION_BY_V1 = {"allow": "Allow", "deny": "Deny", "log": "Log", "next-tier": "Pass"}
# Further actions that upstream accepts, in lower case.
_OTHER_ACTIONS = {"": "Allow", "allow": "Allow", "deny": "Deny", "log": "Log", "pass": "Pass"}
_PROTOCOL_NAMES = {name.lower(): name for name in V3_PROTOCOLS}
_DIGITS = re.compile("[0-9]{1,3}")
_SIGNS = {"": "", "!": "not"}
_EVERYTHING = "all()"

_PARTS = ("net", "nets", "tag", "selector", "ports")
_KNOWN_KEYS = frozenset(
    {
        *("action", "ip_version", "log_prefix"),
        *(f"{sign}{key}" for sign in _SIGNS for key in ("protocol", "icmp_type", "icmp_code")),
        *(f"{sign}{side}_{part}" for sign in _SIGNS for side in ENTITY_KEYS for part in _PARTS),
    }
)


@dataclass
class Upgrade:
    """The state of a conversion from v1 to v3.

    Attributes:
        problems: The parts that v3 cannot express.
        losses: The parts that have no counterpart in v3 and are omitted.
        renamed_tags: The original tags by their labels, if they differ.
        tags: The original tags and labels by their v3 labels; more than one name is a conflict.
        keeps_tags: Whether tags are never renamed, as in a v3 datastore, where tags are labels already.
    """

    problems: list[ResourceProblem] = field(default_factory=list)
    losses: list[ResourceProblem] = field(default_factory=list)
    renamed_tags: dict[str, str] = field(default_factory=dict)
    tags: dict[str, set[str]] = field(default_factory=dict)
    keeps_tags: bool = False

    def label(self, tag: str) -> str:
        """The label of a tag."""
        key = tag if self.keeps_tags else label_key(tag)
        self.tags.setdefault(key, set()).add(tag)
        if key != tag:
            self.renamed_tags[key] = tag
        return key


def upgraded_profile(
    upgrade: Upgrade,
    name: str,
    lists: Mapping[Direction, Sequence[object]],
    tags: Iterable[str] = (),
    labels: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """The v3 resource of a v1 profile.

    Args:
        upgrade: The conversion; problems and losses are added to it.
        name: The profile's name in v1.
        lists: The JSON values of its rules.
        tags: Its tags.
        labels: Its labels.
    """
    new_name = v3_profile_name(name)
    spec: dict[str, object] = {}
    for direction, key in LIST_KEYS.items():
        rules = lists.get(direction, ())
        if rules:
            spec[key] = [upgraded_rule(upgrade, rule, (direction.json_key, index)) for index, rule in enumerate(rules)]
    labels_to_apply = _labels_to_apply(upgrade, tags, labels or {})
    if labels_to_apply:
        spec["labelsToApply"] = labels_to_apply
    metadata: dict[str, object] = {"name": new_name}
    annotations = _annotations(name, new_name, upgrade.renamed_tags)
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def _labels_to_apply(upgrade: Upgrade, tags: Iterable[str], labels: Mapping[str, object]) -> dict[str, object]:
    """The labels of a profile, and the labels that represent its tags."""
    labels_to_apply = dict(labels)
    for key in labels:
        upgrade.tags.setdefault(key, set()).add(key)
    for tag in tags:
        label = upgrade.label(tag)
        value = labels_to_apply.setdefault(label, "")
        if value != "":
            reason = f"and the label `{label}` with the value {found_text(value)} would be the same in v3"
            upgrade.problems.append(ResourceProblem(("tags", tag), reason))
    return labels_to_apply


def _annotations(name: str, new_name: str, renamed_tags: Mapping[str, str]) -> dict[str, str]:
    annotations = {} if name == new_name else {NAME_ANNOTATION: name}
    if renamed_tags:
        annotations[TAGS_ANNOTATION] = json.dumps(dict(sorted(renamed_tags.items())))
    return annotations


def upgraded_rule(upgrade: Upgrade, value: object, path: JsonPath = ()) -> dict[str, object]:
    """A v3 rule that matches the same packets as a v1 rule.

    Args:
        upgrade: The conversion; problems and losses are added to it.
        value: The rule's JSON value.
        path: The path of the rule.
    """
    if not isinstance(value, dict):
        upgrade.problems.append(ResourceProblem(path, "must be an object"))
        return {"action": _action("")}
    if isinstance(v3_members := value.get(RESOURCE_KEY), dict):
        # The members of a v3 rule that v1 cannot express, without its action.
        return {"action": _action(value.get("action", "")), **v3_members}
    rule: dict[str, object] = {key: member for key, member in value.items() if member is not None}
    _check_keys(upgrade, rule, path)
    upgraded: dict[str, object] = {"action": _action(rule.get("action", ""))}
    if "ip_version" in rule:
        upgraded["ipVersion"] = rule["ip_version"]
    for sign, protocol, icmp in PROTOCOL_KEYS:
        if f"{sign}protocol" in rule:
            upgraded[protocol] = _protocol(rule[f"{sign}protocol"])
        if numbers := _icmp(rule, sign):
            upgraded[icmp] = numbers
    for prefix, key in ENTITY_KEYS.items():
        entity = _entity(upgrade, rule, prefix, path)
        if entity:
            upgraded[key] = entity
    return upgraded


def _check_keys(upgrade: Upgrade, rule: Iterable[str], path: JsonPath) -> None:
    for key in rule:
        if key not in _KNOWN_KEYS:
            upgrade.problems.append(ResourceProblem((*path, key), "is not a key of a rule"))
        elif key == "log_prefix":
            upgrade.losses.append(ResourceProblem((*path, key), "v3 has one prefix for all logs"))


def _icmp(rule: Mapping[str, object], sign: str) -> dict[str, object]:
    return {part: rule[key] for part in ICMP_PARTS if (key := f"{sign}icmp_{part}") in rule}


def _action(value: object) -> object:
    if not isinstance(value, str):
        return value
    return V3_ACTION_BY_V1.get(value) or _OTHER_ACTIONS.get(value.lower(), value)


def _protocol(value: object) -> object:
    if not isinstance(value, str):
        return value
    if _DIGITS.fullmatch(value) and int(value) <= 255:
        return int(value)
    return _PROTOCOL_NAMES.get(value.lower(), value)


def _entity(upgrade: Upgrade, rule: Mapping[str, object], prefix: str, path: JsonPath) -> dict[str, object]:
    """The source or the destination of a rule; empty if the rule does not restrict it."""
    entity: dict[str, object] = {}
    for sign, word in _SIGNS.items():
        start = f"{sign}{prefix}_"
        nets = [*_list(upgrade, rule, f"{start}nets", path), *([rule[f"{start}net"]] if f"{start}net" in rule else ())]
        if nets:
            entity[_key(word, "nets")] = [_network(net) for net in nets]
        selector = _selector(upgrade, rule, start, is_negated=bool(word))
        if selector is not None:
            entity[_key(word, "selector")] = selector
        ports = _list(upgrade, rule, f"{start}ports", path)
        if ports:
            entity[_key(word, "ports")] = [_port(port) for port in ports]
    return entity


def _key(word: str, name: str) -> str:
    return f"{word}{name[0].upper()}{name[1:]}" if word else name


def _list(upgrade: Upgrade, rule: Mapping[str, object], key: str, path: JsonPath) -> Sequence[object]:
    value = rule.get(key, [])
    if not isinstance(value, list):
        upgrade.problems.append(ResourceProblem((*path, key), "must be a list"))
        return ()
    return value


def _network(value: object) -> object:
    """A network without its host bits; an invalid value is returned unchanged."""
    network = enforced_network(value) if isinstance(value, str) else None
    return value if network is None else network_text(network)


def _port(value: object) -> object:
    """A port or a port range in v3; an invalid value is returned unchanged."""
    item = read_json_port(value).item
    if item is None or item.separator == "-":
        return value
    return item.first if item.first == item.last else f"{item.first}:{item.last}"


def _selector(upgrade: Upgrade, rule: Mapping[str, object], start: str, *, is_negated: bool) -> object:
    selector, tag = rule.get(f"{start}selector"), rule.get(f"{start}tag")
    if isinstance(selector, str):
        # Tags are labels in v3, and selectors may refer to them.
        selector = with_renamed_labels(with_v3_namespace_label(selector), upgrade.label)
    if not isinstance(tag, str):
        excludes_all = isinstance(selector, str) and not selector.strip() and is_negated
        return tag if tag is not None else _EVERYTHING if excludes_all else selector
    key = upgrade.label(tag)
    if not isinstance(selector, str) or not selector.strip():
        # The empty selector selects everything: together with a tag it selects the tag; excluding it excludes all.
        return tag_selector(key) if selector is None or not is_negated else _EVERYTHING
    return with_tag(selector, key, is_negated=is_negated)
