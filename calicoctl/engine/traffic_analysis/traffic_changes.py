"""The traffic that a change of profiles allows or stops allowing, profile by profile."""

from __future__ import annotations

from collections.abc import Mapping

from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.differences import NOTHING_INTENDED, Difference, Intended, find_differences
from calicoctl.analysis.rule_list import ListedRule, RuleList
from calicoctl.engine.enforced_rules import Rules, enforced_list
from calicoctl.engine.state import State
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.keywords import Direction

# The rules of profiles, by name.
RulesByName = Mapping[str, Rules]


@dataclass(frozen=True)
class ListTraffic:
    """The traffic that one list of a profile decides differently.

    Attributes:
        profile: The profile.
        direction: The direction of the list.
        differences: The parts of the traffic by deciding rules; None if the computation was too long.
        unanalysed: The rules that are not analysed; the differences do not contain their effect.
    """

    profile: str
    direction: Direction
    differences: tuple[Difference, ...] | None
    unanalysed: tuple[ListedRule, ...] = ()


def rules_before(state: State) -> RulesByName:
    """The rules of changed profiles as they were read."""
    return {name: state.original(name).rules for name in state.changed_names()}


def rules_changed(state: State) -> RulesByName:
    """The rules of changed profiles after the statements so far."""
    return {name: state.profile(name).rules for name in state.changed_names()}


def rules_after(state: State) -> RulesByName:
    """The rules of all profiles after the statements so far."""
    return {name: state.profile(name).rules for name in state.names()}


def find_traffic(old: RulesByName, new: RulesByName, intended: Intended = NOTHING_INTENDED) -> tuple[ListTraffic, ...]:
    """The traffic that two sets of profiles decide differently; a missing profile has no rules.

    Args:
        old: The rules of the profiles before the change.
        new: The rules after it.
        intended: Differences to leave out.
    """
    changed = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before is not after and before != after:
            for direction in Direction:
                old_list = enforced_list(before, direction)
                new_list = enforced_list(after, direction, old_list)
                traffic = _list_traffic(name, direction, old_list, new_list, intended)
                changed += [] if traffic is None else [traffic]
    return tuple(changed)


def _list_traffic(
    profile: str, direction: Direction, before: RuleList, after: RuleList, intended: Intended
) -> ListTraffic | None:
    """The traffic that one list decides differently; None if there is none."""
    if before.rules == after.rules:
        return None
    unanalysed = tuple(dict.fromkeys((*after.unanalysed, *before.unanalysed)))
    try:
        differences = find_differences(before, after, intended)
    except Undecided:
        return ListTraffic(profile, direction, None, unanalysed)
    return ListTraffic(profile, direction, differences, unanalysed) if differences or unanalysed else None
