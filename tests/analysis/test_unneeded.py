"""Dead and redundant rules, compared with every packet of a small space."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from benchmarks.rule_sets import rule_set
from calicoctl.analysis.rule_list import Decision, RuleList
from calicoctl.analysis.unneeded_rules import FIRST, Grade, Reason, UnneededRule, find_unneeded
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.validation import check_rule
from calicoctl.policy.validation_findings import Findings
from calicoctl.source import Source
from tests.analysis import simple_unneeded_rules
from tests.analysis.brute_force import Json, decider, decision, decision_of, matches, packets, rules, stored
from tests.support.parsing import parse_rule_node

SPACE = [*packets(4), *packets(6)]


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(rules(), min_size=1, max_size=7))
@example([{"action": "allow", "!protocol": "icmpv6"}, {"action": "deny", "dst_net": "0.0.0.0/1"}])
def test_the_reported_rules_are_those_without_effect_on_any_packet(inbound: list[Json]) -> None:
    unneeded_rules = {unneeded.rule.position: unneeded for unneeded in find_unneeded(RuleList(stored(inbound)))}
    deciders = [decider(inbound, packet) for packet in SPACE]
    for position, rule in enumerate(inbound, 1):
        if rule["action"] == "log":
            assert position not in unneeded_rules
            continue
        matched = [
            (packet, position_of_decider)
            for packet, position_of_decider in zip(SPACE, deciders, strict=True)
            if matches(rule, packet)
        ]
        is_dead = all(position_of_decider != position for _, position_of_decider in matched)
        reason = unneeded_rules[position].reason if position in unneeded_rules else None
        assert is_dead == (reason in (Reason.DEAD, Reason.DUPLICATE)), (position, rule, unneeded_rules.get(position))
        if is_dead:
            check_dead(inbound, unneeded_rules[position])
        else:
            own = [packet for packet, position_of_decider in matched if position_of_decider == position]
            is_redundant = all(decision(inbound, packet, position) == decision_of(inbound, position) for packet in own)
            assert is_redundant == (reason is Reason.REDUNDANT), (position, rule, unneeded_rules.get(position))


def check_dead(inbound: list[Json], unneeded: UnneededRule) -> None:
    """Its deciders are those of packets between endpoints with only its own tags, and its packet is one of these."""
    rule = inbound[unneeded.rule.position - 1]
    tags = tuple(frozenset({rule[key]} if key in rule else ()) for key in ("src_tag", "dst_tag"))
    own = [
        packet for packet in SPACE if matches(rule, packet) and (packet.source_tags, packet.destination_tags) == tags
    ]
    if not own:  # it matches no packet of the small space
        return
    deciders = {decider(inbound, packet) for packet in own}
    assert deciders <= set(unneeded.deciders), unneeded
    actions = {inbound[position - 1]["action"] for position in unneeded.deciders}
    worse = {"deny": "allow", "allow": "deny"}.get(rule["action"])
    grades = {"deny": Grade.HOLE, "allow": Grade.OUTAGE}
    assert unneeded.grade is (grades[rule["action"]] if worse in actions else Grade.CLUTTER)
    alone = {
        position
        for position, other in enumerate(inbound[: unneeded.rule.position - 1], 1)
        if other["action"] != "log" and all(matches(other, packet) for packet in SPACE if matches(rule, packet))
    }
    assert set(unneeded.suffices) <= alone
    if unneeded.packet is not None:
        assert matches(rule, unneeded.packet)
        assert decider(inbound, unneeded.packet) in unneeded.deciders


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(rules(), min_size=8, max_size=25))
def test_long_lists_of_few_networks_agree_with_the_simple_algorithm(inbound: list[Json]) -> None:
    check_with_simple_algorithm(RuleList(stored(inbound)))


@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.integers(0, 2**32), st.sampled_from([2, 8, 40]))
def test_typical_lists_agree_with_the_simple_algorithm(seed: int, zones: int) -> None:
    """The fewer zones, the more rules overlap."""
    listed = rule_set(150, seed, zones)
    analysed = list_of(listed.rules)
    unneeded_rules = check_with_simple_algorithm(analysed)
    assert {
        unneeded.rule.position for unneeded in unneeded_rules if unneeded.reason in (Reason.DEAD, Reason.DUPLICATE)
    } >= {*listed.planted}


def list_of(texts: Iterable[str]) -> RuleList:
    parsed = [check_rule(parse_rule_node(Source("rule", text)), Findings()) for text in texts]
    return RuleList(StoredRule.of(rule) for rule in parsed if rule is not None)


def check_with_simple_algorithm(analysed: RuleList) -> tuple[UnneededRule, ...]:
    """The indexed search has the same results as the simple algorithm."""
    unneeded_rules = tuple(unneeded for unneeded in find_unneeded(analysed) if unneeded.rule.boxes)
    assert {
        unneeded.rule.position: (unneeded.reason, unneeded.deciders, unneeded.suffices) for unneeded in unneeded_rules
    } == simple_unneeded_rules.unneeded(analysed.deciding)
    for unneeded in unneeded_rules:
        assert (unneeded.packet is not None) == bool(unneeded.deciders)
        if unneeded.packet is not None:
            decided_by = simple_unneeded_rules.deciding_rule(analysed.deciding, unneeded.packet)
            assert decided_by is not None
            # A redundant rule still decides its own packets.
            assert decided_by.position in (*unneeded.deciders, unneeded.rule.position)
            assert (decided_by is unneeded.rule) == (unneeded.reason is Reason.REDUNDANT)
        assert unneeded.first_deciders == unneeded.deciders[:FIRST]
        check_grade(unneeded, analysed)
    return unneeded_rules


def check_grade(unneeded: UnneededRule, analysed: RuleList) -> None:
    """The worst decider of a hole or an outage is the first rule with the opposite decision."""
    opposite = {Decision.DENY: Decision.ALLOW, Decision.ALLOW: Decision.DENY}.get(
        unneeded.rule.decision or Decision.NONE
    )
    opposite_positions = [
        position for position in unneeded.deciders if analysed.rules[position - 1].decision is opposite
    ]
    is_worse = bool(opposite_positions) and unneeded.reason is not Reason.REDUNDANT
    assert unneeded.worst == (opposite_positions[0] if is_worse else None)
    worse = Grade.HOLE if unneeded.rule.decision is Decision.DENY else Grade.OUTAGE
    assert unneeded.grade is (worse if is_worse else Grade.CLUTTER)


def test_a_rule_that_only_several_rules_cover_together() -> None:
    inbound: list[Json] = [
        {"action": "deny", "src_net": "10.0.0.0/9"},
        {"action": "allow", "src_net": "10.128.0.0/9"},
        {"action": "allow", "src_net": "10.0.0.0/8", "protocol": "tcp", "dst_ports": [80]},
    ]
    (unneeded,) = find_unneeded(RuleList(stored(inbound)))
    assert (unneeded.rule.position, unneeded.reason, unneeded.grade) == (3, Reason.DEAD, Grade.OUTAGE)
    assert (unneeded.deciders, unneeded.suffices) == ((1, 2), ())


def test_a_rule_also_matches_ports_that_no_rule_can_name() -> None:
    inbound: list[Json] = [
        {"action": "allow", "protocol": "tcp", "dst_ports": ["1:65535"]},
        {"action": "allow", "protocol": "tcp"},
    ]
    assert [unneeded.reason for unneeded in find_unneeded(RuleList(stored(inbound)))] == [Reason.REDUNDANT]


def test_a_rule_that_depends_on_endpoints_covers_no_other() -> None:
    inbound = [
        {"action": "allow", "src_selector": "all()"},
        {"action": "deny"},
        {"action": "allow", "!src_tag": "A"},
    ]
    unneeded_rules = find_unneeded(RuleList(stored(inbound)))
    assert [(unneeded.rule.position, unneeded.reason) for unneeded in unneeded_rules] == [
        (1, Reason.NOT_ANALYSED),
        (3, Reason.NOT_ANALYSED),
    ]


def test_a_rule_that_excludes_a_protocol_and_one_of_that_protocol_cover_all() -> None:
    inbound: list[Json] = [
        {"action": "allow", "!protocol": "sctp"},
        {"action": "deny", "protocol": "sctp"},
        {"action": "allow"},
    ]
    *_, unneeded = find_unneeded(RuleList(stored(inbound)))
    assert (unneeded.rule.position, unneeded.reason, unneeded.grade) == (3, Reason.DEAD, Grade.OUTAGE)
    assert unneeded.deciders == (1, 2)


def test_a_rule_that_matches_only_an_excluded_protocol_has_a_packet_of_it() -> None:
    inbound: list[Json] = [{"action": "allow", "!protocol": "sctp"}, {"action": "deny"}]
    rules_of = RuleList(stored(inbound))
    assert find_unneeded(rules_of) == ()
    packet = rules_of.cover.uncovered(rules_of.rules[1].boxes[0], 2)
    assert packet is not None
    assert packet.protocol == 132
