"""Diagnostics: errors, warnings and notes as values.

A diagnostic is a kind (what is wrong, from `calicoctl.diagnostics.messages`) with its fields, the span that it is
about, and a fix. It stays a value until the command line prints it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

from calicoctl.diagnostics.terminal_text import printable, shortened
from calicoctl.fast_dataclasses import dataclass
from calicoctl.source import Span


class Severity(Enum):
    """How severe a diagnostic is; the value is the printed word."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of diagnostic.

    Attributes:
        code: Short and stable, such as `E0203`; never used again for something else.
        severity: How severe it is; `run --strict` makes warnings errors.
        template: The message, a `str.format` template: lower case, no full stop, the user's own
            text in backticks.
    """

    code: str
    severity: Severity
    template: str

    @property
    def outline(self) -> str:
        """The message with the names of its fields: `port <PORT> is out of range`."""
        text = re.sub(r"\{(\w+)\}", lambda match: f"<{match[1].upper()}>", self.template)
        return text.replace("{{", "{").replace("}}", "}")


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement of some characters of a source; an empty span inserts."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Correction:
    """The corrected form of a text; it is accepted where the original text was not.

    Attributes:
        text: The whole text, as it must be typed: a command line, a line of a script, an option.
        edits: The edits that turn the original text into it: at most one at each place.
    """

    text: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """Another command of the program, which does what was meant."""

    text: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, in words."""

    text: str


Fix = Correction | Command | Advice


@dataclass(frozen=True)
class Diagnostic:
    """One error, warning or note.

    Attributes:
        kind: What it is about.
        span: The words that it points at; None if there is no text to point at.
        fix: How to correct it; None if no correction is known.
        fields: The fields of the template, by name.
    """

    kind: Kind
    span: Span | None
    fix: Fix | None
    fields: tuple[tuple[str, object], ...]

    @property
    def hint(self) -> str | None:
        """The text of the fix; None if there is none."""
        return None if self.fix is None else self.fix.text

    @property
    def code(self) -> str:
        """The kind's code."""
        return self.kind.code

    @property
    def is_error(self) -> bool:
        """Whether it stops the statement."""
        return self.kind.severity is Severity.ERROR

    @property
    def message(self) -> str:
        """The message with its fields filled in, safe to print and of bounded length."""
        return self.kind.template.format(**{key: printable(shortened(str(value))) for key, value in self.fields})


def diagnose(kind: Kind, span: Span | None = None, fix: Fix | str | None = None, **fields: object) -> Diagnostic:
    """Make a diagnostic.

    Args:
        kind: What is wrong.
        span: The words that it is about.
        fix: How to correct it; a text is advice.
        fields: The fields of the kind's template.
    """
    return Diagnostic(kind, span, Advice(fix) if isinstance(fix, str) else fix, tuple(fields.items()))


class Refused(Exception):
    """A request was refused, and nothing was stored.

    Attributes:
        diagnostics: The reasons; at least one of them is an error.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(f"{diagnostic.code} {diagnostic.message}" for diagnostic in self.diagnostics))


def reason_of(error: OSError | ValueError) -> str:
    """The system's description of an error, in the style of messages."""
    return ((error.strerror if isinstance(error, OSError) else None) or str(error)).lower()
