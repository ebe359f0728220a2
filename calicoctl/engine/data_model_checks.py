"""Check that a statement fits the data model of the datastore: names and rules of v3, or rules of v1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.fast_dataclasses import replace
from calicoctl.language.keywords import Direction
from calicoctl.layout.profile_resource import upgrade_problem
from calicoctl.policy import statement as statements
from calicoctl.policy.documents.agent_schema import RESOURCE_KEY
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule
from calicoctl.policy.documents.tags_document import TagsDocument
from calicoctl.policy.profile import Profile
from calicoctl.resources.schema import LIST_KEYS
from calicoctl.resources.v3_names import (
    is_foreign_profile,
    is_label_key,
    is_profile_name,
    nearest_label_key,
    nearest_profile_name,
)


def require_v3(statement: statements.ProfileStatement, before: Profile, after: Profile) -> None:
    """Refuse new names and rules that Calico's v3 data model does not allow; stored ones are accepted.

    Args:
        statement: The statement.
        before: The profile before the statement.
        after: The profile after the statement.

    Raises:
        Refused: The name of a new profile or tag is not valid, a new rule cannot be expressed, or only Calico itself
            may change the profile.
    """
    if after is before:
        return
    if is_foreign_profile(statement.profile):
        raise Refused([diagnose(messages.FOREIGN_PROFILE, statement.where, profile=statement.profile)])
    problems = [*_name_problems(statement, before, after), *_rule_problems(statement, before)]
    if problems:
        raise Refused(problems)


def _name_problems(statement: statements.ProfileStatement, before: Profile, after: Profile) -> Iterator[Diagnostic]:
    """The errors about the name of a new profile and the names of new tags."""
    name = statement.profile
    if after.exists and not before.exists and not is_profile_name(name):
        # Imported here: a correct statement needs no correction.
        from calicoctl.engine.frontend.syntax_errors import with_profile_name

        fix = with_profile_name(statement.where, nearest_profile_name(name))
        yield diagnose(messages.NAME_NOT_IN_V3, statement.where, fix, name=name)
        return
    old = before.tags.tags if isinstance(before.tags, TagsDocument) else ()
    new = after.tags.tags if isinstance(after.tags, TagsDocument) else ()
    for tag in new:
        if tag not in old and not is_label_key(tag):
            hint = f"`{nearest_label_key(tag)}` is valid"
            where = statement.tag_span if isinstance(statement, statements.AddTag) else statement.where
            yield diagnose(messages.TAG_NOT_IN_V3, where, hint, tag=tag)


def _rule_problems(statement: statements.ProfileStatement, before: Profile) -> Iterator[Diagnostic]:
    """The errors about new rules that v3 refuses. It accepts all rules of the language."""
    old = before.rules if isinstance(before.rules, RulesDocument) else RulesDocument.new()
    stored = {direction: {rule.raw for rule in old.rules(direction) if rule.rule is None} for direction in Direction}
    for direction, index, rule in _new_rules(statement):
        is_new = rule.rule is None and rule.raw not in stored[direction]
        problem = _rule_problem(statement, direction, index, rule) if is_new else None
        if problem is not None:
            yield problem


def _rule_problem(
    statement: statements.ProfileStatement, direction: Direction, index: int, rule: StoredRule
) -> Diagnostic | None:
    """The error about a rule that v3 refuses; None if it accepts the rule."""
    problem = upgrade_problem(rule.raw, direction)
    if problem is None:
        return None
    placed = replace(problem, path=(LIST_KEYS[direction], index, *problem.path))
    return placed.diagnostic(messages.RESOURCE_REFUSED, statement.where, name=statement.profile)


def refuse_v3_rules(statement: statements.ProfileStatement) -> None:
    """Refuse rules that only Calico's v3 data model has.

    Raises:
        Refused: The statement contains such a rule.
    """
    for direction, index, rule in _new_rules(statement):
        if isinstance(rule.value, dict) and RESOURCE_KEY in rule.value:
            # A rule that is not valid in v3 either is more likely a mistake than a rule for another datastore.
            problem = _rule_problem(statement, direction, index, rule)
            raise Refused([problem or diagnose(messages.RULE_NEEDS_V3, statement.where)])


def _new_rules(statement: statements.ProfileStatement) -> Iterator[tuple[Direction, int, StoredRule]]:
    """The rules that a statement contains, each with its direction and index."""
    if isinstance(statement, statements.DeclareProfile):
        lists: tuple[Sequence[StoredRule], ...] = (statement.inbound, statement.outbound)
    elif isinstance(statement, statements.UpdateRules) and statement.document is not None:
        lists = (statement.document.inbound, statement.document.outbound)
    else:
        return
    for direction, rules in zip(Direction, lists, strict=True):
        yield from ((direction, index, rule) for index, rule in enumerate(rules))
