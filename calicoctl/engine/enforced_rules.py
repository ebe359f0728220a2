"""Profiles as input of the analysis: the rules that the agent enforces, and the tags of endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from calicoctl.analysis.rule_list import RuleList
from calicoctl.engine.state import State
from calicoctl.language.keywords import Direction
from calicoctl.policy.documents.json_text import Unreadable
from calicoctl.policy.documents.rules_document import RulesDocument
from calicoctl.policy.profile import Profile

# The rules of a profile as they are stored; None if the rules or the whole profile do not exist.
Rules = RulesDocument | Unreadable | None


def is_refused(rules: Rules) -> bool:
    """Whether the agent refuses the rules of a profile, so that it drops all traffic of the profile."""
    if isinstance(rules, RulesDocument):
        return any(rule.problems and rule.is_refused for direction in Direction for rule in rules.rules(direction))
    return rules is not None


def carried_tags(state: State, endpoints: Iterable[Sequence[str]]) -> frozenset[str]:
    """The tags that endpoints have from their existing profiles.

    Args:
        state: The profiles.
        endpoints: The names of the profiles of each endpoint.
    """
    names = {name for profiles in endpoints for name in profiles}
    return frozenset[str]().union(*map(state.given_tags, names))


def enforced_list_at_endpoint(profile: Profile, direction: Direction) -> RuleList:
    """The enforced list of a profile of an endpoint; a profile that does not exist drops everything (agent.md)."""
    return enforced_list(profile.rules, direction) if profile.exists else RuleList.dropping()


def enforced_list(rules: Rules, direction: Direction, other_version: RuleList | None = None) -> RuleList:
    """The enforced list of one direction; empty for a profile that does not exist.

    Args:
        rules: The rules of the profile.
        direction: The direction of the list.
        other_version: Another version of the list, whose analysed rules are reused.
    """
    if is_refused(rules):
        return RuleList.dropping()
    return RuleList(rules.rules(direction) if isinstance(rules, RulesDocument) else (), other_version)
