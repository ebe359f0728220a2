"""What a statement must keep to in a datastore of v3, or of v1: names that can be stored, and rules that fit."""

from __future__ import annotations

from collections.abc import Iterator

from calicoctl import messages
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.policy import statement as statements
from calicoctl.policy.documents.agent_schema import RESOURCE_KEY
from calicoctl.policy.documents.rules_document import StoredRule
from calicoctl.policy.documents.tags_document import TagsDocument
from calicoctl.policy.profile import Profile
from calicoctl.resources.names import is_label_key, is_profile_name, nearest_label_key, nearest_profile_name


def require_v3_names(statement: statements.OfProfile, before: Profile, after: Profile) -> None:
    """Refuse names that Calico's v3 data model does not have; what is stored already stays.

    Args:
        statement: The statement.
        before: The profile before it.
        after: The profile after it.

    Raises:
        Refused: The profile or a tag is new, and cannot be called so.
    """
    problems = list(_name_problems(statement, before, after))
    if problems:
        raise Refused(problems)


def _name_problems(statement: statements.OfProfile, before: Profile, after: Profile) -> Iterator[Diagnostic]:
    name = statement.profile
    if after.exists and not before.exists and not is_profile_name(name):
        # Imported here: a correct statement needs no hint.
        from calicoctl.engine.frontend.mistakes import corrected

        hint = corrected(statement.where, nearest_profile_name(name))
        yield diagnose(messages.NAME_NOT_IN_V3, statement.where, hint, name=name)
        return
    old = before.tags.tags if isinstance(before.tags, TagsDocument) else ()
    new = after.tags.tags if isinstance(after.tags, TagsDocument) else ()
    for tag in new:
        if tag not in old and not is_label_key(tag):
            hint = f"`{nearest_label_key(tag)}` can be one"
            yield diagnose(messages.TAG_NOT_IN_V3, statement.where, hint, tag=tag)


def refuse_v3_rules(statement: statements.OfProfile) -> None:
    """Refuse rules that only Calico's v3 data model has.

    Raises:
        Refused: There are some.
    """
    for rule in _new_rules(statement):
        if isinstance(rule.value, dict) and RESOURCE_KEY in rule.value:
            raise Refused([diagnose(messages.RULE_NEEDS_V3, statement.where)])


def _new_rules(statement: statements.OfProfile) -> Iterator[StoredRule]:
    if isinstance(statement, statements.DeclareProfile):
        yield from (*statement.inbound, *statement.outbound)
    elif isinstance(statement, statements.UpdateRules) and statement.document is not None:
        yield from (*statement.document.inbound, *statement.document.outbound)
