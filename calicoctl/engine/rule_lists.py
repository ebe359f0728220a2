"""The lists of a profile as analysis takes them: what the agent enforces."""

from __future__ import annotations

from calicoctl.analysis.rule_list import RuleList
from calicoctl.language.words import Direction
from calicoctl.policy.documents.json_text import Unreadable
from calicoctl.policy.documents.rules_document import RulesDocument

# The rules of a profile as they are stored; None where it has none, or is not there.
Rules = RulesDocument | Unreadable | None


def is_refused(rules: Rules) -> bool:
    """Whether the agent refuses a profile's rules, and drops all of its traffic."""
    if isinstance(rules, RulesDocument):
        return any(rule.is_refused for direction in Direction for rule in rules.rules(direction))
    return rules is not None


def enforced(rules: Rules, direction: Direction) -> RuleList:
    """The list of one direction; of a profile that is not there, an empty one."""
    if is_refused(rules):
        return RuleList.dropping()
    return RuleList(rules.rules(direction) if isinstance(rules, RulesDocument) else ())
