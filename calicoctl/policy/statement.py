"""Validated statements: every word has been validated and converted to its value.

Checks that depend on the datastore (does the profile exist, is the position in range) are made later, by
`calicoctl.policy.profile`.
"""

from __future__ import annotations

from collections.abc import Mapping

from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.keywords import Direction
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule
from calicoctl.policy.rule import Match, Rule
from calicoctl.source import Span
from calicoctl.syntax import ast


@dataclass(frozen=True, slots=True)
class ShowProfiles:
    """List the profiles; `detailed`: with one row for each endpoint."""

    detailed: bool


@dataclass(frozen=True, slots=True)
class ProfileStatement:
    """A statement about one profile.

    Attributes:
        profile: The name of the profile, which is valid as a part of a key.
        where: The span of the name.
    """

    profile: str
    where: Span


@dataclass(frozen=True, slots=True)
class AddProfile(ProfileStatement):
    """Create the profile with its default rules and tag."""


@dataclass(frozen=True, slots=True)
class RemoveProfile(ProfileStatement):
    """Remove the profile; `check`: only if no endpoint uses it."""

    check: bool


@dataclass(frozen=True, slots=True)
class ShowTags(ProfileStatement):
    """Print the profile's tags."""


@dataclass(frozen=True, slots=True)
class AddTag(ProfileStatement):
    """Add a tag, which is a valid name."""

    tag: str
    tag_span: Span


@dataclass(frozen=True, slots=True)
class RemoveTag(ProfileStatement):
    """Remove a tag. Its name may be invalid, as other tools may have stored it."""

    tag: str
    tag_span: Span


@dataclass(frozen=True, slots=True)
class AddRule(ProfileStatement):
    """Add a rule at the end, or at a position: 1-based, 0 means first."""

    direction: Direction
    rule: Rule
    position: int | None
    position_span: Span | None


@dataclass(frozen=True, slots=True)
class RemoveRule(ProfileStatement):
    """Remove the first equivalent rule."""

    direction: Direction
    rule: Rule
    rule_span: Span


@dataclass(frozen=True, slots=True)
class RemoveRuleAt(ProfileStatement):
    """Remove the rule at a 1-based position."""

    direction: Direction
    position: int
    position_span: Span


@dataclass(frozen=True, slots=True)
class ShowRules(ProfileStatement):
    """Print the rules as text."""


@dataclass(frozen=True, slots=True)
class PrintRulesJson(ProfileStatement):
    """Print the rules as JSON."""


@dataclass(frozen=True, slots=True)
class UpdateRules(ProfileStatement):
    """Replace the rules by those of a JSON document, which is None until it has been read."""

    document: RulesDocument | None = None


@dataclass(frozen=True, slots=True)
class TracePackets(ProfileStatement):
    """Report which rules decide the packets of a match, whose values may be any that a stored rule may have."""

    direction: Direction
    match: Match


@dataclass(frozen=True, slots=True)
class ExpectVerdict(ProfileStatement):
    """Expect that the profile alone allows every packet that a rule matches, or none if the rule's action is deny."""

    direction: Direction
    rule: Rule
    rule_span: Span


@dataclass(frozen=True, slots=True)
class ExpectVerdictOfAll:
    """Expect the same of every profile."""

    direction: Direction
    rule: Rule
    rule_span: Span


Expectation = ExpectVerdict | ExpectVerdictOfAll


@dataclass(frozen=True, slots=True)
class DeclareProfile(ProfileStatement):
    """Set the tags and both lists of rules to exactly these, in this order; create the profile if it does not exist."""

    tags: tuple[str, ...]
    inbound: tuple[StoredRule, ...]
    outbound: tuple[StoredRule, ...]

    def rules(self, direction: Direction) -> tuple[StoredRule, ...]:
        """The rules of one direction, in order."""
        return self.inbound if direction is Direction.INBOUND else self.outbound


_NameOnly = ShowTags | ShowRules | PrintRulesJson | UpdateRules
# The validated form of each statement in which only the name of the profile has to be validated.
NAME_ONLY_STATEMENTS: Mapping[type, type[_NameOnly]] = {
    ast.TagShow: ShowTags,
    ast.RuleShow: ShowRules,
    ast.RuleJson: PrintRulesJson,
    ast.RuleUpdate: UpdateRules,
}

Statement = (
    ShowProfiles
    | AddProfile
    | RemoveProfile
    | AddTag
    | RemoveTag
    | AddRule
    | RemoveRule
    | RemoveRuleAt
    | TracePackets
    | ExpectVerdict
    | ExpectVerdictOfAll
    | DeclareProfile
    | _NameOnly
)
