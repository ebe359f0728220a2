"""A profile as it is stored, and what a statement does to it.

Nothing here reads or writes a datastore: each function takes a profile and gives another one, with
what there is to say about it, or refuses.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping, Sequence

from calicoctl import messages, result_texts
from calicoctl.annotations import Any
from calicoctl.diagnostics import Diagnostic, Refused, diagnose
from calicoctl.language.words import Action, Direction, counted
from calicoctl.nearest import nearest
from calicoctl.policy import statement as statements
from calicoctl.policy import values
from calicoctl.policy.documents.json_text import Unreadable
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule, stored_warnings
from calicoctl.policy.documents.tags_document import TagsDocument, tag_warnings
from calicoctl.policy.findings import Findings
from calicoctl.policy.rule import Peer, Rule
from calicoctl.policy.rule_text import rule_text
from calicoctl.records import dataclass, replace
from calicoctl.source import Span
from calicoctl.syntax import ast

# To compare a rule's text with another takes 50 µs; of more rules, those are compared that differ in the fewest parts.
_COMPARED_MAX = 2000
# How much a rule must resemble another one: all rules are alike.
_ALIKE = 0.7


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
        """A profile exists when it has rules or tags; a folder alone is none."""
        return self.rules is not None or self.tags is not None


@dataclass(frozen=True)
class Effect:
    """What a statement does to a profile.

    Attributes:
        profile: The profile afterwards; the very same object when nothing changes.
        message: What to tell; None when silence is the answer.
        warnings: What its author should know.
    """

    profile: Profile
    message: result_texts.ResultText | None = None
    warnings: tuple[Diagnostic, ...] = ()


def default_rules(name: str) -> RulesDocument:
    """The base rules of a new profile (specification, "Docker default networking")."""
    within = Rule(Action.ALLOW, source=Peer(tag=name))
    return RulesDocument.new((StoredRule.of(within),), (StoredRule.of(Rule(Action.ALLOW)),))


def add_profile(profile: Profile) -> Effect:
    """Give a profile its default rules and tag; of one that has either already, only what is missing."""
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
    """Add a tag at the end, once."""
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
        hint = None if near is None else f"the nearest of its tags is `{near}`"
        raise Refused([diagnose(messages.NO_SUCH_TAG, statement.tag_span, hint, tag=tag, profile=profile.name)])
    return Effect(
        replace(profile, tags=tags.remove(tag)), result_texts.TAG_REMOVED.format(tag=tag, profile=profile.name)
    )


def add_rule(profile: Profile, statement: statements.AddRule) -> Effect:
    """Add a rule, or move the one that means the same to the position that was asked for.

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
    """The profile with a rule put in before the one at a 0-based index, or at the end."""
    edited = document.with_rule_inserted(statement.direction, index, StoredRule.of(statement.rule))
    return Effect(Profile(profile.name, edited, profile.tags))


def _insert_position(position: int, statement: statements.AddRule, length: int) -> int:
    """The 1-based position asked for; 0 means first, and one behind the last means the end."""
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
    """Remove the first rule that means the same.

    Args:
        profile: The profile.
        statement: What shall be removed.
        with_hint: Whether a refusal gets a hint, for which the nearest rule is searched.

    Raises:
        Refused: There is none.
    """
    document = readable_rules(profile, statement.where)
    index = document.find_lenient(statement.direction, statement.rule)
    if index is None:
        raise Refused([_no_such_rule(profile, document, statement, with_hint=with_hint)])
    edited = document.with_rule_removed(statement.direction, index)
    another = edited.find_lenient(statement.direction, statement.rule)
    left = () if another is None else (_left(statement, another + 1),)
    return Effect(replace(profile, rules=edited), None, left)


def _left(statement: statements.RemoveRule, position: int) -> Diagnostic:
    """The note that a rule which means the same as the removed one remains."""
    return diagnose(messages.EQUAL_RULE_LEFT, statement.rule_span, position=position)


def remove_rule_at(profile: Profile, statement: statements.RemoveRuleAt) -> Effect:
    """Remove the rule at a position, whatever it is.

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
    """Replace all rules by those of a document; members beside the rules stay as they are stored."""
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
    """Make a profile exactly what is declared, and leave it alone where it already is.

    A stored rule that means the same as a declared one keeps its text.

    Raises:
        Refused: The profile would be created under a name that no new one may have.
    """
    if not profile.exists:
        findings = Findings()
        values.new_name(ast.Word(statement.profile, statement.where), "profile", findings)
        if findings.has_errors:
            raise Refused([finding.diagnostic for finding in findings.entries])
        rules = RulesDocument.new(statement.inbound, statement.outbound)
        return Effect(Profile(profile.name, rules, TagsDocument.new(statement.tags)))
    declared = {Direction.INBOUND: statement.inbound, Direction.OUTBOUND: statement.outbound}
    document = profile.rules if isinstance(profile.rules, RulesDocument) else RulesDocument.new()
    wanted = document
    for direction, shall_be in declared.items():
        # A list that is absent reads as empty, and need not be written for that.
        if shall_be or document.rules(direction):
            wanted = wanted.with_rules(direction, _keeping_texts(document.rules(direction), shall_be))
    tags = profile.tags
    if isinstance(tags, TagsDocument):
        tags = tags.with_exactly(statement.tags)
    elif tags is not None or statement.tags:  # an absent list reads as empty
        tags = TagsDocument.new(statement.tags)
    # A key that is absent reads as empty, so that empty lists need not be written for it.
    keeps_rules = profile.rules is None and not (statement.inbound or statement.outbound)
    if (keeps_rules or wanted is profile.rules) and tags is profile.tags:
        return Effect(profile)
    return Effect(Profile(profile.name, profile.rules if keeps_rules else wanted, tags))


def _keeping_texts(stored: Sequence[StoredRule], declared: Sequence[StoredRule]) -> tuple[StoredRule, ...]:
    """The declared rules, each as it is stored where one that means the same is."""
    texts: dict[object, list[StoredRule]] = {}
    for rule in reversed(stored):
        texts.setdefault(rule.meaning, []).append(rule)
    return tuple(texts[rule.meaning].pop() if texts.get(rule.meaning) else rule for rule in declared)


def _no_such_rule(
    profile: Profile, document: RulesDocument, statement: statements.RemoveRule, *, with_hint: bool
) -> Diagnostic:
    other = Direction.OUTBOUND if statement.direction is Direction.INBOUND else Direction.INBOUND
    if document.find_lenient(other, statement.rule) is not None:
        hint = f"it is among the {other.value} rules"
    else:
        others = (
            [each.rule for each in document.rules(statement.direction) if each.rule is not None] if with_hint else []
        )
        if len(others) > _COMPARED_MAX:
            wanted = _parts(statement.rule)
            import heapq  # paid for by those who search

            others = heapq.nsmallest(_COMPARED_MAX, others, lambda each: sum(map(operator.ne, _parts(each), wanted)))
        texts = dict.fromkeys(map(rule_text, others))
        near = nearest(rule_text(statement.rule), texts, _ALIKE)
        hint = f"the nearest is `{near}`" if near else f"`calicoctl profile {profile.name} rule show` lists them"
    return diagnose(
        messages.NO_SUCH_RULE, statement.rule_span, hint, direction=statement.direction.value, profile=profile.name
    )


def _parts(rule: Rule) -> tuple[object, ...]:
    """What a rule is made of, as people write it."""
    ends = ((peer.ports, peer.tag, peer.net) for peer in (rule.source, rule.destination))
    return (rule.action, rule.protocol, rule.icmp_type, rule.icmp_code, *itertools.chain.from_iterable(ends))


# The statements that change a profile which must be there, and nothing else.
EDITS: Mapping[type, Callable[[Profile, Any], Effect]] = {
    statements.AddTag: add_tag,
    statements.RemoveTag: remove_tag,
    statements.AddRule: add_rule,
    statements.RemoveRuleAt: remove_rule_at,
    statements.UpdateRules: update_rules,
}


def readable_rules(profile: Profile, where: Span) -> RulesDocument:
    """A profile's rules; absent ones read as two empty lists.

    Raises:
        Refused: What is stored is no rules document.
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
    """A profile's tags; absent ones read as an empty list.

    Raises:
        Refused: What is stored is no list.
    """
    if isinstance(profile.tags, Unreadable):
        hint = "`calicoctl run` replaces them when a script has a block of the profile"
        error = diagnose(messages.TAGS_UNREADABLE, where, hint, profile=profile.name)
        raise Refused([*tag_warnings(profile.tags, profile.tags.source), error])
    return profile.tags if profile.tags is not None else TagsDocument.new(())
