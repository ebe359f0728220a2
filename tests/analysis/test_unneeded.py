"""Dead and redundant rules, against every packet of a small space."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from benchmarks.rule_sets import rule_set
from calicoctl.analysis.rule_list import Decision, RuleList
from calicoctl.analysis.unneeded import FIRST, Grade, Reason, UnneededRule, find_unneeded
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.findings import Findings
from calicoctl.policy.validation import check_rule
from calicoctl.source import Source
from calicoctl.syntax.parser import parse_rule
from tests.analysis import plain
from tests.analysis.brute_force import Json, decider, decision, matches, packets, rules, stored

SPACE = [*packets(4), *packets(6)]


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(rules(), min_size=1, max_size=7))
def test_what_is_said_of_rules_is_true_of_every_packet(inbound: list[Json]) -> None:
    found = {each.rule.position: each for each in find_unneeded(RuleList(stored(inbound)))}
    deciders = [decider(inbound, packet) for packet in SPACE]
    for position, rule in enumerate(inbound, 1):
        if rule["action"] == "log":
            assert position not in found
            continue
        matched = [(packet, by) for packet, by in zip(SPACE, deciders, strict=True) if matches(rule, packet)]
        is_dead = all(by != position for _, by in matched)
        reason = found[position].reason if position in found else None
        assert is_dead == (reason in (Reason.DEAD, Reason.DUPLICATE)), (position, rule, found.get(position))
        if is_dead:
            check_dead(inbound, found[position])
        else:
            own = [packet for packet, by in matched if by == position]
            is_redundant = all(decision(inbound, each, position) == decision(inbound, each) for each in own)
            assert is_redundant == (reason is Reason.REDUNDANT), (position, rule, found.get(position))


def check_dead(inbound: list[Json], found: UnneededRule) -> None:
    """Its deciders are those of the packets whose endpoints carry its own tags alone, and its packet is one of them."""
    rule = inbound[found.rule.position - 1]
    tags = tuple(frozenset({rule[key]} if key in rule else ()) for key in ("src_tag", "dst_tag"))
    own = [
        packet for packet in SPACE if matches(rule, packet) and (packet.source_tags, packet.destination_tags) == tags
    ]
    if not own:  # it matches nothing, or only what is not in the small space
        return
    by = {decider(inbound, packet) for packet in own}
    assert by <= set(found.deciders), found
    actions = {inbound[position - 1]["action"] for position in found.deciders}
    worse = {"deny": "allow", "allow": "deny"}.get(rule["action"])
    grades = {"deny": Grade.HOLE, "allow": Grade.OUTAGE}
    assert found.grade is (grades[rule["action"]] if worse in actions else Grade.CLUTTER)
    alone = {
        position
        for position, other in enumerate(inbound[: found.rule.position - 1], 1)
        if other["action"] != "log" and all(matches(other, packet) for packet in SPACE if matches(rule, packet))
    }
    assert set(found.suffices) <= alone
    if found.packet is not None:
        assert matches(rule, found.packet)
        assert decider(inbound, found.packet) in found.deciders


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(rules(), min_size=8, max_size=25))
def test_long_lists_of_few_networks(inbound: list[Json]) -> None:
    check_plainly(RuleList(stored(inbound)))


@settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.integers(0, 2**32), st.sampled_from([2, 8, 40]))
def test_lists_as_operators_have_them(seed: int, zones: int) -> None:
    """The fewer zones, the more rules have something in common."""
    listed = rule_set(150, seed, zones)
    analysed = list_of(listed.rules)
    found = check_plainly(analysed)
    assert {each.rule.position for each in found if each.reason in (Reason.DEAD, Reason.DUPLICATE)} >= {*listed.planted}


def list_of(texts: Iterable[str]) -> RuleList:
    parsed = [check_rule(parse_rule(Source("rule", text)), Findings()) for text in texts]
    return RuleList(StoredRule.of(rule) for rule in parsed if rule is not None)


def check_plainly(analysed: RuleList) -> tuple[UnneededRule, ...]:
    """What is found by looking rules up is what is found by going through all of them."""
    found = tuple(each for each in find_unneeded(analysed) if each.rule.boxes)
    assert {each.rule.position: (each.reason, each.deciders, each.suffices) for each in found} == plain.unneeded(
        analysed.deciding
    )
    for each in found:
        assert (each.packet is not None) == bool(each.deciders)
        if each.packet is not None:
            decided_by = analysed.decide(each.packet)
            assert decided_by is not None
            # A redundant rule still decides it itself.
            assert decided_by.position in (*each.deciders, each.rule.position)
            assert (decided_by is each.rule) == (each.reason is Reason.REDUNDANT)
        assert each.first_deciders == each.deciders[:FIRST]
        check_grade(each, analysed)
    return found


def check_grade(found: UnneededRule, analysed: RuleList) -> None:
    """The worst of a hole or an outage is the first rule that does the opposite."""
    opposite = {Decision.DENY: Decision.ALLOW, Decision.ALLOW: Decision.DENY}.get(found.rule.decision or Decision.NONE)
    doing = [each for each in found.deciders if analysed.rules[each - 1].decision is opposite]
    is_worse = bool(doing) and found.reason is not Reason.REDUNDANT
    assert found.worst == (doing[0] if is_worse else None)
    worse = Grade.HOLE if found.rule.decision is Decision.DENY else Grade.OUTAGE
    assert found.grade is (worse if is_worse else Grade.CLUTTER)


def test_a_rule_that_only_several_cover() -> None:
    inbound: list[Json] = [
        {"action": "deny", "src_net": "10.0.0.0/9"},
        {"action": "allow", "src_net": "10.128.0.0/9"},
        {"action": "allow", "src_net": "10.0.0.0/8", "protocol": "tcp", "dst_ports": [80]},
    ]
    (found,) = find_unneeded(RuleList(stored(inbound)))
    assert (found.rule.position, found.reason, found.grade) == (3, Reason.DEAD, Grade.OUTAGE)
    assert (found.deciders, found.suffices) == ((1, 2), ())


def test_ports_and_types_that_no_rule_can_name_keep_a_rule_alive() -> None:
    inbound: list[Json] = [
        {"action": "allow", "protocol": "tcp", "dst_ports": ["1:65535"]},
        {"action": "allow", "protocol": "tcp"},
    ]
    assert [each.reason for each in find_unneeded(RuleList(stored(inbound)))] == [Reason.REDUNDANT]


def test_what_has_no_meaning_without_endpoints_covers_nothing() -> None:
    inbound = [
        {"action": "allow", "src_selector": "all()"},
        {"action": "deny"},
        {"action": "allow", "!src_tag": "A"},
    ]
    found = find_unneeded(RuleList(stored(inbound)))
    assert [(each.rule.position, each.reason) for each in found] == [
        (1, Reason.NOT_ANALYSED),
        (3, Reason.NOT_ANALYSED),
    ]


def test_a_rule_that_excludes_a_protocol_and_one_of_that_protocol_cover_all() -> None:
    inbound: list[Json] = [
        {"action": "allow", "!protocol": "sctp"},
        {"action": "deny", "protocol": "sctp"},
        {"action": "allow"},
    ]
    *_, found = find_unneeded(RuleList(stored(inbound)))
    assert (found.rule.position, found.reason, found.grade) == (3, Reason.DEAD, Grade.OUTAGE)
    assert found.deciders == (1, 2)


def test_a_rule_that_lives_of_an_excluded_protocol_alone_is_shown_by_a_packet_of_it() -> None:
    inbound: list[Json] = [{"action": "allow", "!protocol": "sctp"}, {"action": "deny"}]
    rules_of = RuleList(stored(inbound))
    assert find_unneeded(rules_of) == ()
    packet = rules_of.cover.uncovered(rules_of.rules[1].boxes[0], 2)
    assert packet is not None
    assert packet.protocol == 132
