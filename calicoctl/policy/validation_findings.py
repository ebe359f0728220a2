"""The results of validation: diagnostics, each with the edit of the text that fixes it, where one is known."""

from __future__ import annotations

from collections.abc import Iterable

from calicoctl.diagnostics.core import Diagnostic, Edit, Kind, diagnose
from calicoctl.fast_dataclasses import dataclass, field
from calicoctl.source import Span


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic, and the edit that fixes the text; None if no edit is known."""

    diagnostic: Diagnostic
    edit: Edit | None = None


@dataclass
class Findings:
    """Collects findings, so that one pass reports everything that is wrong with a statement."""

    entries: list[Finding] = field(default_factory=list)

    def add(self, kind: Kind, span: Span, edit: str | Edit | None = None, **fields: object) -> None:
        """Add a finding; an `edit` that is a text replaces exactly the text of `span`."""
        if isinstance(edit, str):
            edit = Edit(span, edit)
        self.entries.append(Finding(diagnose(kind, span, None, **fields), edit))

    def add_diagnostics(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Add diagnostics that were made by another function, without edits."""
        self.entries += [Finding(diagnostic) for diagnostic in diagnostics]

    @property
    def has_errors(self) -> bool:
        """Whether a finding is an error and not only a warning."""
        return any(finding.diagnostic.is_error for finding in self.entries)
