"""Where text came from: sources, and spans within them.

Every node, error and warning points into a `Source` with a `Span`. This module knows nothing of the
rest of the program.
"""

from __future__ import annotations

from dataclasses import dataclass, field

COMMAND_LINE = "<command line>"
STANDARD_INPUT = "<standard input>"


@dataclass(frozen=True, eq=False)
class Source:
    """A text with a name.

    Attributes:
        name: What diagnostics call it: a path, a datastore key, `COMMAND_LINE` or `STANDARD_INPUT`.
        text: The whole text.
        first_line: The number of its first line; not 1 where the text is a part of a file.
    """

    name: str
    text: str = field(repr=False)
    first_line: int = 1

    @property
    def is_command_line(self) -> bool:
        """Whether the text was typed as the words of one command."""
        return self.name == COMMAND_LINE

    def line_number(self, offset: int) -> int:
        """The number of the line that holds the character at `offset`."""
        return self.text.count("\n", 0, offset) + self.first_line

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
