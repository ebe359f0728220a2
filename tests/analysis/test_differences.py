"""The differences of two lists, against every packet of a small space."""

from __future__ import annotations

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from calicoctl.analysis.boxes import Packet, contains
from calicoctl.analysis.differences import Difference, Intended, find_differences
from calicoctl.analysis.rule_list import Decision, RuleList, box_of
from tests.analysis.brute_force import Json, decider, decision, matches, packets, rules, stored

SPACE = [*packets(4), *packets(6)]


@st.composite
def versions(draw: st.DrawFn) -> tuple[list[Json], list[Json]]:
    """A list, and what an edit or two makes of it."""
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
def test_every_packet_that_is_decided_otherwise_is_in_one_part_and_no_other(
    lists: tuple[list[Json], list[Json]],
) -> None:
    old, new = lists
    found = find_differences(RuleList(stored(old)), RuleList(stored(new)))
    for packet in SPACE:
        pair = (decider(old, packet), decider(new, packet))
        parts = [
            each for each in found if (position(each.before), position(each.after)) == pair and is_in(each, packet)
        ]
        assert len(parts) == (decision(old, packet) != decision(new, packet)), (packet, pair)
    for each in found:
        assert (decider(old, each.packet), decider(new, each.packet)) == (position(each.before), position(each.after))
        assert decision(old, each.packet) != decision(new, each.packet)


def position(rule: object) -> int | None:
    found: int | None = getattr(rule, "position", None)
    return found


def is_in(difference: Difference, packet: Packet) -> bool:
    return any(contains(box, box_of(packet)) for box in difference.boxes)


def test_the_same_list_has_no_differences() -> None:
    inbound: list[Json] = [{"action": "allow"}, {"action": "deny", "src_tag": "A"}]
    assert find_differences(RuleList(stored(inbound)), RuleList(stored(inbound))) == ()


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(versions(), st.lists(rules(), max_size=2))
def test_what_is_intended_is_left_out_and_nothing_else(lists: tuple[list[Json], list[Json]], meant: list[Json]) -> None:
    old, new = lists
    listed = RuleList(stored(meant)).rules
    intended = Intended(
        tuple(box for rule in listed if rule.decision is Decision.ALLOW for box in rule.boxes),
        tuple(box for rule in listed if rule.decision is Decision.DENY for box in rule.boxes),
    )
    found = find_differences(RuleList(stored(old)), RuleList(stored(new)), intended)
    told = {(position(each.before), position(each.after)) for each in found}
    for packet in SPACE:
        after = decision(new, packet)
        action = "allow" if after == "allow" else "deny"
        is_meant = any(rule["action"] == action and matches(rule, packet) for rule in meant)
        if decision(old, packet) != after and not is_meant:
            assert (decider(old, packet), decider(new, packet)) in told
    for each in found:
        action = "allow" if decision(new, each.packet) == "allow" else "deny"
        assert not any(rule["action"] == action and matches(rule, each.packet) for rule in meant)
