"""Diagnostics: errors and warnings as values, and how they are drawn.

A diagnostic is a kind (what is wrong, from `calicoctl.messages`) with its particulars, the span that
it is about, and a hint. It stays a value until the command line prints it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from enum import Enum

from calicoctl.records import dataclass
from calicoctl.source import Definition, Source, Span

# A line longer than this is drawn as the part around the span: a terminal shows no more at once.
SHOWN_COLUMNS = 168
_MARGIN = len("  ") + 2 * len("...")
# Of a narrower one, an escaped character and its caret would not be seen.
_LEAST_COLUMNS = 26
# Values may be made of values without end; nobody follows more steps than these.
_DEFINITIONS_SHOWN = 4

# A particular of a message longer than this is shown without its middle: a word may have ten million
# characters. What is left of a long path or key are the ends, which tell it from others.
_FIELD_LENGTH_MAX = 400
_FIELD_END = 100
# How a part of a diagnostic is set apart on a terminal: the part (a `Severity`'s value for its word and the carets,
# `code` or `hint`) and its text, already printable, give the text to print.
Style = Callable[[str, str], str]

# A hint longer than this is left out, for one that is cut short would be another command.
_HINT_LENGTH_MAX = 2000


class Severity(Enum):
    """How severe a diagnostic is; the value is the word that is printed."""

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
        """The message with names for its particulars: `port <PORT> is out of range`."""
        return re.sub(r"\{(\w+)\}", lambda found: f"<{found[1].upper()}>", self.template)


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement of some characters of a source by others; an empty span inserts."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Correction:
    """A text of the user's as it should be; it is accepted where the text was not.

    Attributes:
        text: The whole text, as it must be typed: a command line, a line of a script, an option.
        edits: What makes it of what was typed: at most one at each place.
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
        span: The exact words it points at; None when there is no text to point at.
        fix: What mends it; None when nothing is known that does.
        fields: The template's particulars, by name.
    """

    kind: Kind
    span: Span | None
    fix: Fix | None
    fields: tuple[tuple[str, object], ...]

    @property
    def hint(self) -> str | None:
        """The text of the fix."""
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
        """The message with its particulars, safe to print and of bounded length."""
        return self.kind.template.format(**{key: printable(shortened(str(value))) for key, value in self.fields})


def diagnose(kind: Kind, span: Span | None = None, fix: Fix | str | None = None, **fields: object) -> Diagnostic:
    """Make a diagnostic.

    Args:
        kind: What is wrong.
        span: The words that it is about.
        fix: What mends it; a text is advice.
        fields: The particulars that the kind's template names.
    """
    return Diagnostic(kind, span, Advice(fix) if isinstance(fix, str) else fix, tuple(fields.items()))


class Refused(Exception):
    """Something was refused: nothing of it has been stored.

    Attributes:
        diagnostics: Why; at least one of them is an error.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(f"{each.code} {each.message}" for each in self.diagnostics))


def reason_of(error: OSError | ValueError) -> str:
    """The system's own words for an error, in the style of messages."""
    return ((error.strerror if isinstance(error, OSError) else None) or str(error)).lower()


def printable(text: str) -> str:
    """`text` with every character that could steer a terminal written as an escape.

    Control characters, bidirectional overrides and other invisible characters become `\\xNN`,
    `\\uNNNN` or `\\UNNNNNNNN`; so does a lone surrogate, which is how Python holds a byte that is
    not UTF-8. A tab becomes a space, so that carets stay under their words.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def shortened(text: str) -> str:
    """`text`, its middle left out where it is too long to be read in a message."""
    if len(text) <= _FIELD_LENGTH_MAX:
        return text
    return f"{text[: _FIELD_LENGTH_MAX - _FIELD_END]}...{text[-_FIELD_END:]}"


def _visible(character: str) -> str:
    if character == "\t":
        return " "
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        # Not `backslashreplace`, which leaves the control characters of ASCII as they are.
        number = ord(character)
        return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
    return character


def display_width(text: str) -> int:
    """The number of terminal columns that `text`, already printable, takes."""
    if text.isascii():
        return len(text)
    return sum(_column_count(character) for character in text)


def _column_count(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _fitting(text: str, columns: int) -> int:
    """How many of the first characters of a text fit into some columns."""
    for count, character in enumerate(text):
        columns -= display_width(printable(character))
        if columns < 0:
            return count
    return len(text)


def plain(part: str, text: str) -> str:
    """The style of what goes elsewhere than to a terminal: none."""
    return text


def render(diagnostic: Diagnostic, style: Style = plain, columns: int = SHOWN_COLUMNS) -> str:
    """Draw a diagnostic as lines of text, without a final line break.

    The form is `FILE:LINE:COL: error: message [CODE]`, the source line, carets under the exact
    words, and a `hint:` line; what is not known is left out. Without a style of its own it is safe to print; it is
    always of bounded length.

    Args:
        diagnostic: What is drawn.
        style: Sets its parts apart.
        columns: How wide the source line may be, so that it does not wrap and its carets stay beneath it.
    """
    severity = diagnostic.kind.severity.value
    heading, code = style(severity, f"{severity}:"), style("code", f"[{diagnostic.code}]")
    lines = [f"{_place(diagnostic.span)}{heading} {diagnostic.message} {code}"]
    if diagnostic.span is not None and diagnostic.span.source.text:
        lines += _excerpt(diagnostic.span, severity, style, columns)
    if diagnostic.span is not None:
        lines += _inclusions(diagnostic.span.source)
        for definition in diagnostic.span.via[:_DEFINITIONS_SHOWN]:
            lines += _definition(definition, style, columns)
    if diagnostic.hint is not None and len(diagnostic.hint) <= _HINT_LENGTH_MAX:
        lines.append(f"{style('hint', 'hint:')} {printable(diagnostic.hint)}")
    return "\n".join(lines)


def _inclusions(source: Source) -> list[str]:
    return [f"included from {printable(span.source.name)}:{span.line}" for span in source.inclusions]


def definition_note(definition: Definition) -> str:
    """What a diagnostic says about a definition that its words come from."""
    name = printable(definition.name)
    return f"`{name}` is first defined here" if definition.is_first else f"from the value of `{name}`"


def _definition(definition: Definition, style: Style, columns: int) -> list[str]:
    span, note = definition.span, Severity.NOTE.value
    heading = f"{_place(span)}{style(note, f'{note}:')} {definition_note(definition)}"
    return [heading, *_excerpt(span, note, style, columns), *_inclusions(span.source)]


def _place(span: Span | None) -> str:
    if span is None:
        return ""
    return f"{printable(shortened(span.source.name))}:{span.line}:{span.column}: "


def _excerpt(span: Span, part: str, style: Style, columns: int) -> list[str]:
    """The source line and the caret line; of a long line, the part around the span."""
    text = span.source.text
    line_start, line_end = span.source.line_bounds(span.start)
    shown_start, shown_end, before, after = line_start, line_end, "", ""
    room = max(columns, _LEAST_COLUMNS) - _MARGIN
    if line_end - line_start > room or display_width(printable(text[line_start:line_end])) > room:
        shown_start = span.start - _fitting(text[max(line_start, span.start - room) : span.start][::-1], room * 3 // 8)
        shown_end = shown_start + _fitting(text[shown_start : min(line_end, shown_start + room)], room)
        before = "..." if shown_start > line_start else ""
        after = "..." if shown_end < line_end else ""
    span_end = max(span.start, min(span.end, shown_end))
    indent = display_width(before + printable(text[shown_start : span.start]))
    carets = max(1, display_width(printable(text[span.start : span_end])))
    return [
        "  " + before + printable(text[shown_start:shown_end]) + after,
        "  " + " " * indent + style(part, "^" * carets),
    ]
