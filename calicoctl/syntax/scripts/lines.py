"""Split a script into logical lines: continued lines are joined, comments and here-documents are removed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from calicoctl.fast_dataclasses import dataclass
from calicoctl.language.quoting import here_document_delimiter
from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.matcher import terminal_pattern
from calicoctl.syntax.parser import LENGTH_MAX


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """A line with the lines that continue it, without its comment; it is parsed as a unit.

    Attributes:
        extent: The text.
        next_start: The offset of the next line, after the comment, the line break and the here-document.
        document: The here-document after the line.
        unclosed: The beginning of a here-document without an end.
        padded_end: The line that would end it without its white space, and is treated as its end.
    """

    extent: Span
    next_start: int
    document: ast.HereDocument | None = None
    unclosed: Span | None = None
    padded_end: Span | None = None


def logical_lines(source: Source, position: int = 0, end: int | None = None) -> Iterator[LogicalLine]:
    """The logical lines of a script, without blank lines and comments.

    Args:
        source: The script.
        position: The offset of the first line.
        end: The offset after the last line; None for the end of the script.
    """
    text = source.text
    limit = len(text) if end is None else end
    while position < limit:
        line_end = _logical_end(text, position)
        extent = Span(source, *_stripped(text, position, line_end))
        newline = text.find("\n", line_end)
        position = len(text) if newline < 0 else newline + 1
        if extent.start == extent.end:
            continue
        delimiter = _here_delimiter(extent) if "<<" in extent.text else None
        if delimiter is None:
            yield LogicalLine(extent, position)
            continue
        body_end, next_start = _body_end(text, position, delimiter)
        if next_start is None:
            padded_end = _padded_end(source, position, delimiter)
            position = len(text) if padded_end is None else padded_end.end
            yield LogicalLine(extent, position, unclosed=delimiter, padded_end=padded_end)
            continue
        body = Source(source.name, text[position:body_end], source.line_number(position), source.included_from)
        word = here_document_delimiter(delimiter.text)
        yield LogicalLine(extent, next_start, ast.HereDocument(word, body.text, Span(body, 0, len(body.text))))
        position = next_start


def _logical_end(text: str, start: int) -> int:
    """The end of the logical line that begins at `start`: the offset of its comment or its line break.

    A line that is longer than `LENGTH_MAX` ends at a line break.
    """
    # Nearly every line has no quotes, backslashes and comments, and does not need the full pattern.
    plain = _PLAIN_LINE.match(text, start)
    assert plain is not None
    if plain.end() == len(text) or text[plain.end()] == "\n":
        return plain.end()
    if text[plain.end()] == "#" and (plain.end() == start or text[plain.end() - 1].isspace()):
        return plain.end()
    limit = start + LENGTH_MAX + 1
    match = terminal_pattern("LOGICAL_LINE").match(text, start, limit)
    end = start if match is None else match.end()
    if limit < len(text) and text.find("\n", end, limit) < 0:
        # The line was cut at the limit, perhaps within quotes.
        newline = text.find("\n", limit)
        return len(text) if newline < 0 else newline
    return end


_PLAIN_LINE = re.compile(r"[^\n'\"\\#]*")


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """A logical line without the white space and the continued empty lines around it, as start and end."""
    limit = end
    while start < end and (text[start].isspace() or _continues(text, start, limit)):
        start += 1
    while end > start and (text[end - 1].isspace() or _continues(text, end - 1, limit)):
        end -= 1
    return start, end


def _continues(text: str, position: int, limit: int) -> bool:
    """Whether there is a backslash at the end of a line at a position."""
    return text[position] == "\\" and terminal_pattern("CONTINUATION").match(text, position, limit) is not None


def _here_delimiter(extent: Span) -> Span | None:
    """The beginning of a here-document, such as `<<EOF`, at the end of a line."""
    text = extent.text
    for arrows in re.finditer(r"(?<!\S)<<", text):
        beginning = terminal_pattern("HERE_DOCUMENT").match(text, arrows.start())
        if beginning is not None and beginning.end() == len(text):
            return Span(extent.source, extent.start + arrows.start(), extent.end)
    return None


def _padded_end(source: Source, start: int, delimiter: Span) -> Span | None:
    """The first line that consists of the delimiter and white space."""
    word = re.escape(here_document_delimiter(delimiter.text))
    line = re.compile(rf"^[^\S\n]*{word}[^\S\n]*(?:\n|\Z)", re.MULTILINE).search(source.text, start)
    return None if line is None else Span(source, line.start(), line.end())


def _body_end(text: str, start: int, delimiter: Span) -> tuple[int, int | None]:
    """The end of the body that begins at `start`, and the end of the delimiter's line; None when there is none."""
    word = here_document_delimiter(delimiter.text)
    tabs = r"\t*" if delimiter.text.startswith("<<-") else ""
    line = re.compile(rf"^{tabs}{re.escape(word)}\r?(?:\n|\Z)", re.MULTILINE).search(text, start)
    return (len(text), None) if line is None else (line.start(), line.end())
