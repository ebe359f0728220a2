"""The differences of two lists, compared with every packet of a small space."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from calicoctl.analysis.boxes import Packet, contains
from calicoctl.analysis.differences import Difference, Intended, find_differences
from calicoctl.analysis.rule_list import Decision, RuleList, box_of
from tests.analysis.brute_force import Json, decider, decision, decision_of, matches, packets, rules, stored

SPACE = [*packets(4), *packets(6)]


@st.composite
def versions(draw: st.DrawFn) -> tuple[list[Json], list[Json]]:
    """A list, and the same list after up to two edits."""
    old = draw(st.lists(rules(), max_size=5))
    new = list(old)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(new)))
        edit = draw(st.sampled_from(["add", "remove", "move"]))
        if edit == "add":
            new.insert(at, draw(rules()))
        elif new:
            rule = new.pop(at % len(new))
            if edit == "move":
                new.insert(draw(st.integers(0, len(new))), rule)
    return old, new


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(versions())
def test_every_packet_with_another_decision_is_in_exactly_one_part(
    lists: tuple[list[Json], list[Json]],
) -> None:
    old, new = lists
    differences = find_differences(RuleList(stored(old)), RuleList(stored(new)))
    by_deciders = defaultdict(list)
    for difference in differences:
        by_deciders[position(difference.before), position(difference.after)].append(difference)
    for packet in SPACE:
        pair = (decider(old, packet), decider(new, packet))
        parts = [difference for difference in by_deciders[pair] if is_in(difference, packet)]
        assert len(parts) == (decision_of(old, pair[0]) != decision_of(new, pair[1])), (packet, pair)
    for difference in differences:
        assert (decider(old, difference.packet), decider(new, difference.packet)) == (
            position(difference.before),
            position(difference.after),
        )
        assert decision(old, difference.packet) != decision(new, difference.packet)


def position(rule: object) -> int | None:
    result: int | None = getattr(rule, "position", None)
    return result


def is_in(difference: Difference, packet: Packet) -> bool:
    return any(contains(box, box_of(packet)) for box in difference.boxes)


def test_the_same_list_has_no_differences() -> None:
    inbound: list[Json] = [{"action": "allow"}, {"action": "deny", "src_tag": "A"}]
    assert find_differences(RuleList(stored(inbound)), RuleList(stored(inbound))) == ()


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(versions(), st.lists(rules(), max_size=2))
def test_only_intended_differences_are_left_out(lists: tuple[list[Json], list[Json]], expected: list[Json]) -> None:
    old, new = lists
    listed = RuleList(stored(expected)).rules
    intended = Intended(
        tuple(box for rule in listed if rule.decision is Decision.ALLOW for box in rule.boxes),
        tuple(box for rule in listed if rule.decision is Decision.DENY for box in rule.boxes),
    )
    differences = find_differences(RuleList(stored(old)), RuleList(stored(new)), intended)
    reported = {(position(difference.before), position(difference.after)) for difference in differences}
    for packet in SPACE:
        pair = (decider(old, packet), decider(new, packet))
        after = decision_of(new, pair[1])
        if pair in reported or decision_of(old, pair[0]) == after:
            continue
        action = "allow" if after == "allow" else "deny"
        assert any(rule["action"] == action and matches(rule, packet) for rule in expected), (packet, pair)
    for difference in differences:
        action = "allow" if decision(new, difference.packet) == "allow" else "deny"
        assert not any(rule["action"] == action and matches(rule, difference.packet) for rule in expected)
