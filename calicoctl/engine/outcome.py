"""The outcomes of statements as values; the command line prints them."""

from __future__ import annotations

from calicoctl.annotations import TYPE_CHECKING
from calicoctl.diagnostics.core import Diagnostic
from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.keywords import Direction
from calicoctl.policy.documents.rules_document import RulesDocument
from calicoctl.result_texts import ResultText
from calicoctl.store.keys import EndpointKey

if TYPE_CHECKING:  # imported only by statements about packets
    from calicoctl.analysis.match_division import Division
    from calicoctl.analysis.nearest_rule import NearRule


@dataclass(frozen=True, slots=True)
class Message:
    """A line of text.

    Attributes:
        text: The text after the statement was carried out.
        planned: The text of a dry run; empty if it is the same.
    """

    text: str
    planned: str = ""

    @classmethod
    def of(cls, result: ResultText) -> Message:
        """The line of a result text whose fields are filled in."""
        return cls(result.done, result.planned)


@dataclass(frozen=True, slots=True)
class TagListing:
    """The tags of a profile in order."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleListing:
    """The rules of a profile as text, in order, and the document that contains them."""

    inbound: tuple[str, ...]
    outbound: tuple[str, ...]
    document: RulesDocument


@dataclass(frozen=True, slots=True)
class RuleDocument:
    """The rules of a profile as JSON."""

    text: str


@dataclass(frozen=True, slots=True)
class ProfileListing:
    """The names of all profiles, sorted."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """A profile and one of its endpoints; None in the only row of a profile without endpoints."""

    profile: str
    endpoint: EndpointKey | None
    state: str


@dataclass(frozen=True, slots=True)
class EndpointListing:
    """All profiles with their endpoints, sorted."""

    rows: tuple[EndpointRow, ...]


@dataclass(frozen=True, slots=True)
class TraceAnswer:
    """The rules that decide the packets of a match; for each part that is not allowed, the nearest rule that allows."""

    profile: str
    direction: Direction
    division: Division
    nearest: tuple[NearRule | None, ...]


Answer = Message | TagListing | RuleListing | RuleDocument | ProfileListing | EndpointListing | TraceAnswer


@dataclass(frozen=True)
class Outcome:
    """The outcome of a statement.

    Attributes:
        answer: The answer to print; None if nothing is printed.
        warnings: The warnings about the statement.
    """

    answer: Answer | None
    warnings: tuple[Diagnostic, ...] = ()
