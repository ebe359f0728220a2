"""A stored profile, and the effects of statements on it.

No function here reads or writes a datastore: each takes a profile and returns a new one, with a message and warnings,
or raises `Refused`.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping, Sequence

from calicoctl import result_texts
from calicoctl.annotations import Any
from calicoctl.diagnostics import messages
from calicoctl.diagnostics.core import Diagnostic, Refused, diagnose
from calicoctl.fast_dataclasses import dataclass, replace
from calicoctl.language.keywords import Action, Direction, counted
from calicoctl.nearest import nearest
from calicoctl.policy import statement as statements
from calicoctl.policy import values
from calicoctl.policy.documents.json_text import Unreadable
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule, stored_warnings
from calicoctl.policy.documents.tags_document import TagsDocument, tag_warnings
from calicoctl.policy.rule import Peer, Rule
from calicoctl.policy.rule_text import rule_text
from calicoctl.policy.validation_findings import Findings
from calicoctl.source import Span
from calicoctl.syntax import ast

# The most rules whose texts are compared, at 50 µs each; of a longer list, those that differ in the fewest parts.
_COMPARED_MAX = 2000
# The least similarity of a rule that is suggested. It is high because all rules resemble each other.
_MIN_SIMILARITY = 0.7


@dataclass(frozen=True)
class Profile:
    """A profile: what is stored under its two keys.

    Attributes:
        name: Its name.
        rules: The rules; None when the key is absent, which reads as two empty lists.
        tags: The tags; None when the key is absent, which reads as an empty list.
    """

    name: str
    rules: RulesDocument | Unreadable | None = None
    tags: TagsDocument | Unreadable | None = None

    @property
    def exists(self) -> bool:
        """Whether the profile has rules or tags. A folder without either is not a profile."""
        return self.rules is not None or self.tags is not None


@dataclass(frozen=True)
class Effect:
    """The effect of a statement on a profile.

    Attributes:
        profile: The profile afterwards; the same object if nothing changes.
        message: The text to print; None if nothing is printed.
        warnings: The warnings about the statement.
    """

    profile: Profile
    message: result_texts.ResultText | None = None
    warnings: tuple[Diagnostic, ...] = ()


def default_rules(name: str) -> RulesDocument:
    """The base rules of a new profile (specification, "Docker default networking")."""
    allow_own_tag = Rule(Action.ALLOW, source=Peer(tag=name))
    return RulesDocument.new((StoredRule.of(allow_own_tag),), (StoredRule.of(Rule(Action.ALLOW)),))


def add_profile(profile: Profile) -> Effect:
    """Create a profile with the default rules and tag; if one of the two exists, only the other is added."""
    rules = profile.rules if profile.rules is not None else default_rules(profile.name)
    tags = profile.tags if profile.tags is not None else TagsDocument.new((profile.name,))
    if not profile.exists:
        message = result_texts.CREATED_PROFILE
    elif profile.rules is None:
        message = result_texts.COMPLETED_RULES
    elif profile.tags is None:
        message = result_texts.COMPLETED_TAGS
    else:
        return Effect(profile, result_texts.PROFILE_EXISTS.format(profile=profile.name))
    return Effect(Profile(profile.name, rules, tags), message.format(profile=profile.name))


def add_tag(profile: Profile, statement: statements.AddTag) -> Effect:
    """Add a tag at the end, unless the profile has it."""
    tag, tags = statement.tag, readable_tags(profile, statement.where)
    if tags.has(tag):
        return Effect(profile, result_texts.TAG_PRESENT.format(tag=tag, profile=profile.name))
    return Effect(replace(profile, tags=tags.add(tag)), result_texts.TAG_ADDED.format(tag=tag, profile=profile.name))


def remove_tag(profile: Profile, statement: statements.RemoveTag) -> Effect:
    """Remove a tag.

    Raises:
        Refused: The profile has no such tag.
    """
    tag, tags = statement.tag, readable_tags(profile, statement.where)
    if not tags.has(tag):
        near = nearest(tag, tags.tags)
        hint = None if near is None else f"the nearest tag is `{near}`"
        raise Refused([diagnose(messages.NO_SUCH_TAG, statement.tag_span, hint, tag=tag, profile=profile.name)])
    return Effect(
        replace(profile, tags=tags.remove(tag)), result_texts.TAG_REMOVED.format(tag=tag, profile=profile.name)
    )


def add_rule(profile: Profile, statement: statements.AddRule) -> Effect:
    """Add a rule, or move an equivalent stored rule to the requested position.

    Raises:
        Refused: The position is out of range, or the stored rules cannot be read.
    """
    document = readable_rules(profile, statement.where)
    rules = document.rules(statement.direction)
    if statement.position is None:
        if document.has(statement.direction, statement.rule):
            return Effect(profile, result_texts.RULE_PRESENT)
        return _with_rule(profile, document, statement, len(rules))
    position = _insert_position(statement.position, statement, len(rules))
    present = document.find(statement.direction, statement.rule)
    if present is None:
        return _with_rule(profile, document, statement, position - 1)
    index = min(position, len(rules)) - 1
    if rules[index].is_equivalent(statement.rule):
        return Effect(profile, result_texts.RULE_PRESENT)
    message = result_texts.RULE_MOVED.format(before=present + 1, after=index + 1)
    return Effect(replace(profile, rules=document.with_rule_moved(statement.direction, present, index)), message)


def _with_rule(profile: Profile, document: RulesDocument, statement: statements.AddRule, index: int) -> Effect:
    """The effect of inserting a rule before a 0-based index, or at the end."""
    edited = document.with_rule_inserted(statement.direction, index, StoredRule.of(statement.rule))
    return Effect(Profile(profile.name, edited, profile.tags))


def _insert_position(position: int, statement: statements.AddRule, length: int) -> int:
    """The 1-based position of a new rule; 0 means first, and one more than the length means the end."""
    if position > length + 1:
        raise Refused(
            [
                diagnose(
                    messages.POSITION_OUT_OF_RANGE,
                    statement.position_span,
                    position=position,
                    direction=statement.direction.value,
                    maximum=length + 1,
                    count=counted(length, "rule"),
                )
            ]
        )
    return max(position, 1)


def remove_rule(profile: Profile, statement: statements.RemoveRule, *, with_hint: bool = True) -> Effect:
    """Remove the first equivalent rule, even one that the agent does not enforce as written.

    Args:
        profile: The profile.
        statement: The statement with the rule.
        with_hint: Whether to search for the nearest rule, for the hint of the error.

    Raises:
        Refused: The profile has no equivalent rule.
    """
    document = readable_rules(profile, statement.where)
    index = document.find_lenient(statement.direction, statement.rule)
    if index is None:
        raise Refused([_no_such_rule(profile, document, statement, with_hint=with_hint)])
    edited = document.with_rule_removed(statement.direction, index)
    another = edited.find_lenient(statement.direction, statement.rule)
    if another is None:
        return Effect(replace(profile, rules=edited))
    warning = diagnose(messages.EQUAL_RULE_LEFT, statement.rule_span, position=another + 1)
    return Effect(replace(profile, rules=edited), None, (warning,))


def remove_rule_at(profile: Profile, statement: statements.RemoveRuleAt) -> Effect:
    """Remove the rule at a position.

    Raises:
        Refused: There is no such position.
    """
    document = readable_rules(profile, statement.where)
    rules = document.rules(statement.direction)
    if not 1 <= statement.position <= len(rules):
        kind = messages.NO_RULE_AT if rules else messages.NO_RULES
        raise Refused(
            [
                diagnose(
                    kind,
                    statement.position_span,
                    position=statement.position,
                    direction=statement.direction.value,
                    count=counted(len(rules), "rule"),
                    maximum=len(rules),
                )
            ]
        )
    index = statement.position - 1
    return Effect(replace(profile, rules=document.with_rule_removed(statement.direction, index)))


def update_rules(profile: Profile, statement: statements.UpdateRules) -> Effect:
    """Replace all rules by those of a document; other members of the stored document are kept."""
    document = statement.document
    assert document is not None, "`rule update` is evaluated when its document has been read"
    rules = profile.rules if isinstance(profile.rules, RulesDocument) else RulesDocument.new()
    for direction in Direction:
        rules = rules.with_rules(direction, document.rules(direction))
    rules = rules.with_members((key, value) for key, value in document.members if not isinstance(value, Direction))
    message = result_texts.RULES_UPDATED.format(profile=profile.name)
    if isinstance(profile.rules, RulesDocument) and rules.text() == profile.rules.text():
        return Effect(profile, message)
    return Effect(replace(profile, rules=rules), message)


def declare_profile(profile: Profile, statement: statements.DeclareProfile) -> Effect:
    """Change a profile to exactly what a block declares; parts that are equal already are not changed.

    A stored rule that is equivalent to a declared one keeps its text.

    Raises:
        Refused: The profile does not exist, and its name is not valid for a new profile.
    """
    if not profile.exists:
        return _create_declared(profile, statement)
    rules = _declared_rules(profile.rules, statement)
    tags = _declared_tags(profile.tags, statement.tags)
    if rules is profile.rules and tags is profile.tags:
        return Effect(profile)
    return Effect(Profile(profile.name, rules, tags))


def _create_declared(profile: Profile, statement: statements.DeclareProfile) -> Effect:
    """Create a profile as a block declares it; see `declare_profile`."""
    findings = Findings()
    values.new_name(ast.Word(statement.profile, statement.where), "profile", findings)
    if findings.has_errors:
        raise Refused([finding.diagnostic for finding in findings.entries])
    rules = RulesDocument.new(statement.inbound, statement.outbound)
    return Effect(Profile(profile.name, rules, TagsDocument.new(statement.tags)))


def _declared_rules(
    stored: RulesDocument | Unreadable | None, statement: statements.DeclareProfile
) -> RulesDocument | None:
    """The document with the declared rules; the stored one if its rules are equal."""
    if stored is None and not (statement.inbound or statement.outbound):
        return None  # an absent document reads as two empty lists
    document = stored if isinstance(stored, RulesDocument) else RulesDocument.new()
    for direction in Direction:
        declared, rules = statement.rules(direction), document.rules(direction)
        if declared or rules:  # an absent list reads as empty
            document = document.with_rules(direction, _with_stored_texts(rules, declared))
    return document


def _declared_tags(stored: TagsDocument | Unreadable | None, declared: tuple[str, ...]) -> TagsDocument | None:
    """The list with the declared tags; the stored one if its tags are equal."""
    if isinstance(stored, TagsDocument):
        return stored.with_exactly(declared)
    if stored is None and not declared:
        return None  # an absent list reads as empty
    return TagsDocument.new(declared)


def _with_stored_texts(stored: Sequence[StoredRule], declared: Sequence[StoredRule]) -> tuple[StoredRule, ...]:
    """The declared rules; where an equivalent rule is stored, the stored one."""
    by_meaning: dict[object, list[StoredRule]] = {}
    for rule in reversed(stored):
        by_meaning.setdefault(rule.meaning, []).append(rule)
    return tuple(by_meaning[rule.meaning].pop() if by_meaning.get(rule.meaning) else rule for rule in declared)


def _no_such_rule(
    profile: Profile, document: RulesDocument, statement: statements.RemoveRule, *, with_hint: bool
) -> Diagnostic:
    """The error that a rule is not found, with a hint where to find it or a similar rule."""
    other = Direction.OUTBOUND if statement.direction is Direction.INBOUND else Direction.INBOUND
    if document.find_lenient(other, statement.rule) is not None:
        hint = f"it is among the {other.value} rules"
    else:
        near = _nearest_rule(statement.rule, document.rules(statement.direction)) if with_hint else None
        hint = f"the nearest rule is `{near}`" if near else f"`calicoctl profile {profile.name} rule show` lists them"
    return diagnose(
        messages.NO_SUCH_RULE, statement.rule_span, hint, direction=statement.direction.value, profile=profile.name
    )


def _nearest_rule(rule: Rule, stored_rules: Sequence[StoredRule]) -> str | None:
    """The text of the stored rule that is most similar to a rule; None if none is similar."""
    candidates = [stored.rule for stored in stored_rules if stored.rule is not None]
    if len(candidates) > _COMPARED_MAX:
        # Imported here: only a failed search in a long list needs it.
        import heapq

        parts = _parts(rule)
        candidates = heapq.nsmallest(
            _COMPARED_MAX, candidates, lambda candidate: sum(map(operator.ne, _parts(candidate), parts))
        )
    return nearest(rule_text(rule), dict.fromkeys(map(rule_text, candidates)), _MIN_SIMILARITY)


def _parts(rule: Rule) -> tuple[object, ...]:
    """The parts of a rule as they are written: unlike in `Rule.meaning`, ports count in the user's order."""
    ends = ((peer.ports, peer.tag, peer.net) for peer in (rule.source, rule.destination))
    return (rule.action, rule.protocol, rule.icmp_type, rule.icmp_code, *itertools.chain.from_iterable(ends))


# The statements that change an existing profile; `Any` because each function takes the type of its key.
EDITS: Mapping[type, Callable[[Profile, Any], Effect]] = {
    statements.AddTag: add_tag,
    statements.RemoveTag: remove_tag,
    statements.AddRule: add_rule,
    statements.RemoveRuleAt: remove_rule_at,
    statements.UpdateRules: update_rules,
}


def readable_rules(profile: Profile, where: Span) -> RulesDocument:
    """The rules of a profile; an absent document reads as two empty lists.

    Raises:
        Refused: The stored value is not a rules document.
    """
    if isinstance(profile.rules, Unreadable):
        hint = (
            f"`calicoctl profile remove {profile.name}` removes the resource"
            if profile.rules.is_resource
            else f"`calicoctl profile {profile.name} rule update` replaces them"
        )
        error = diagnose(messages.RULES_UNREADABLE, where, hint, profile=profile.name)
        raise Refused([*stored_warnings(profile.rules, profile.rules.source), error])
    return profile.rules if profile.rules is not None else RulesDocument.new((), ())


def readable_tags(profile: Profile, where: Span) -> TagsDocument:
    """The tags of a profile; an absent document reads as an empty list.

    Raises:
        Refused: The stored value is not a list.
    """
    if isinstance(profile.tags, Unreadable):
        hint = "`calicoctl run` replaces them when a script has a block of the profile"
        error = diagnose(messages.TAGS_UNREADABLE, where, hint, profile=profile.name)
        raise Refused([*tag_warnings(profile.tags, profile.tags.source), error])
    return profile.tags if profile.tags is not None else TagsDocument.new(())
