"""Validated statements: every word has been judged and stands as the value that it means.

What depends on the datastore (is there such a profile, is the position in range) is judged later, by
`calicoctl.policy.profile`.
"""

from __future__ import annotations

from collections.abc import Mapping

from calicoctl.language.words import Direction
from calicoctl.policy.documents.rules_document import RulesDocument, StoredRule
from calicoctl.policy.rule import Match, Rule
from calicoctl.records import dataclass
from calicoctl.source import Span
from calicoctl.syntax import ast


@dataclass(frozen=True, slots=True)
class ShowProfiles:
    """List the profiles; `detailed`: with one row for each of their endpoints."""

    detailed: bool


@dataclass(frozen=True, slots=True)
class ProfileStatement:
    """A statement about one profile.

    Attributes:
        profile: The profile's name; its key lies inside the profile tree.
        where: The name's span.
    """

    profile: str
    where: Span


@dataclass(frozen=True, slots=True)
class AddProfile(ProfileStatement):
    """Create the profile with its default rules and tag."""


@dataclass(frozen=True, slots=True)
class RemoveProfile(ProfileStatement):
    """Remove the profile; `check`: only when no endpoint has it."""

    check: bool


@dataclass(frozen=True, slots=True)
class ShowTags(ProfileStatement):
    """Print the profile's tags."""


@dataclass(frozen=True, slots=True)
class AddTag(ProfileStatement):
    """Add a tag, a valid name."""

    tag: str
    tag_span: Span


@dataclass(frozen=True, slots=True)
class RemoveTag(ProfileStatement):
    """Remove a tag, which another tool may have named against the rules."""

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
    """Remove the first rule that means the same."""

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
    """Replace the rules by those of a JSON document; None as long as it has not been read."""

    document: RulesDocument | None = None


@dataclass(frozen=True, slots=True)
class TracePackets(ProfileStatement):
    """Tell which rules decide the packets of a match. It may name whatever may be stored."""

    direction: Direction
    match: Match


@dataclass(frozen=True, slots=True)
class ExpectVerdict(ProfileStatement):
    """Every packet of a rule's match is allowed by the profile alone, or none is, as the rule's action says."""

    direction: Direction
    rule: Rule
    rule_span: Span


@dataclass(frozen=True, slots=True)
class ExpectVerdictOfAll:
    """The same of every profile that there is."""

    direction: Direction
    rule: Rule
    rule_span: Span


Expectation = ExpectVerdict | ExpectVerdictOfAll


@dataclass(frozen=True, slots=True)
class DeclareProfile(ProfileStatement):
    """Let the profile be exactly so: create it, or make its tags and both lists these, in this order."""

    tags: tuple[str, ...]
    inbound: tuple[StoredRule, ...]
    outbound: tuple[StoredRule, ...]


_Alone = ShowTags | ShowRules | PrintRulesJson | UpdateRules
# What the statements become of which nothing but the profile's name has to be judged.
NAME_ONLY_STATEMENTS: Mapping[type, type[_Alone]] = {
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
    | _Alone
)
