"""Source texts, and spans of characters within them.

Every AST node, error and warning points into a `Source` with a `Span`. This module does not depend on the rest of the
program.
"""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate

from calicoctl.fast_dataclasses import dataclass, field

COMMAND_LINE = "<command line>"
STANDARD_INPUT = "<standard input>"
DEFINE_OPTION = "--define"

# The characters of a chunk, for which line breaks are counted once. Without chunks, the line numbers of N diagnostics
# would take N scans of the whole text: minutes for a long file with an error in every line.
_CHUNK = 1 << 16


@dataclass(frozen=True, eq=False)
class Source:
    """A text with a name.

    Attributes:
        name: Its name in diagnostics: a path, a datastore key, `COMMAND_LINE`, `STANDARD_INPUT` or `DEFINE_OPTION`.
        text: The whole text.
        first_line: The number of its first line; not 1 where the text is a part of a file.
        included_from: The file name in the `include` line that includes it; None when it is not included.
        path: The resolved path of a script's file, by which files are compared; empty when there is none.
    """

    name: str
    text: str = field(repr=False)
    first_line: int = 1
    included_from: Span | None = field(default=None, repr=False)
    path: str = ""

    @property
    def is_command_line(self) -> bool:
        """Whether the text consists of the arguments of one command."""
        return self.name == COMMAND_LINE

    @cached_property
    def has_variables(self) -> bool:
        """Whether the text may refer to a variable, that is, contains a `$`."""
        return "$" in self.text

    @property
    def inclusions(self) -> tuple[Span, ...]:
        """The chain of `include` lines that lead to it, the innermost first."""
        spans = []
        span = self.included_from
        while span is not None:
            spans.append(span)
            span = span.source.included_from
        return tuple(spans)

    def line_number(self, offset: int) -> int:
        """The number of the line that contains the character at `offset`."""
        chunk = offset // _CHUNK
        before = self._line_breaks[chunk - 1] if chunk else 0
        return before + self.text.count("\n", chunk * _CHUNK, offset) + self.first_line

    @cached_property
    def _line_breaks(self) -> list[int]:
        """The number of line breaks before the end of each chunk of the text."""
        starts = range(0, len(self.text), _CHUNK)
        return list(accumulate(self.text.count("\n", start, start + _CHUNK) for start in starts))

    def column(self, offset: int) -> int:
        """The 1-based column, in characters, of the character at `offset`."""
        return offset - self.text.rfind("\n", 0, offset)

    def line_bounds(self, offset: int) -> tuple[int, int]:
        """The start and end offsets of the line that contains `offset`, without its line break."""
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        end = len(self.text) if end < 0 else end
        if end > start and self.text[end - 1] == "\r":
            end -= 1
        return start, end


@dataclass(frozen=True, slots=True)
class Span:
    """The characters `start` (included) to `end` (excluded) of a source, as 0-based offsets."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """The characters."""
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        """The 1-based line on which the span begins."""
        return self.source.line_number(self.start)

    @property
    def column(self) -> int:
        """The 1-based column at which the span begins."""
        return self.source.column(self.start)

    @property
    def via(self) -> tuple[Definition, ...]:
        """The definitions of variables that the text comes from, the outermost first; empty for literal text."""
        return ()

    @property
    def plain(self) -> Span:
        """The same characters, without the definitions."""
        return self


@dataclass(frozen=True, slots=True)
class Definition:
    """The definition of a variable, as a diagnostic refers to it.

    Attributes:
        name: The variable.
        span: The characters of the value that the diagnostic is about.
        is_first: Whether the diagnostic is about a second definition, and this is the first.
    """

    name: str
    span: Span
    is_first: bool = False


# A separate class to save memory: scripts have millions of spans, and nearly all have no definitions.
@dataclass(frozen=True, slots=True)
class ExpandedSpan(Span):
    """The characters of a word with variables, and the definitions that its text comes from.

    Attributes:
        definitions: What `via` returns.
    """

    definitions: tuple[Definition, ...] = ()

    @property
    def via(self) -> tuple[Definition, ...]:
        """The definitions of variables that the text comes from, the outermost first."""
        return self.definitions

    @property
    def plain(self) -> Span:
        """The same characters, without the definitions."""
        return Span(self.source, self.start, self.end)
