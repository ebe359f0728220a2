"""The lines of a script told apart: continued lines joined, comments and here-documents taken out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from calicoctl.language.quoting import here_document_delimiter
from calicoctl.records import dataclass
from calicoctl.source import Source, Span
from calicoctl.syntax import ast
from calicoctl.syntax.matcher import terminal_pattern
from calicoctl.syntax.parser import LENGTH_MAX


@dataclass(frozen=True, slots=True)
class LogicalLine:
    """What is parsed at once: a line without its comment, and the lines that continue it.

    Attributes:
        extent: The text.
        behind: Where the next line begins: behind its comment, its line break and its here-document.
        document: The here-document behind it.
        unclosed: The delimiter of a here-document that no line ends.
        almost: The line that would end it but for white space; it was meant to.
    """

    extent: Span
    behind: int
    document: ast.HereDocument | None = None
    unclosed: Span | None = None
    almost: Span | None = None


def logical_lines(source: Source, position: int = 0, behind: int | None = None) -> Iterator[LogicalLine]:
    """The logical lines of a script, blank ones and comments left out.

    Args:
        source: The script.
        position: Where the first line begins.
        behind: Where the line behind the last one begins; None for the end of the script.
    """
    text = source.text
    limit = len(text) if behind is None else behind
    while position < limit:
        start, end = position, _logical_end(text, position)
        newline = text.find("\n", end)
        position = len(text) if newline < 0 else newline + 1
        start, end = _stripped(text, start, end)
        if start == end:
            continue
        extent = Span(source, start, end)
        delimiter = _here_delimiter(extent) if "<<" in extent.text else None
        if delimiter is None:
            yield LogicalLine(extent, position)
            continue
        body_end, body_behind = _body_end(text, position, delimiter)
        if body_behind is None:
            almost = _almost_end(source, position, delimiter)
            position = len(text) if almost is None else almost.end
            yield LogicalLine(extent, position, unclosed=delimiter, almost=almost)
            continue
        body = Source(source.name, text[position:body_end], source.line_number(position), source.included_from)
        word = here_document_delimiter(delimiter.text)
        yield LogicalLine(extent, body_behind, ast.HereDocument(word, body.text, Span(body, 0, len(body.text))))
        position = body_behind


def _logical_end(text: str, start: int) -> int:
    """Where the logical line that begins at `start` ends: at its comment or its line break.

    One that is longer than `LENGTH_MAX` ends at a line break.
    """
    # Nearly every line has nothing in it that the whole pattern is needed for.
    plain = _PLAIN_LINE.match(text, start)
    assert plain is not None
    if plain.end() == len(text) or text[plain.end()] == "\n":
        return plain.end()
    if text[plain.end()] == "#" and (plain.end() == start or text[plain.end() - 1].isspace()):
        return plain.end()
    limit = start + LENGTH_MAX + 1
    found = terminal_pattern("LOGICAL_LINE").match(text, start, limit)
    end = start if found is None else found.end()
    if limit < len(text) and text.find("\n", end, limit) < 0:
        # Cut short, perhaps within quotes: only a line break before the limit would have ended them.
        newline = text.find("\n", limit)
        return len(text) if newline < 0 else newline
    return end


_PLAIN_LINE = re.compile(r"[^\n'\"\\#]*")


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """A logical line without the white space and the continued empty lines around it."""
    limit = end
    while start < end and (text[start].isspace() or _continues(text, start, limit)):
        start += 1
    while end > start and (text[end - 1].isspace() or _continues(text, end - 1, limit)):
        end -= 1
    return start, end


def _continues(text: str, position: int, limit: int) -> bool:
    """Whether a backslash at the end of a line stands there."""
    return text[position] == "\\" and terminal_pattern("CONTINUATION").match(text, position, limit) is not None


def _here_delimiter(extent: Span) -> Span | None:
    """The words `<<EOF` at the end of a line."""
    text = extent.text
    for found in re.finditer(r"(?<!\S)<<", text):
        whole = terminal_pattern("HERE_DOCUMENT").match(text, found.start())
        if whole is not None and whole.end() == len(text):
            return Span(extent.source, extent.start + found.start(), extent.end)
    return None


def _almost_end(source: Source, start: int, delimiter: Span) -> Span | None:
    """The first line that has the delimiter and white space."""
    word = re.escape(here_document_delimiter(delimiter.text))
    found = re.compile(rf"^[^\S\n]*{word}[^\S\n]*(?:\n|\Z)", re.MULTILINE).search(source.text, start)
    return None if found is None else Span(source, found.start(), found.end())


def _body_end(text: str, start: int, delimiter: Span) -> tuple[int, int | None]:
    """Where the body that begins at `start` ends, and where the line of the delimiter ends; None when there is none."""
    word = here_document_delimiter(delimiter.text)
    tabs = r"\t*" if delimiter.text.startswith("<<-") else ""
    found = re.compile(rf"^{tabs}{re.escape(word)}\r?(?:\n|\Z)", re.MULTILINE).search(text, start)
    return (len(text), None) if found is None else (found.start(), found.end())
