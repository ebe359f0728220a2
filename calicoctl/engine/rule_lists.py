"""Profiles as analysis takes them: the rules that the agent enforces, and the tags that endpoints carry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from calicoctl.analysis.rule_list import RuleList
from calicoctl.engine.state import State
from calicoctl.language.words import Direction
from calicoctl.policy.documents.json_text import Unreadable
from calicoctl.policy.documents.rules_document import RulesDocument
from calicoctl.policy.profile import Profile

# The rules of a profile as they are stored; None where it has none, or is not there.
Rules = RulesDocument | Unreadable | None


def is_refused(rules: Rules) -> bool:
    """Whether the agent refuses a profile's rules, and drops all of its traffic."""
    if isinstance(rules, RulesDocument):
        return any(rule.problems and rule.is_refused for direction in Direction for rule in rules.rules(direction))
    return rules is not None


def carried_tags(state: State, endpoints: Iterable[Sequence[str]]) -> frozenset[str]:
    """The tags that endpoints carry: those of their profiles that are there.

    Args:
        state: The profiles.
        endpoints: Of each endpoint, the names of its profiles.
    """
    names = {name for profiles in endpoints for name in profiles}
    return frozenset[str]().union(*map(state.carried, names))


def enforced_of(profile: Profile, direction: Direction) -> RuleList:
    """The list of a profile that an endpoint names; one that is not there drops everything in its place (agent.md)."""
    return enforced(profile.rules, direction) if profile.exists else RuleList.dropping()


def enforced(rules: Rules, direction: Direction, like: RuleList | None = None) -> RuleList:
    """The list of one direction; of a profile that is not there, an empty one.

    Args:
        rules: The rules of the profile.
        direction: Which list.
        like: Another version of the list, if there is one.
    """
    if is_refused(rules):
        return RuleList.dropping()
    return RuleList(rules.rules(direction) if isinstance(rules, RulesDocument) else (), like)
