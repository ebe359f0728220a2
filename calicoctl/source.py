"""Where text came from: sources, and spans within them.

Every node, error and warning points into a `Source` with a `Span`. This module knows nothing of the
rest of the program.
"""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate

from calicoctl.records import dataclass, field

COMMAND_LINE = "<command line>"
STANDARD_INPUT = "<standard input>"
DEFINE_OPTION = "--define"

# Line breaks are counted once for each piece of so many characters. Without that, the lines of N diagnostics
# would be N looks through the whole text: minutes, for a long file in which every line is wrong.
_PIECE = 1 << 16


@dataclass(frozen=True, eq=False)
class Source:
    """A text with a name.

    Attributes:
        name: What diagnostics call it: a path, a datastore key, `COMMAND_LINE`, `STANDARD_INPUT` or
            `DEFINE_OPTION`.
        text: The whole text.
        first_line: The number of its first line; not 1 where the text is a part of a file.
        included_from: Where another script includes it; None when none does.
        path: The resolved path of a script's file, which tells files apart; empty when there is none.
    """

    name: str
    text: str = field(repr=False)
    first_line: int = 1
    included_from: Span | None = field(default=None, repr=False)
    path: str = ""

    @property
    def is_command_line(self) -> bool:
        """Whether the text was typed as the words of one command."""
        return self.name == COMMAND_LINE

    @cached_property
    def has_variables(self) -> bool:
        """Whether any variable can be named in it: whether there is a `$`."""
        return "$" in self.text

    @property
    def inclusions(self) -> tuple[Span, ...]:
        """Where it was included, and where what includes it was, up to a file that nothing includes."""
        found = []
        span = self.included_from
        while span is not None:
            found.append(span)
            span = span.source.included_from
        return tuple(found)

    def line_number(self, offset: int) -> int:
        """The number of the line that holds the character at `offset`."""
        piece = offset // _PIECE
        before = self._line_breaks[piece - 1] if piece else 0
        return before + self.text.count("\n", piece * _PIECE, offset) + self.first_line

    @cached_property
    def _line_breaks(self) -> list[int]:
        """The number of line breaks before the end of each piece of the text."""
        pieces = range(0, len(self.text), _PIECE)
        return list(accumulate(self.text.count("\n", start, start + _PIECE) for start in pieces))

    def column(self, offset: int) -> int:
        """The 1-based column, in characters, of the character at `offset`."""
        return offset - self.text.rfind("\n", 0, offset)

    def line_bounds(self, offset: int) -> tuple[int, int]:
        """The start and end offsets of the line that holds `offset`, its line break left out."""
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
        """The characters themselves."""
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
        """The definitions that the text comes from, the one that is named here first; none for a plain text."""
        return ()

    @property
    def plain(self) -> Span:
        """The same characters, without the definitions."""
        return self


@dataclass(frozen=True, slots=True)
class Definition:
    """Where a value was given to a variable.

    Attributes:
        name: The variable.
        span: The characters of the value that a diagnostic is about.
        is_first: Whether a diagnostic points at it since it was the first of two.
    """

    name: str
    span: Span
    is_first: bool = False


# A class of its own, since nearly every span is a plain one and scripts have millions.
@dataclass(frozen=True, slots=True)
class ExpandedSpan(Span):
    """The characters of a word in which variables are named, with the definitions that its text comes from.

    Attributes:
        definitions: What `via` returns.
    """

    definitions: tuple[Definition, ...] = ()

    @property
    def via(self) -> tuple[Definition, ...]:
        """The definitions that the text comes from, the one that is named here first."""
        return self.definitions

    @property
    def plain(self) -> Span:
        """The same characters, without the definitions."""
        return Span(self.source, self.start, self.end)
