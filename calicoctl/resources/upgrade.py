"""Profiles of v1 as those of v3: the conversion of Calico's own upgrade, without its flaws.

What differs from libcalico-go, lib/upgrade/converters, on purpose: a tag is `has(T)` in selectors, which is what it
meant, where upstream writes `T == ''`; a rule that excludes a tag and a selector excludes either; a tag may stand
twice; tags that are no label keys are renamed; what is lost is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from calicoctl.language.networks import enforced_network, network_text
from calicoctl.language.ports import read_json_port
from calicoctl.language.words import ICMP_PARTS, SIDES, Direction
from calicoctl.policy.documents.agent_schema import RESOURCE_KEY
from calicoctl.policy.documents.json_text import Path, found_text
from calicoctl.records import dataclass, field
from calicoctl.resources.schema import PROTOCOLS, ResourceProblem
from calicoctl.resources.selectors import renamed, tag_selector, with_tag, without_old_labels
from calicoctl.resources.v3_names import label_key, v3_profile_name

API_VERSION = "projectcalico.org/v3"
KIND = "Profile"
POLICY_KIND = "GlobalNetworkPolicy"
# The lists of v3 by the directions of the language.
LIST_KEYS = {Direction.INBOUND: "ingress", Direction.OUTBOUND: "egress"}
# What stands on each side of a rule, by the beginning of its keys in v1.
ENTITY_KEYS = dict(zip(SIDES.values(), ("source", "destination"), strict=True))

# What was renamed is noted beside the resource, so that it can be converted back.
NAME_ANNOTATION = "calicoctl-profile/v1-name"
TAGS_ANNOTATION = "calicoctl-profile/v1-tags"

# What v1's agents know, by what v3 calls it.
ACTIONS = {"allow": "Allow", "deny": "Deny", "log": "Log", "next-tier": "Pass"}
# What upstream takes besides, in lower case.
_OTHER_ACTIONS = {"": "Allow", "allow": "Allow", "deny": "Deny", "log": "Log", "pass": "Pass"}
_PROTOCOL_NAMES = {name.lower(): name for name in PROTOCOLS}
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
    """What becomes of something of v1.

    Attributes:
        problems: What cannot be said in v3.
        losses: What v3 has nothing for, and is left out.
        renamed_tags: Each label that stands for a tag of another name, with that name.
        tags: By each label, what stands for it in v1: more than one name is a clash.
        keeps_tags: Whether tags keep their names in any case, as in a datastore of v3, which has no others.
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
    """The resource of a profile.

    Args:
        upgrade: Takes what is to be told.
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
    applied = dict(labels or {})
    for key in applied:
        upgrade.tags.setdefault(key, set()).add(key)
    for tag in tags:
        label = upgrade.label(tag)
        if applied.setdefault(label, "") != "":
            reason = f"and the label `{label}` with the value {found_text(applied[label])} would be the same in v3"
            upgrade.problems.append(ResourceProblem(("tags", tag), reason))
    if applied:
        spec["labelsToApply"] = applied
    metadata: dict[str, object] = {"name": new_name}
    annotations = _annotations(name, new_name, upgrade.renamed_tags)
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def _annotations(name: str, new_name: str, renamed: Mapping[str, str]) -> dict[str, str]:
    import json

    found = {} if name == new_name else {NAME_ANNOTATION: name}
    return {**found, TAGS_ANNOTATION: json.dumps(dict(sorted(renamed.items())))} if renamed else found


def upgraded_rule(upgrade: Upgrade, value: object, path: Path = ()) -> dict[str, object]:
    """A rule of v3 that matches the same packets as one of v1.

    Args:
        upgrade: Takes what is to be told.
        value: The rule's JSON value.
        path: Where it stands.
    """
    if not isinstance(value, dict):
        upgrade.problems.append(ResourceProblem(path, "must be an object"))
        return {"action": _action("")}
    if isinstance(inner := value.get(RESOURCE_KEY), dict):
        # A rule of v3 that v1 cannot say, all but its action.
        return {"action": _action(value.get("action", "")), **inner}
    rule: dict[str, object] = {key: each for key, each in value.items() if each is not None}
    _look_at_keys(upgrade, rule, path)
    upgraded: dict[str, object] = {"action": _action(rule.get("action", ""))}
    if "ip_version" in rule:
        upgraded["ipVersion"] = rule["ip_version"]
    for sign, protocol, icmp in (("", "protocol", "icmp"), ("!", "notProtocol", "notICMP")):
        if f"{sign}protocol" in rule:
            upgraded[protocol] = _protocol(rule[f"{sign}protocol"])
        if numbers := _icmp(rule, sign):
            upgraded[icmp] = numbers
    for prefix, key in ENTITY_KEYS.items():
        entity = _entity(upgrade, rule, prefix, path)
        if entity:
            upgraded[key] = entity
    return upgraded


def _look_at_keys(upgrade: Upgrade, rule: Iterable[str], path: Path) -> None:
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
    return ACTIONS.get(value) or _OTHER_ACTIONS.get(value.lower(), value)


def _protocol(value: object) -> object:
    if not isinstance(value, str):
        return value
    if _DIGITS.fullmatch(value) and int(value) <= 255:
        return int(value)
    return _PROTOCOL_NAMES.get(value.lower(), value)


def _entity(upgrade: Upgrade, rule: Mapping[str, object], prefix: str, path: Path) -> dict[str, object]:
    """The source or the destination of a rule; empty when it says nothing about it."""
    found: dict[str, object] = {}
    for sign, word in _SIGNS.items():
        start = f"{sign}{prefix}_"
        nets = [*_list(upgrade, rule, f"{start}nets", path), *([rule[f"{start}net"]] if f"{start}net" in rule else ())]
        if nets:
            found[_key(word, "nets")] = [_network(net) for net in nets]
        selector = _selector(upgrade, rule, start, is_negated=bool(word))
        if selector is not None:
            found[_key(word, "selector")] = selector
        ports = _list(upgrade, rule, f"{start}ports", path)
        if ports:
            found[_key(word, "ports")] = [_port(port) for port in ports]
    return found


def _key(word: str, name: str) -> str:
    return f"{word}{name[0].upper()}{name[1:]}" if word else name


def _list(upgrade: Upgrade, rule: Mapping[str, object], key: str, path: Path) -> Sequence[object]:
    value = rule.get(key, [])
    if not isinstance(value, list):
        upgrade.problems.append(ResourceProblem((*path, key), "must be a list"))
        return ()
    return value


def _network(value: object) -> object:
    """A network without its host bits; what is none stays as it is."""
    network = enforced_network(value) if isinstance(value, str) else None
    return value if network is None else network_text(network)


def _port(value: object) -> object:
    """A port or a range as v3 has it; what is none stays as it is."""
    item = read_json_port(value).item
    if item is None or item.separator == "-":
        return value
    return item.first if item.first == item.last else f"{item.first}:{item.last}"


def _selector(upgrade: Upgrade, rule: Mapping[str, object], start: str, *, is_negated: bool) -> object:
    selector, tag = rule.get(f"{start}selector"), rule.get(f"{start}tag")
    if isinstance(selector, str):
        # Tags are labels now, and selectors may name them.
        selector = renamed(without_old_labels(selector), upgrade.label)
    if not isinstance(tag, str):
        is_none = isinstance(selector, str) and not selector.strip() and is_negated
        return tag if tag is not None else _EVERYTHING if is_none else selector
    key = upgrade.label(tag)
    if not isinstance(selector, str) or not selector.strip():
        # The empty selector selects everything: with a tag, that is the tag; to exclude it is to exclude all.
        return tag_selector(key) if selector is None or not is_negated else _EVERYTHING
    return with_tag(selector, key, is_negated=is_negated)
