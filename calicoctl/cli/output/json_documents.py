"""The type of JSON documents, and the members that several of them share."""

from __future__ import annotations

from calicoctl.annotations import TYPE_CHECKING

if TYPE_CHECKING:
    from calicoctl.analysis.rule_list import ListedRule

Document = dict[str, object]


def rule_members(rule: ListedRule) -> Document:
    """The members of a document that identify a rule of a list."""
    return {"position": rule.position, "rule": rule.text}
