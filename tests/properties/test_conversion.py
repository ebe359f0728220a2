"""Conversion to Calico's v3 data model and back: nothing changes, and every packet is decided as before."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from calicoctl.analysis.differences import find_differences
from calicoctl.analysis.rule_list import RuleList
from calicoctl.diagnostics.core import Refused
from calicoctl.engine.conversion.from_v3 import convert_to_blocks
from calicoctl.engine.conversion.to_policies import Usage, convert_to_policies
from calicoctl.engine.conversion.to_v3 import V1Profile, convert_profiles
from calicoctl.engine.export import export_profile
from calicoctl.language.keywords import Direction
from calicoctl.language.protocols import PORT_PROTOCOLS
from calicoctl.policy.documents.agent_schema import agent_problems
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule
from calicoctl.policy.documents.tags_document import TagsDocument
from calicoctl.policy.profile import Profile
from calicoctl.policy.validation_findings import Findings
from calicoctl.policy.values import new_name
from calicoctl.resources.downgrade import Downgrade, downgraded_rule
from calicoctl.resources.schema import profile_problems, rule_problems
from calicoctl.resources.upgrade import Upgrade, upgraded_rule
from calicoctl.resources.yaml_text import yaml_text
from calicoctl.source import Source
from calicoctl.store.keys import EndpointKey
from calicoctl.syntax import ast
from tests.analysis import brute_force
from tests.resources import packets as resource_packets
from tests.strategies import plain_names, rules
from tests.support.law_examples import examples

stored_rules = st.lists(rules().map(StoredRule.of), max_size=4)
names = plain_names.filter(lambda name: new_name(ast.Word(name), "profile", Findings()) is not None) | st.sampled_from(
    ["WEB", "web", "...", "a.b", "x" * 128, "kns.x", "on", "1e3", "0x1f"]
)
tags = plain_names | st.sampled_from(["_", "a.", "x" * 128, "0x10", "true", "1_000"])


@st.composite
def profiles(draw: st.DrawFn) -> list[Profile]:
    """Profiles of the language."""
    return [
        Profile(
            name,
            RulesDocument.new(draw(stored_rules), draw(stored_rules)),
            TagsDocument.new(draw(st.lists(tags, unique=True, max_size=4))),
        )
        for name in draw(st.lists(names, min_size=1, max_size=4, unique=True))
    ]


@settings(deadline=None)
@given(profiles(), st.booleans())
def test_profiles_that_are_converted_and_converted_back_are_the_same(drawn: list[Profile], as_yaml: bool) -> None:
    converted = convert_profiles([V1Profile(profile) for profile in drawn])
    assert [list(profile_problems(resource)) for resource in converted.resources] == [[] for _ in drawn]
    text = yaml_text(converted.resources) if as_yaml else json.dumps(converted.as_list)
    back = convert_to_blocks([Source("resources", text)])
    assert back.diagnostics == []
    assert back.blocks == [export_profile(profile).text for profile in drawn]


# --- rules that are not in the language ---------------------------------------------------------

NETS = {4: ["10.0.0.0/8", "192.0.2.0/24", "192.0.2.1/32"], 6: ["2001:db8::/32", "::1/128", "fd00::/8"]}
PORTS = st.lists(st.sampled_from([1, 80, 65535, "1:2", "80:65535"]), min_size=1, max_size=3)
SELECTORS = st.sampled_from(
    ["all()", "a == 'b'", "has(x) || b in {'1', \"2\"}", "!has(t) && (c != 'd')", "has(y) && has(z)"]
)
TAGS = st.sampled_from(["t", "WEB", "0", "a.b-c_d"])


@st.composite
def wide_rules(draw: st.DrawFn) -> dict[str, object]:
    """Any rule of v1's schema that its agents enforce as written and v3 accepts, in canonical form."""
    version = draw(st.sampled_from([4, 6]))
    rule: dict[str, object] = {"action": draw(st.sampled_from(["allow", "deny", "log", "next-tier"]))}
    protocol = draw(st.sampled_from([None, "tcp", "udp", "icmp" if version == 4 else "icmpv6", "sctp", 50]))
    if protocol is not None:
        rule["protocol"] = protocol
    if draw(st.booleans()):
        rule["ip_version"] = version
    if draw(st.booleans()):
        rule["!protocol"] = draw(st.sampled_from(["udplite", 47]))
    for sign in ("", "!"):
        if str(protocol).startswith("icmp") and draw(st.booleans()):
            rule[f"{sign}icmp_type"] = draw(st.integers(0, 254))
            if draw(st.booleans()):
                rule[f"{sign}icmp_code"] = draw(st.integers(0, 255))
        for side in ("src", "dst"):
            rule |= draw(_sides(f"{sign}{side}_", version, has_ports=protocol in PORT_PROTOCOLS))
    return rule


@st.composite
def _sides(draw: st.DrawFn, start: str, version: int, *, has_ports: bool) -> dict[str, object]:
    """One side of a rule, or its exclusions there; `start` is the prefix of the keys."""
    side: dict[str, object] = {}
    nets = draw(st.lists(st.sampled_from(NETS[version]), max_size=1 if start.startswith("!") else 3, unique=True))
    if nets:
        side[f"{start}net" if len(nets) == 1 else f"{start}nets"] = nets[0] if len(nets) == 1 else nets
    if has_ports and draw(st.booleans()):
        side[f"{start}ports"] = draw(PORTS)
    if draw(st.booleans()):
        side[f"{start}tag"] = draw(TAGS)
    # No selector is a single tag: it would be converted back to the tag, which means the same.
    if draw(st.booleans()):
        side[f"{start}selector"] = draw(SELECTORS)
    return side


@settings(deadline=None, max_examples=examples(300))
@given(wide_rules())
@example({"action": "deny", "!src_tag": "t", "!src_selector": "a == 'b'"})
def test_a_rule_that_is_not_in_the_language_is_converted_back_unchanged(rule: dict[str, object]) -> None:
    assume(not agent_problems(rule))
    upgrade, downgrade = Upgrade(), Downgrade()
    converted = upgraded_rule(upgrade, rule)
    assert (upgrade.problems, list(rule_problems(converted))) == ([], [])
    back = downgraded_rule(downgrade, converted)
    assert (back, downgrade.problems) == (rule, [])


# --- the meaning of rules -----------------------------------------------------------------------


@st.composite
def excluding_rules(draw: st.DrawFn) -> dict[str, Any]:
    """A rule that may also exclude tags, which the analysis does not support."""
    rule = draw(brute_force.rules())
    excluded = draw(st.dictionaries(st.sampled_from(["!src_tag", "!dst_tag"]), st.sampled_from(brute_force.TAGS)))
    return {**rule, **excluded}


@settings(deadline=None, max_examples=40)
@given(st.lists(excluding_rules(), min_size=1, max_size=4), st.sampled_from([4, 6]))
def test_a_converted_list_decides_every_packet_as_before(drawn: list[dict[str, Any]], version: int) -> None:
    assume(not any(agent_problems(rule) for rule in drawn))
    converted: list[dict[str, Any]] = [upgraded_rule(Upgrade(), rule) for rule in drawn]
    for packet in brute_force.packets(version):
        assert resource_packets.decision(converted, packet) == brute_force.decision(drawn, packet), packet


# --- policies -----------------------------------------------------------------------------------


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Profile], list[Usage]]:
    """Profiles with a tag each, and endpoints with some of them in any order."""
    drawn = [
        Profile(f"p{index}", RulesDocument.new(draw(stored_rules), draw(stored_rules)), TagsDocument.new([f"t{index}"]))
        for index in range(draw(st.integers(1, 4)))
    ]
    lists = draw(st.lists(st.permutations(range(len(drawn))), min_size=1, max_size=3))
    usages = [
        Usage(
            EndpointKey("h", "o", "w", str(index)), tuple(f"p{number}" for number in order[: draw(st.integers(1, 3))])
        )
        for index, order in enumerate(lists)
    ]
    return drawn, usages


@settings(deadline=None)
@given(worlds())
def test_the_order_of_policies_decides_as_the_profiles_of_each_endpoint(
    world: tuple[list[Profile], list[Usage]],
) -> None:
    drawn, usages = world
    by_name = {profile.name: profile for profile in drawn}

    def decided(order: tuple[str, ...], direction: Direction) -> RuleList:
        return RuleList(rule for name in order for rule in _rules(by_name[name], direction))

    policies = _policies(drawn, usages)
    if policies is None:
        # Only if the endpoints contradict each other.
        assert not any(all(map(_agrees(order), usages)) for order in permutations(by_name))
        return
    ordered = sorted(policies, key=_order)
    for usage in usages:
        tried = tuple(name for policy in ordered if (name := _profile_of(policy)) in usage.profiles)
        assert sorted(tried) == sorted(usage.profiles)
        for direction in Direction:
            assert not find_differences(decided(usage.profiles, direction), decided(tried, direction))


def _policies(drawn: list[Profile], usages: list[Usage]) -> tuple[Mapping[str, Any], ...] | None:
    """The policies of profiles; None if no order of them agrees with all endpoints."""
    try:
        return convert_to_policies([V1Profile(profile) for profile in drawn], usages).resources
    except Refused as refused:
        if any(diagnostic.code != "E0910" for diagnostic in refused.diagnostics):
            raise
        return None


def _rules(profile: Profile, direction: Direction) -> tuple[StoredRule, ...]:
    assert isinstance(profile.rules, RulesDocument)
    return tuple(profile.rules.rules(direction))


def _agrees(order: tuple[str, ...]) -> Callable[[Usage], bool]:
    """A check whether an endpoint has its profiles in this order."""
    return lambda usage: sorted(usage.profiles, key=order.index) == list(usage.profiles)


def _order(policy: Mapping[str, Any]) -> int:
    order = policy["spec"]["order"]
    assert isinstance(order, int)
    return order


def _profile_of(policy: Mapping[str, Any]) -> str:
    """The profile of a policy, whose selector has the one tag of that profile."""
    return str(policy["spec"]["selector"]).replace("has(t", "p").rstrip(")")
