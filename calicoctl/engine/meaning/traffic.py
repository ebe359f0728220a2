"""The traffic that a change opens or closes, profile by profile."""

from __future__ import annotations

from collections.abc import Mapping

from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.differences import NOTHING_INTENDED, Difference, Intended, find_differences
from calicoctl.analysis.rule_list import ListedRule, RuleList
from calicoctl.engine.rule_lists import Rules, enforced
from calicoctl.engine.state import State
from calicoctl.language.words import Direction
from calicoctl.records import dataclass

# The rules of profiles, by name.
RulesByName = Mapping[str, Rules]


@dataclass(frozen=True)
class ListTraffic:
    """What is decided differently in one list of a profile.

    Attributes:
        profile: The profile.
        direction: In which of its lists.
        differences: The parts of the traffic, by the deciding rules; None where that took too long to find out.
        unanalysed: The rules of the new list that are not analysed, so that what they decide is not in the differences.
    """

    profile: str
    direction: Direction
    differences: tuple[Difference, ...] | None
    unanalysed: tuple[ListedRule, ...] = ()


def rules_before(state: State) -> RulesByName:
    """The rules as they were read, of the profiles of a state that statements have changed."""
    return {name: state.original(name).rules for name in state.changed_names()}


def rules_changed(state: State) -> RulesByName:
    """The rules of these profiles as they are now."""
    return {name: state.profile(name).rules for name in state.changed_names()}


def rules_after(state: State) -> RulesByName:
    """The rules of the profiles of a state as they are now."""
    return {name: state.profile(name).rules for name in state.names()}


def find_traffic(old: RulesByName, new: RulesByName, intended: Intended = NOTHING_INTENDED) -> tuple[ListTraffic, ...]:
    """The traffic that two sets of profiles decide differently; a profile that is not there has no rules.

    Args:
        old: The rules of the profiles before.
        new: The rules after.
        intended: What is left out.
    """
    found = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before is not after and before != after:
            for direction in Direction:
                old_list = enforced(before, direction)
                new_list = enforced(after, direction, old_list)
                traffic = _of_list(name, direction, old_list, new_list, intended)
                found += [] if traffic is None else [traffic]
    return tuple(found)


def _of_list(
    profile: str, direction: Direction, before: RuleList, after: RuleList, intended: Intended
) -> ListTraffic | None:
    """What is decided differently in one list; None when that is nothing."""
    if before.rules == after.rules:
        return None
    unanalysed = tuple(dict.fromkeys((*after.unanalysed, *before.unanalysed)))
    try:
        differences = find_differences(before, after, intended)
    except Undecided:
        return ListTraffic(profile, direction, None, unanalysed)
    return ListTraffic(profile, direction, differences, unanalysed) if differences or unanalysed else None
