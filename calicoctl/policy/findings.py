"""What validation finds: diagnostics, each with the edit of the text that would mend it, where one is known."""

from __future__ import annotations

from collections.abc import Iterable

from calicoctl.diagnostics import Diagnostic, Edit, Kind, diagnose
from calicoctl.records import dataclass, field
from calicoctl.source import Span


@dataclass(frozen=True, slots=True)
class Finding:
    """One diagnostic, and the edit that mends what it complains about; None when no mend is known."""

    diagnostic: Diagnostic
    mend: Edit | None = None


@dataclass
class Findings:
    """Collects findings, so that one pass tells all that is wrong with a statement."""

    found: list[Finding] = field(default_factory=list)

    def add(self, kind: Kind, span: Span, mend: str | Edit | None = None, **fields: object) -> None:
        """Note one; a `mend` that is a text replaces the very words that the finding points at."""
        edit = Edit(span, mend) if isinstance(mend, str) else mend
        self.found.append(Finding(diagnose(kind, span, None, **fields), edit))

    def note(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Note diagnostics that were made elsewhere; no mend of them is known."""
        self.found += [Finding(diagnostic) for diagnostic in diagnostics]

    @property
    def has_errors(self) -> bool:
        """Whether anything found is more than a warning."""
        return any(finding.diagnostic.is_error for finding in self.found)
