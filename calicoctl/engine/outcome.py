"""What a statement answers, as values; the command line draws them."""

from __future__ import annotations

from calicoctl.annotations import TYPE_CHECKING
from calicoctl.diagnostics import Diagnostic
from calicoctl.language.words import Direction
from calicoctl.policy.documents.rules_document import RulesDocument
from calicoctl.records import dataclass
from calicoctl.result_texts import ResultText
from calicoctl.store.keys import EndpointKey

if TYPE_CHECKING:  # imported by those who ask about packets only
    from calicoctl.analysis.nearest_rule import NearRule
    from calicoctl.analysis.questions import Division


@dataclass(frozen=True, slots=True)
class Message:
    """One line.

    Attributes:
        text: What is said when it is done.
        conditional: What is said of it before; empty where that is the same.
    """

    text: str
    conditional: str = ""

    @classmethod
    def of(cls, result: ResultText) -> Message:
        """The line of a result text whose fields are filled in."""
        return cls(result.done, result.planned)


@dataclass(frozen=True, slots=True)
class TagListing:
    """A profile's tags, in their order."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleListing:
    """A profile's rules as text, in their order, and the document that they come from."""

    inbound: tuple[str, ...]
    outbound: tuple[str, ...]
    document: RulesDocument


@dataclass(frozen=True, slots=True)
class RuleDocument:
    """A profile's rules as JSON."""

    text: str


@dataclass(frozen=True, slots=True)
class ProfileListing:
    """The names of all profiles, sorted."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """A profile and one of its endpoints; a profile without endpoints has one row with None."""

    profile: str
    endpoint: EndpointKey | None
    state: str


@dataclass(frozen=True, slots=True)
class EndpointListing:
    """Every profile with its endpoints, sorted."""

    rows: tuple[EndpointRow, ...]


@dataclass(frozen=True, slots=True)
class TraceAnswer:
    """Which rules decide the packets of a match, and for each part that is not allowed the nearest rule that allows."""

    profile: str
    direction: Direction
    division: Division
    nearest: tuple[NearRule | None, ...]


Answer = Message | TagListing | RuleListing | RuleDocument | ProfileListing | EndpointListing | TraceAnswer


@dataclass(frozen=True)
class Outcome:
    """What a statement came to.

    Attributes:
        answer: What to print; None when silence is the answer.
        warnings: What to tell beside it.
    """

    answer: Answer | None
    warnings: tuple[Diagnostic, ...] = ()
