"""The traffic that a change opens or closes, profile by profile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from calicoctl.analysis.cover import Undecided
from calicoctl.analysis.differences import Difference, find_differences
from calicoctl.analysis.rule_list import RuleList
from calicoctl.engine.state import State
from calicoctl.language.words import Direction
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule

Documents = Mapping[str, RulesDocument]


@dataclass(frozen=True)
class ListTraffic:
    """What is decided differently in one list of a profile.

    Attributes:
        profile: The profile.
        direction: In which of its lists.
        differences: The parts of the traffic, by the deciding rules; None where that took too long to find out.
    """

    profile: str
    direction: Direction
    differences: tuple[Difference, ...] | None


def documents_before(state: State) -> Documents:
    """The rules of the profiles of a state as they were read."""
    return _readable((name, state.original(name).rules) for name in {*state.names(), *state.changed_names()})


def documents_after(state: State) -> Documents:
    """The rules of the profiles of a state as they are now."""
    return _readable((name, state.profile(name).rules) for name in state.names())


def _readable(found: Iterable[tuple[str, object]]) -> Documents:
    return {name: rules for name, rules in found if isinstance(rules, RulesDocument)}


def find_traffic(old: Documents, new: Documents) -> tuple[ListTraffic, ...]:
    """The traffic that two sets of profiles decide differently; a profile that is not there has no rules.

    Args:
        old: The rules of the profiles before.
        new: The rules after.
    """
    found = []
    for name in sorted({*old, *new}):
        if old.get(name) == new.get(name):
            continue
        for direction in Direction:
            before, after = (_rules(documents.get(name), direction) for documents in (old, new))
            try:
                differences = None if before == after else find_differences(RuleList(before), RuleList(after))
                if differences:
                    found.append(ListTraffic(name, direction, differences))
            except Undecided:
                found.append(ListTraffic(name, direction, None))
    return tuple(found)


def _rules(document: RulesDocument | None, direction: Direction) -> tuple[StoredRule, ...]:
    return () if document is None else tuple(document.rules(direction))
