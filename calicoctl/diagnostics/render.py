"""How diagnostics are drawn as text, with the source line and carets."""

from __future__ import annotations

from collections.abc import Callable

from calicoctl.diagnostics.core import Diagnostic, Severity
from calicoctl.diagnostics.terminal_text import display_width, printable, shortened
from calicoctl.source import Definition, Source, Span

# Of a longer line, only the part around the span is drawn.
SHOWN_COLUMNS = 168
_MARGIN = len("  ") + 2 * len("...")
# In a narrower line, an escaped character and its caret would not be visible.
_LEAST_COLUMNS = 26
# The value of a variable may refer to other variables, to any depth; only these levels are drawn.
_DEFINITIONS_SHOWN = 4
# A longer hint is left out, because a truncated command is another command.
_HINT_LENGTH_MAX = 2000
# Gives the text to print for a part of a diagnostic: the part (the value of a `Severity` for its word and the carets,
# `code` or `hint`) and its printable text.
Style = Callable[[str, str], str]


def _fitting(text: str, columns: int) -> int:
    """The number of first characters of a text that fit into some columns."""
    for count, character in enumerate(text):
        columns -= display_width(printable(character))
        if columns < 0:
            return count
    return len(text)


def plain(part: str, text: str) -> str:
    """The style of output that is not a terminal."""
    return text


def render(diagnostic: Diagnostic, style: Style = plain, columns: int = SHOWN_COLUMNS) -> str:
    """Draw a diagnostic as lines of text, without a final line break.

    The format is `FILE:LINE:COL: error: message [CODE]`, the source line, carets under the exact
    words, and a `hint:` line; unknown parts are left out. The text is safe to print, unless the style adds control
    characters, and of bounded length.

    Args:
        diagnostic: The diagnostic.
        style: Highlights the parts.
        columns: The greatest width of the source line, so that it does not wrap and the carets stay under it.
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
    """The note about a definition that the words of a diagnostic come from."""
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
